"""The operator's door: a Unix socket beside the running service, for what HTTP must not do.

One JSON line asks, one JSON line answers (long work says before it how far it is), then the
connection closes. The socket has mode 0600 in the data folder, so that only the service's own user
(and root) can reach it; who asked is taken from the kernel, not from the request.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from syncer.domain.errors import InvalidError, NotFoundError, SyncerError
from syncer.observability import Event, get_logger
from syncer.web.problems import status_of

Json = Mapping[str, Any]
Progress = Callable[[Json], None]
Action = Callable[["Asked"], Awaitable[Json]]
Actions = Mapping[str, Action]

SOCKET_NAME = "control.sock"
LONGEST_LINE_BYTES = 65_536
_ASK_SECONDS = 10.0
_ANSWER_SECONDS = 3_600.0
_LONGEST_PATH_BYTES = 100  # sockaddr_un holds 108 with its end; unix(7)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request of an operator; ``actor`` is the account that made it.

    Long work tells ``progress`` how far it is.
    """

    actor: str
    arguments: Json
    progress: Progress = lambda _: None

    def text(self, name: str) -> str:
        """Give an argument that must be a text that is not empty.

        Raises:
            InvalidError: it is missing or something else.
        """
        value = self.arguments.get(name)
        if not isinstance(value, str) or not value.strip():
            raise InvalidError(f"{name} must be given.")
        return value.strip()


@asynccontextmanager
async def serve_control(folder: Path, actions: Actions) -> AsyncIterator[None]:
    """Answer operators at ``control.sock`` in the folder until the block ends."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, TimeoutError):
            await _answer(reader, writer, actions)
        writer.close()

    place = folder / SOCKET_NAME
    place.unlink(missing_ok=True)  # left by a process that died; the folder's lock is ours
    with _short(place) as path:
        mask = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(answer, path, limit=LONGEST_LINE_BYTES)
        finally:
            os.umask(mask)
    try:
        yield
    finally:
        server.close()
        place.unlink(missing_ok=True)


async def ask_control(
    folder: Path, action: str, arguments: Json, *, progress: Progress
) -> Json | None:
    """Ask the service that runs on this folder; None when none does.

    The answer is ``{"ok": ...}`` or ``{"error": {"status", "code", "text"}}``.

    Raises:
        ConnectionError: the service ended before it answered.
        TimeoutError: it did not answer within the hour.
    """
    with _short(folder / SOCKET_NAME) as path:
        try:
            reader, writer = await asyncio.open_unix_connection(path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
    try:
        writer.write(_line({"action": action, "arguments": arguments}))
        await writer.drain()
        async with asyncio.timeout(_ANSWER_SECONDS):
            return await _answer_of(reader, progress)
    finally:
        writer.close()


async def _answer_of(reader: asyncio.StreamReader, progress: Progress) -> Json:
    while line := await reader.readline():
        answer: Json = json.loads(line)
        if "progress" not in answer:
            return answer
        progress(answer["progress"])
    raise ConnectionError("the service ended before it answered")


def account_of(uid: int) -> str:
    """Name an account of this machine."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, actions: Actions
) -> None:
    try:
        async with asyncio.timeout(_ASK_SECONDS):
            request = json.loads(await reader.readline())
        action = actions.get(request["action"])
        if action is None:
            raise NotFoundError("This service does not know that action; is it of another release?")
        asked = Asked(
            actor=_peer(writer),
            arguments=request.get("arguments") or {},
            progress=lambda done: writer.write(_line({"progress": done})),
        )
        answer: Json = {"ok": await action(asked)}
        _log.info(Event.OPERATOR_ACTION, action=request["action"], actor=asked.actor)
    except SyncerError as error:
        answer = _error(status_of(error), error.code, str(error))
    except (ValueError, KeyError, TypeError, AttributeError):
        _log.exception(Event.REQUEST_FAILED)
        answer = _error(500, "internal", "The request failed; the service's log has more.")
    writer.write(_line(answer))
    await writer.drain()


def _peer(writer: asyncio.StreamWriter) -> str:
    connection = writer.get_extra_info("socket")
    size = struct.calcsize("3i")
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    _, uid, _ = struct.unpack("3i", credentials)
    return account_of(uid)


def _error(status: int, code: str, text: str) -> Json:
    return {"error": {"status": status, "code": code, "text": text}}


def _line(value: Json) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@contextmanager
def _short(place: Path) -> Iterator[str]:
    """Give a spelling of the path that fits into a socket address."""
    if len(os.fsencode(place)) <= _LONGEST_PATH_BYTES:
        yield str(place)
        return
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)
