"""The server's application: one gate for every request, one way out for every answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from syncer.domain.errors import RequestRefusedError, SyncerError
from syncer.observability import log_context
from syncer.observability.crash_points import crash_point
from syncer.services.catalog import Services
from syncer.web.answers import Answer, Events, encode, entity_tag, matches, precondition
from syncer.web.bodies import read_json
from syncer.web.forms import receive_form
from syncer.web.idempotency import Idempotency, read_key
from syncer.web.origins import OriginRules
from syncer.web.parameters import read_path, read_query
from syncer.web.problems import problem_of, problem_of_bug, problem_of_http
from syncer.web.routes import Call, Route
from syncer.web.streams import STARTED, stream
from syncer.web.token import TokenCheck

AiohttpHandler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID = web.RequestKey("request_id", str)
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def serve(
    routes: Sequence[Route], services: Services, *, token: str, allowed_hosts: Sequence[str]
) -> web.Application:
    """Make an application that serves the routes."""
    gate = _Gate(services, TokenCheck(token), OriginRules(allowed_hosts))
    app = web.Application(middlewares=[gate.answer_errors, gate.let_in])
    app.on_response_prepare.append(_set_headers)
    desk = _Desk(services)
    app.on_shutdown.append(desk.stop)
    for route in routes:
        handler = desk.handler(route)
        if route.is_open:
            gate.open_handlers.add(handler)
        if route.method == "GET":
            app.router.add_get(route.path, handler)
        else:
            app.router.add_route(route.method, route.path, handler)
    return app


class _Gate:
    """What stands before every route, known or not."""

    def __init__(self, services: Services, token: TokenCheck, origins: OriginRules) -> None:
        self.open_handlers: set[Any] = set()
        self._services = services
        self._token = token
        self._origins = origins

    @web.middleware
    async def answer_errors(
        self, request: web.Request, handler: AiohttpHandler
    ) -> web.StreamResponse:
        """Turn whatever is raised into a problem body with the request's id."""
        request_id = request[REQUEST_ID] = self._services.ids.new()
        with log_context(request_id=request_id):
            try:
                return await handler(request)
            except SyncerError as error:
                now = self._services.clock.now()
                answer = problem_of(error, request_id=request_id, now=now)
            except web.HTTPException as error:
                answer = problem_of_http(error, request_id=request_id)
            except Exception:  # noqa: BLE001  # the border: a bug becomes an answer
                answer = problem_of_bug(request_id=request_id)
        started: web.StreamResponse | None = request.get(STARTED)
        return answer if started is None else started

    @web.middleware
    async def let_in(self, request: web.Request, handler: AiohttpHandler) -> web.StreamResponse:
        """Check host, origin and token."""
        self._origins.check(request)
        if request.match_info.handler not in self.open_handlers:
            self._check_token(request)
        return await handler(request)

    def _check_token(self, request: web.Request) -> None:
        if not self._token.accepts(request.headers.getall("Authorization", [])):
            raise RequestRefusedError(
                401,
                "unauthorized",
                "Send the token of the data folder's api-token file as a Bearer token.",
                headers={"WWW-Authenticate": "Bearer"},
            )


@dataclass(frozen=True, slots=True)
class _Taken:
    """A body as the handler gets it, and as the JSON value that a repetition is told by."""

    body: Any
    told: Any


class _Desk:
    """Takes requests apart for the handlers, and sends what they answer."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._idempotency = Idempotency(services.store, services.vault, services.clock)
        self._stopping = asyncio.Event()

    async def stop(self, _app: web.Application) -> None:
        """End the streams."""
        self._stopping.set()

    def handler(self, route: Route) -> AiohttpHandler:
        """Make the server's handler of a route."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._respond(request, await self._answer(route, request))

        return handle

    async def _answer(self, route: Route, request: web.Request) -> Answer:
        path = read_path(request)
        query = read_query(request, route.query)
        key = read_key(request, required=route.key_required) if route.keyed else None
        async with self._body(route, request) as taken:
            call: Call[Any, Any] = Call(
                services=self._services,
                request=request,
                request_id=request[REQUEST_ID],
                path=path,
                query=query,
                body=taken.body,
                if_match=precondition(request.headers.get("If-Match"))
                if route.conditional
                else None,
            )
            if key is None:
                return await route.handler(call)
            return await self._answer_once(route, call, key, taken.told)

    @asynccontextmanager
    async def _body(self, route: Route, request: web.Request) -> AsyncIterator[_Taken]:
        if route.form is not None:
            async with receive_form(request, route.form, self._services.blobs) as form:
                yield _Taken(form, form.told())
        elif request.method in _WITH_BODY:
            body = await read_json(request)
            yield _Taken(body.fit(route.body), body.value)
        else:
            yield _Taken(None, {})

    async def _answer_once(self, route: Route, call: Call[Any, Any], key: str, told: Any) -> Answer:
        place = f"{call.request.method} {call.request.path}"
        async with self._idempotency.claim(place, key, told, secret=route.secret) as claim:
            if claim.kept is not None:
                return claim.kept
            answer = await route.handler(call.with_claim(claim))
            crash_point("answer-made")
            await self._idempotency.keep(claim, answer)
            crash_point("answer-kept")
            return answer

    async def _respond(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        headers = dict(answer.headers)
        match answer.body:
            case Events():
                return await stream(
                    request, answer.body, clock=self._services.clock, stopping=self._stopping
                )
            case Path():
                return web.FileResponse(answer.body, status=answer.status, headers=headers)
            case bytes() | None:
                return web.Response(status=answer.status, body=answer.body, headers=headers)
        body = encode(answer.body)
        if request.method in {"GET", "HEAD"}:
            headers["ETag"] = tag = entity_tag(body)
            if matches(request.headers.get("If-None-Match", ""), tag):
                return web.Response(status=304, headers=headers)
        return web.Response(
            status=answer.status, body=body, content_type="application/json", headers=headers
        )


async def _set_headers(_request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Server"] = "syncer"
    for name, value in _SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = _request.get(REQUEST_ID, "")
