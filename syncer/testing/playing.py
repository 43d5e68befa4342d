"""What played partners over HTTP share: problem bodies, faults on demand, what arrived."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):  # noqa: N818  an answer, not a fault of the program
    """An error answer: problem+json with a code; ``facts`` are further members of its body."""

    def __init__(
        self, status: int, code: str, *, headers: Mapping[str, str] | None = None, **facts: Any
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.headers = dict(headers or {})
        self.facts = facts

    def answer(self) -> web.Response:
        """Give it as an HTTP answer."""
        body = {"type": "about:blank", "status": self.status, "code": self.code, **self.facts}
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(body),
            headers=self.headers,
            content_type="application/problem+json",
        )


@web.middleware
async def as_problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every error as problem+json."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.answer()
    except web.HTTPException as error:
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        code = error.reason.upper().replace(" ", "_")
        return Problem(error.status, code, headers=headers).answer()


@dataclass(slots=True, kw_only=True)
class Fault:
    """What is done instead of the right answer, ``times`` times, to requests that match.

    ``status`` None closes the connection without an answer. With ``is_after`` what was asked for
    happens first, and only its answer is lost. ``method`` and ``path`` (a part of it) say which
    requests are meant; empty ones any.
    """

    status: int | None
    method: str = ""
    path: str = ""
    times: int = 1
    is_after: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def matches(self, request: web.Request) -> bool:
        """Say whether a request is to meet it."""
        is_method = self.method in {"", request.method}
        return self.times > 0 and is_method and self.path in request.path

    async def meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Let a request meet it."""
        self.times -= 1
        if self.is_after:
            await handler(request)
        elif request.can_read_body:
            await _read_away(request)
        if self.status is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return web.Response(status=self.status, headers=self.headers, body=self.body)


async def with_faults(
    request: web.Request, handler: Handler, faults: Collection[Fault]
) -> web.StreamResponse:
    """Let a request meet the first fault that matches, else answer it."""
    fault = next((one for one in faults if one.matches(request)), None)
    return await (handler(request) if fault is None else fault.meet(request, handler))


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]

    @classmethod
    def of(cls, request: web.Request) -> Seen:
        """Note a request."""
        return cls(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers=dict(request.headers),
        )


async def _read_away(request: web.Request) -> None:
    async for _ in request.content.iter_any():
        pass
