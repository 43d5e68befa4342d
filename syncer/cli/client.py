"""Talks to the running service over its API; finds it by the configuration."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from syncer.cli.exits import ServiceAnswerError, ServiceNotReachableError
from syncer.config import Settings

Json = dict[str, Any]
Query = Mapping[str, str | int | None]

_ANY_ADDRESS = frozenset({"0.0.0.0", "::", ""})  # noqa: S104  read, not bound to
_CONNECT_SECONDS = 5.0
_ANSWER_SECONDS = 90.0  # longer than the longest wait that the API allows
_PAGE = 500


def address_of(settings: Settings) -> str:
    """Give the base URL under which the service of this configuration is reached."""
    host = settings.server.host
    if host in _ANY_ADDRESS:
        host = "127.0.0.1"
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{settings.server.port}"


def token_path_of(settings: Settings) -> Path:
    """Say where the service of this configuration keeps its token."""
    return settings.data_dir / "api-token"


class ServiceClient:
    """One command's connection to the service; an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.address = address_of(settings)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        socket = self._settings.server.socket
        connector = aiohttp.UnixConnector(path=socket) if socket else aiohttp.TCPConnector()
        self._session = aiohttp.ClientSession(
            connector=connector,
            timeout=aiohttp.ClientTimeout(total=_ANSWER_SECONDS, connect=_CONNECT_SECONDS),
            headers={"Authorization": f"Bearer {self._token()}", "Accept": "application/json"},
            trust_env=False,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    def _token(self) -> str:
        file = token_path_of(self._settings)
        try:
            return file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            text = (
                f"No service has run with this configuration yet: {file} does not exist.\n"
                "Start it with `syncer run`, or name its configuration with --config."
            )
            raise ServiceNotReachableError(text) from None
        except OSError as error:
            text = f"{file} cannot be read ({error.strerror}); run this as the service's user."
            raise ServiceNotReachableError(text) from None

    async def get(self, path: str, query: Query | None = None) -> Any:
        """GET a JSON answer.

        Raises:
            ServiceNotReachableError: nothing answers there.
            ServiceAnswerError: the service answered with an error.
        """
        return (await self.call("GET", path, query=query))[1]

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: object = None,
        key: str | None = None,
    ) -> tuple[int, Any]:
        """Make a request, with an idempotency key where one is given.

        Gives the status and the JSON answer. Raises as ``get`` does.
        """
        headers = {"Idempotency-Key": key} if key else {}
        return await self._exchange(
            method, path, params=_present(query), json=body, headers=headers
        )

    async def upload(
        self, path: str, content: bytes, *, name: str, fields: Mapping[str, str]
    ) -> tuple[int, Any]:
        """POST a file as ``multipart/form-data``, behind its fields. Raises as ``get`` does."""
        form = aiohttp.FormData(default_to_multipart=True)
        for field, value in fields.items():
            form.add_field(field, value)
        form.add_field("file", content, filename=name, content_type="application/octet-stream")
        return await self._exchange("POST", path, data=form)

    async def _exchange(self, method: str, path: str, **sent: Any) -> tuple[int, Any]:
        try:
            async with self._open().request(method, self.address + path, **sent) as response:
                content = await response.read()
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise self._not_reachable(error) from None
        value = _decoded(content)
        if response.status >= 400:
            raise _answer_error(response.status, value)
        return response.status, value

    async def status_of(self, path: str) -> tuple[int, Any]:
        """GET whatever the status is; for health routes."""
        try:
            return await self.call("GET", path)
        except ServiceAnswerError as error:
            return error.status, {"code": error.code, "detail": str(error)}

    async def all(self, path: str, query: Query | None = None, *, most: int = 10_000) -> list[Json]:
        """GET a list to its end, page by page, up to ``most`` items."""
        items: list[Json] = []
        after: str | None = None
        while True:
            page = await self.get(path, {**(query or {}), "limit": _PAGE, "after": after})
            items.extend(page["items"])
            after = page["next"]
            if after is None or len(items) >= most:
                return items[:most]

    async def events(self, path: str) -> AsyncIterator[tuple[str, Json]]:
        """Read a stream of server-sent events as (event, data) until the service closes it."""
        try:
            async with self._open().get(
                self.address + path,
                headers={"Accept": "text/event-stream"},
                timeout=aiohttp.ClientTimeout(total=None, connect=_CONNECT_SECONDS, sock_read=60),
            ) as response:
                if response.status >= 400:
                    raise _answer_error(response.status, _decoded(await response.read()))
                event = ""
                async for raw in response.content:
                    line = raw.decode().rstrip("\r\n")
                    if line.startswith("event:"):
                        event = line.removeprefix("event:").strip()
                    elif line.startswith("data:"):
                        yield event, json.loads(line.removeprefix("data:"))
        except (aiohttp.ClientConnectionError, TimeoutError) as error:
            raise self._not_reachable(error) from None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("use the client as an async context manager")
        return self._session

    def _not_reachable(self, error: Exception) -> ServiceNotReachableError:
        place = self._settings.server.socket or self.address
        cause = "it did not answer in time" if isinstance(error, TimeoutError) else "nothing there"
        return ServiceNotReachableError(
            f"The service cannot be reached at {place}: {cause}.\n"
            "Start it with `syncer run`; `syncer doctor` looks closer."
        )


def _present(query: Query | None) -> dict[str, str]:
    return {name: str(value) for name, value in (query or {}).items() if value is not None}


def _decoded(content: bytes) -> Any:
    try:
        return msgspec.json.decode(content) if content else None
    except msgspec.DecodeError:
        return content.decode(errors="replace")


def _answer_error(status: int, value: Any) -> ServiceAnswerError:
    if not isinstance(value, dict):
        return ServiceAnswerError(status, "internal", f"The service answered with status {status}.")
    text = str(value.get("detail") or value.get("title") or f"status {status}")
    errors = tuple(
        f"{fault.get('pointer', '')}: {fault.get('message', '')}"
        for fault in value.get("errors") or ()
    )
    return ServiceAnswerError(status, str(value.get("code") or "internal"), text, errors)
