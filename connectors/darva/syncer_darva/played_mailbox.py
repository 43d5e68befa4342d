"""IRIS played on loopback: the mailbox over HTTP, as strict as its contract."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from html import escape

from aiohttp import web

from syncer.testing import Fault, Handler, Seen, serve_app, with_faults
from syncer_darva.played_messages import UnreadableMessageError
from syncer_darva.played_network import Mailbox, Network, Waiting, begin_work, real_time

_XML = "application/xml"
_LARGEST_REQUEST_BYTES = 20 * 1024 * 1024
_ROOM = "/mailboxes/{subscriber}/{station}"


class PlayedIris:
    """The mailboxes of a network over HTTP.

    ``seen`` lists what arrived; ``faults`` are what goes wrong next.
    """

    def __init__(self, now: Callable[[], datetime] = real_time) -> None:
        self.network = Network(now=now)
        self.passwords: dict[str, str] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the mailboxes on a free loopback port; gives the ``base_url``."""
        app = web.Application(middlewares=[self._watch], client_max_size=_LARGEST_REQUEST_BYTES)
        app.add_routes(
            [
                web.get(f"{_ROOM}/messages", self._list),
                web.get(f"{_ROOM}/messages/{{id}}", self._read),
                web.post(f"{_ROOM}/messages/{{id}}/ack", self._acknowledge),
                web.put(f"{_ROOM}/outbox/{{id}}", self._send),
            ]
        )
        return serve_app(app)

    def mailbox(self, subscriber: str = "012345", station: str = "01") -> Mailbox:
        """Open a mailbox without any message."""
        box = self.network.mailbox(subscriber, station)
        self.passwords[box.name] = f"pässword-of-{box.name}"
        return box

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Open a mailbox with some work in it; gives its credentials."""
        box = self.network.mailbox_of(repairer)
        self.passwords[box.name] = f"pässword-of-{box.name}"
        begin_work(box)
        return self.credentials(box)

    def credentials(self, box: Mailbox) -> dict[str, str]:
        """Give what a link to a mailbox is registered with."""
        return {
            "subscriber_no": box.subscriber,
            "station_no": box.station,
            "password": self.passwords[box.name],
        }

    def live(self) -> str:
        """Let one thing happen at one repairer's insurer; gives one line that says what."""
        return self.network.live()

    # -- around every request ---------------------------------------------------------------------

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.seen.append(Seen.of(request))
        return await with_faults(request, handler, self.faults)

    def _mailbox(self, request: web.Request) -> Mailbox:
        """Give the mailbox of a request that proves itself by HTTP Basic in UTF-8."""
        name = f"{request.match_info['subscriber']}-{request.match_info['station']}"
        password = self.passwords.get(name, "")
        wanted = base64.b64encode(f"{name}:{password}".encode()).decode()
        if not password or request.headers.get("Authorization") != f"Basic {wanted}":
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic charset="UTF-8"'})
        if "X-Correlation-Id" not in request.headers:
            raise web.HTTPBadRequest(text="A correlation id is needed.")
        return self.network.boxes[name]

    # -- operations -------------------------------------------------------------------------------

    async def _list(self, request: web.Request) -> web.Response:
        box = self._mailbox(request)
        if set(request.query) != {"after", "limit"}:
            raise web.HTTPBadRequest(text="after and limit are needed, and nothing else.")
        after, limit = _number(request.query["after"]), _number(request.query["limit"])
        if not 1 <= limit <= 100:
            raise web.HTTPBadRequest(text="limit must be 1 to 100.")
        behind = sorted(
            (one for one in box.waiting.values() if one.seq > after), key=lambda one: one.seq
        )
        page = behind[:limit]
        last = page[-1].seq if page else after
        refs = "".join(f'<ref id="{escape(one.id)}" seq="{one.seq}"/>' for one in page)
        more = str(len(behind) > limit).lower()
        return _xml(f'<messages last="{last}" more="{more}">{refs}</messages>'.encode())

    async def _read(self, request: web.Request) -> web.Response:
        return _xml(_waiting(self._mailbox(request), request).raw)

    async def _acknowledge(self, request: web.Request) -> web.Response:
        _waiting(self._mailbox(request), request).is_acknowledged = True
        return web.Response(status=204)

    async def _send(self, request: web.Request) -> web.Response:
        box, id_ = self._mailbox(request), request.match_info["id"]
        if request.content_type != _XML:
            raise web.HTTPUnsupportedMediaType
        raw = await request.read()
        if id_ in box.sent:
            return web.Response(status=200 if box.sent[id_] == raw else 409)
        try:
            is_taken = box.take(id_, raw)
        except UnreadableMessageError as error:
            return web.Response(status=422, text=str(error))
        return web.Response(status=201 if is_taken else 422)


def _waiting(box: Mailbox, request: web.Request) -> Waiting:
    waiting = box.waiting.get(request.match_info["id"])
    if waiting is None:
        raise web.HTTPNotFound
    return waiting


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise web.HTTPBadRequest(text="A number is needed.")
    return int(text)


def _xml(body: bytes) -> web.Response:
    return web.Response(body=body, content_type=_XML)
