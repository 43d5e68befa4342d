"""What every request to the played portal goes through: faults, credentials, problem bodies."""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import msgspec
from aiohttp import web

from syncer_restart.played_account import Account

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_CHALLENGE = {"WWW-Authenticate": 'Basic realm="RESTART", charset="UTF-8"'}


class Problem(Exception):  # noqa: N818  an answer, not a fault of the program
    """An error answer: problem+json with a code."""

    def __init__(
        self, status: int, code: str, *, headers: Mapping[str, str] | None = None, **facts: str
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


@dataclass(slots=True, kw_only=True)
class Fault:
    """What is done instead of the right answer, ``times`` times, to requests that match.

    ``status`` None closes the connection without an answer. With ``is_after`` what was asked for
    happens first, and only its answer is lost.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


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


async def faulty(request: web.Request, handler: Handler, fault: Fault) -> web.StreamResponse:
    """Let a request meet a fault."""
    if fault.is_after:
        await handler(request)
    elif request.can_read_body:
        await request.read()
    if fault.status is None:
        if request.transport is not None:
            request.transport.abort()
        return web.Response()
    return web.Response(status=fault.status, headers=fault.headers, body=fault.body)


def account_of(request: web.Request, accounts: Mapping[str, Account]) -> Account:
    """Find the account whose user and password come with the request.

    Raises:
        Problem: 401 when they are missing, unreadable or wrong.
    """
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    try:
        pair = base64.b64decode(encoded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pair = ""
    user, colon, password = pair.partition(":")
    account = accounts.get(user)
    if scheme.lower() != "basic" or not colon or account is None:
        raise Problem(401, "NON_AUTORIZZATO", headers=_CHALLENGE)
    if not hmac.compare_digest(account.password.encode(), password.encode()):
        raise Problem(401, "NON_AUTORIZZATO", headers=_CHALLENGE)
    return account


def refuse_parameters(request: web.Request, known: frozenset[str] = frozenset()) -> None:
    """Refuse parameters that the route does not have, and repeated ones.

    Raises:
        Problem: 400.
    """
    names = list(request.query)
    if set(names) - known or len(names) != len(set(names)):
        raise Problem(400, "PARAMETRO_NON_VALIDO")
