"""ASSUR3D played on loopback, as strict as its contract, for the demo and for tests."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from aiohttp import BodyPartReader, web

from syncer.sdk import parse_instant
from syncer.testing import Fault, Handler, Problem, Seen, as_problems, serve_app, with_faults
from syncer_assur3d import wire
from syncer_assur3d.played_office import FollowUp, Office, etag_of

DEFAULT_PAGE = 50
LARGEST_FILE_BYTES = 52_428_800
_OPEN = {"missing", "rejected"}


def _real_time() -> datetime:
    return datetime.now(UTC)


class PlayedAssur3d:
    """The platform with its offices; tests put what goes wrong into ``faults``."""

    def __init__(self, now: Callable[[], datetime] = _real_time) -> None:
        self.now = now
        self.offices: dict[str, Office] = {}
        self.faults: list[Fault] = []
        self.seen: list[Seen] = []
        self._turn = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve the platform on a free loopback port; gives its ``base_url``."""
        async with serve_app(self.application()) as base_url:
            yield base_url

    def application(self) -> web.Application:
        """Make the aiohttp application."""
        app = web.Application(
            middlewares=[self._watch, as_problems], client_max_size=2 * LARGEST_FILE_BYTES
        )
        office = "/v1/offices/{office}"
        types, follow_ups = f"{office}/contract-types", f"{office}/followups"
        app.router.add_get(office, self.show_office)
        app.router.add_get(types, self.list_types)
        app.router.add_get(f"{types}/{{code}}/expected-documents", self.list_expected)
        app.router.add_get(follow_ups, self.list_follow_ups)
        app.router.add_post(f"{follow_ups}/{{id}}/documents", self.deposit)
        app.router.add_post(f"{follow_ups}/{{id}}/pieces/{{type}}/waiver", self.waive)
        return app

    def add_office(self, id_: str = "O-7", token: str = "assur3d-token-1") -> Office:
        """Add an office without follow-ups."""
        office = Office(id=id_, token=token, name=f"Cabinet {id_}", now=self.now)
        self.offices[id_] = office
        return office

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make an office with a follow-up that misses two documents; gives its credentials."""
        office = self.add_office(repairer, f"token-of-{repairer}")
        earlier = self.now() - timedelta(days=3)
        office.add(f"F-{repairer}-1", updated_at=earlier)
        office.add(f"F-{repairer}-2", "habitation", updated_at=earlier + timedelta(hours=1))
        return office.credentials()

    def live(self) -> str:
        """Let a document arrive, or a proposal whose documents are all there become a contract."""
        found = [
            (office, one)
            for office in self.offices.values()
            for one in office.follow_ups.values()
            if one.stage == "quote"
        ]
        if not found:
            return "every proposal is a contract already"
        self._turn += 1
        office, follow_up = found[self._turn % len(found)]
        piece = next((p for p in follow_up.pieces if p["required"] and p["status"] in _OPEN), None)
        if piece is None:
            office.convert(follow_up)
            return f"{office.id}: proposal {follow_up.id} is a contract"
        office.put(follow_up, piece["documentTypeId"], "received")
        return f"{office.id}: {piece['label']} arrived for {follow_up.id}"

    # -- the routes -------------------------------------------------------------------------------

    async def show_office(self, request: web.Request) -> web.Response:
        """Show the office."""
        office = self._office(request)
        return _json({"id": office.id, "name": office.name})

    async def list_types(self, request: web.Request) -> web.Response:
        """List the types of contract."""
        office = self._office(request)
        types = [{"code": code, "label": code.title()} for code in office.types]
        return _json(types, ETag=etag_of(types))

    async def list_expected(self, request: web.Request) -> web.Response:
        """List what is expected for a type."""
        office = self._office(request)
        if request.match_info["code"] not in office.types:
            raise Problem(404, "CONTRACT_TYPE_UNKNOWN")
        expected = office.expected(request.match_info["code"])
        etag = etag_of(expected)
        if request.headers.get("If-None-Match") == etag:
            return web.Response(status=304, headers={"ETag": etag})
        return _json(expected, ETag=etag)

    async def list_follow_ups(self, request: web.Request) -> web.Response:
        """List what changed, page by page."""
        office = self._office(request, {wire.SINCE, wire.CURSOR, wire.LIMIT})
        limit = _limit(request.query.get(wire.LIMIT))
        if wire.CURSOR in request.query:
            if wire.SINCE in request.query:
                raise Problem(422, "PARAMETER_INVALID")
            waiting = office.behind(request.query[wire.CURSOR])
            if waiting is None:
                raise Problem(410, "CURSOR_EXPIRED")
        else:
            waiting = office.listing(_instant(request.query.get(wire.SINCE)))
        page, rest = waiting[:limit], waiting[limit:]
        following = office.keep_position(page[-1]) if rest else None
        return _json({"items": [one.view() for one in page], "nextCursor": following})

    async def deposit(self, request: web.Request) -> web.Response:
        """Take a document."""
        office = self._office(request)
        follow_up = _follow_up(office, request)
        if request.content_type != "multipart/form-data":
            raise Problem(422, "CONTENT_TYPE_INVALID")
        type_, digest = await _read_deposit(request)
        piece = follow_up.piece(type_)
        if piece is None:
            raise Problem(422, "DOCUMENT_TYPE_UNKNOWN")
        known = follow_up.digests.get(digest)
        document = known or f"d-{len(follow_up.digests) + 1}"
        if known is None:
            follow_up.digests[digest] = document
            piece |= {"status": "received", "documentId": document}
        office.touch(follow_up)
        status = 200 if known else 201
        return _json({"documentId": document, "sha256": digest}, status=status)

    async def waive(self, request: web.Request) -> web.Response:
        """Waive a document."""
        office = self._office(request)
        follow_up = _follow_up(office, request)
        piece = follow_up.piece(request.match_info["type"])
        if piece is None:
            raise Problem(404, "PIECE_UNKNOWN")
        try:
            body = msgspec.json.decode(await request.read())
        except msgspec.DecodeError:
            body = None
        is_sound = request.content_type == "application/json" and isinstance(body, dict)
        if not is_sound or body.keys() != {"reason"} or not body["reason"]:
            raise Problem(422, "REASON_MISSING")
        piece["status"] = "waived"
        office.waivers[follow_up.id, piece["documentTypeId"]] = body["reason"]
        office.touch(follow_up)
        return web.Response(status=204)

    def _office(self, request: web.Request, parameters: set[str] | None = None) -> Office:
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        known = [
            office
            for office in self.offices.values()
            if hmac.compare_digest(office.token.encode(), token.encode())
        ]
        if scheme != "Bearer" or not known:
            raise Problem(401, "TOKEN_INVALID")
        office = known[0]
        if request.match_info["office"] not in self.offices:
            raise Problem(404, "OFFICE_UNKNOWN")
        if request.match_info["office"] != office.id:
            raise Problem(403, "OFFICE_FORBIDDEN")
        names = list(request.query)
        if set(names) - (parameters or set()) or len(names) != len(set(names)):
            raise Problem(422, "PARAMETER_INVALID")
        return office

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        self.seen.append(Seen.of(request))
        return await with_faults(request, handler, self.faults)


async def _read_deposit(request: web.Request) -> tuple[str, str]:
    """Read the two parts in their order; gives the type and the file's SHA-256."""
    type_, digest, names = "", hashlib.sha256(), []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Problem(422, "PART_INVALID")
        names.append(part.name)
        if part.name == wire.PART_TYPE:
            type_ = (await part.read()).decode()
            continue
        if not part.filename:
            raise Problem(422, "FILE_MISSING")
        size = 0
        while chunk := await part.read_chunk():
            digest.update(chunk)
            size += len(chunk)
        if size > LARGEST_FILE_BYTES:
            raise Problem(413, "FILE_TOO_LARGE")
    if names != [wire.PART_TYPE, wire.PART_FILE]:
        raise Problem(422, "PARTS_INVALID")
    return type_, digest.hexdigest()


def _follow_up(office: Office, request: web.Request) -> FollowUp:
    follow_up = office.follow_ups.get(request.match_info["id"])
    if follow_up is None:
        raise Problem(404, "FOLLOW_UP_UNKNOWN")
    return follow_up


def _limit(text: str | None) -> int:
    if text is None:
        return DEFAULT_PAGE
    if not text.isdigit() or not 1 <= int(text) <= wire.LONGEST_PAGE:
        raise Problem(422, "LIMIT_INVALID")
    return int(text)


def _instant(text: str | None) -> datetime:
    try:
        return parse_instant(text or "")
    except ValueError:
        raise Problem(422, "UPDATED_SINCE_INVALID") from None


def _json(value: Any, *, status: int = 200, **headers: str) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers=headers,
    )
