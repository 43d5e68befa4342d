"""A Claims360 of our own, written from the contract's text alone, that forgives nothing.

It shares no line with the connector or with the partner that the connector plays, so that a
misreading of the contract shows. Whatever a request does against the contract is noted in
``broken_rules``; a test that ends with an empty list has seen none.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote

from aiohttp import web

from syncer.testing import serve_app

Json = dict[str, Any]
Answer = Callable[["Asked"], Awaitable[web.StreamResponse]]
Instant = tuple[datetime, int]

BODYSHOP_KEY, PLANNING_KEY = "X-Bodyshop-Api-Key", "X-Planning-Api-Key"
MOST_AT_ONCE, MOST_PER_SECOND = 4, 20
_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII
)
_UNRESERVED = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})*")


def instant(text: str) -> Instant:
    """Read RFC 3339 to the nanosecond: the second in UTC, and the nanoseconds."""
    found = _INSTANT.fullmatch(text)
    if found is None:
        raise ValueError(text)
    second = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00")).astimezone(UTC)
    return second, int((found[2] or "").ljust(9, "0"))


def spelled(at: datetime, *, digits: int = 3, offset: str = "Z") -> str:
    """Write an instant with so many fraction digits, in the time of an offset."""
    hours = 0 if offset == "Z" else int(offset[:3])
    local = at.astimezone(UTC) + timedelta(hours=hours)
    fraction = f".{local.microsecond:06d}000"[: digits + 1] if digits else ""
    return f"{local:%Y-%m-%dT%H:%M:%S}{fraction}{offset}"


def jpeg(seed: str, size: int = 900) -> bytes:
    """Make something that begins as a JPEG and is like no other."""
    filling = hashlib.sha256(seed.encode()).digest() * (size // 32 + 1)
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + filling[:size] + b"\xff\xd9"


@dataclass(frozen=True)
class Asked:
    """One request: the body shop and what follows it in the path, decoded, and its parameters."""

    method: str
    bodyshop: str
    parts: tuple[str, ...]
    query: dict[str, str]
    headers: dict[str, str]
    at: float

    @property
    def operation(self) -> str:
        """Name the operation: ``check``, ``changes``, ``quote``, ``mission``, ``photos``, ..."""
        match self.parts:
            case ():
                return "check"
            case ("changes",):
                return "changes"
            case ("missions", _):
                return "mission"
            case ("quotes", _):
                return "quote"
            case ("missions", _, "photos"):
                return "photos"
            case ("photos", _, "content"):
                return "photo"
        return "unknown"


@dataclass
class Photo:
    """A photo: what is announced of it, and what it really is."""

    announced: Json
    content: bytes
    content_type: str


@dataclass
class StrictPartner:
    """The partner's world; tests change it as they like. ``answers`` replaces one operation."""

    bodyshop: str = "475869429"
    keys: tuple[str, str] = ("bodyshop-key-0123456789", "planning-key-0123456789")
    prefix: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: TID251
    items: dict[tuple[str, str], Json] = field(default_factory=dict)
    lines: dict[str, list[Json]] = field(default_factory=dict)
    details: dict[tuple[str, str], Json] = field(default_factory=dict)
    photos: dict[str, dict[str, Photo]] = field(default_factory=dict)
    withdrawn: set[tuple[str, str]] = field(default_factory=set)
    page_size: int | None = None
    expired: bool = False
    seen: list[Asked] = field(default_factory=list)
    broken_rules: list[str] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    pause: float = 0.0
    _open: int = 0
    _begun: list[float] = field(default_factory=list)

    # -- the world --------------------------------------------------------------------------------

    def put(self, kind: str, id_: str, at: str, **more: Any) -> Json:
        """Put an item into the listing, or change the one that is there by a status event."""
        before = self.items.get((kind, id_), {})
        item = {
            "type": kind,
            "id": id_,
            "status": before.get("status", "created" if kind == "mission" else "approved"),
            "version": before.get("version", 0) + 1,
            "updatedAt": at,
            **{name: part for name, part in before.items() if name not in _OF_AN_EVENT},
            **more,
            "statusChangedAt": at,
        }
        self.items[kind, id_] = item
        return item

    def edit(self, kind: str, id_: str, **more: Any) -> None:
        """Change an item without a status event."""
        item = self.items[kind, id_]
        self.items[kind, id_] = {**item, **more, "version": item["version"] + 1}

    def withdraw(self, kind: str, id_: str) -> None:
        """Take an object out of the listing; it answers 410 from now on."""
        del self.items[kind, id_]
        self.withdrawn.add((kind, id_))

    def add_photo(self, mission: str, id_: str, content: bytes, **announced: Any) -> None:
        """Hang a photo on a mission."""
        about = {
            "id": id_,
            "fileName": f"{id_}.jpg",
            "contentType": "image/jpeg",
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "takenAt": "2026-03-01T10:00:00+01:00",
            **announced,
        }
        self.photos.setdefault(mission, {})[id_] = Photo(about, content, "image/jpeg")

    def credentials(self) -> Json:
        """Give what a link needs."""
        return {
            "bodyshop_id": self.bodyshop,
            "bodyshop_api_key": self.keys[0],
            "planning_api_key": self.keys[1],
        }

    def asked(self, operation: str) -> list[Asked]:
        """Give the requests of one operation."""
        return [one for one in self.seen if one.operation == operation]

    # -- serving ----------------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[str]:
        """Serve on loopback; gives the base URL, its path prefix included."""
        app = web.Application()
        app.router.add_route("*", "/{anything:.*}", self._serve)
        async with serve_app(app) as base_url:
            yield base_url + self.prefix

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        asked = self._read(request)
        self.seen.append(asked)
        with self._limits(asked) as refused:
            if refused is not None:
                return refused
            await asyncio.sleep(self.pause)
            replaced = self.answers.get(asked.operation)
            if replaced is not None:
                return await replaced(asked)
            return self.answer(asked)

    def _read(self, request: web.Request) -> Asked:
        raw_path, _, raw_query = request.raw_path.partition("?")
        if not raw_path.startswith(self.prefix + "/v1/bodyshops/"):
            self._note(f"path outside the base URL: {raw_path}")
        raw_parts = raw_path[len(self.prefix) :].split("/")[3:]
        if not all(_UNRESERVED.fullmatch(part) for part in raw_parts):
            self._note(f"path is not percent-encoded: {raw_path}")
        pairs = parse_qsl(raw_query, keep_blank_values=True)
        if len(dict(pairs)) != len(pairs):
            self._note(f"parameter given twice: {raw_query}")
        headers = {name.lower(): value for name, value in request.headers.items()}
        if not headers.get("x-correlation-id"):
            self._note("no X-Correlation-Id")
        if request.can_read_body:
            self._note("a GET with a body")
        bodyshop, *parts = (unquote(part, errors="strict") for part in raw_parts)
        return Asked(request.method, bodyshop, tuple(parts), dict(pairs), headers, time.monotonic())

    @contextmanager
    def _limits(self, asked: Asked) -> Iterator[web.Response | None]:
        self._open += 1
        self._begun = [at for at in self._begun if asked.at - at < 1.0] + [asked.at]
        refused = None
        if self._open > MOST_AT_ONCE or len(self._begun) > MOST_PER_SECOND:
            self._note(f"limits: {self._open} at once, {len(self._begun)} in a second")
            refused = problem(429, "TOO_MANY_REQUESTS", headers={"Retry-After": "1"})
        try:
            yield refused
        finally:
            self._open -= 1

    def _note(self, rule: str) -> None:
        self.broken_rules.append(rule)

    # -- answers ----------------------------------------------------------------------------------

    def answer(self, asked: Asked) -> web.Response:
        """Answer as the contract says."""
        refused = self._refuse(asked)
        if refused is not None:
            return refused
        match asked.operation:
            case "check":
                sites = [{"id": "gent", "name": "Gent"}]
                body = {"id": self.bodyshop, "name": "Carrosserie", "sites": sites}
                return web.json_response(body)
            case "changes":
                return self._changes(asked)
            case "mission" | "quote":
                return self._detail(asked.operation, asked.parts[1])
            case "photos":
                return self._photos(asked.parts[1])
            case "photo":
                return self._photo(asked.parts[1])
        self._note(f"no such operation: {asked.method} {asked.parts}")
        return problem(404, "NOT_FOUND")

    def _refuse(self, asked: Asked) -> web.Response | None:
        given = asked.headers.get(BODYSHOP_KEY.lower()), asked.headers.get(PLANNING_KEY.lower())
        if not all(given):
            return problem(401, "KEY_MISSING")
        if given != self.keys or asked.bodyshop != self.bodyshop:
            return problem(403, "KEY_INVALID")
        if asked.method != "GET":
            self._note(f"{asked.method} where only GET is due")
        if asked.operation != "changes" and asked.query:
            self._note(f"parameters where there are none: {asked.query}")
        return None

    def _changes(self, asked: Asked) -> web.Response:
        query = asked.query
        unknown = query.keys() - {"statusChangedSince", "cursor", "limit"}
        limit = query.get("limit", "50")
        if unknown or not limit.isdigit() or not 1 <= int(limit) <= 200:
            self._note(f"bad parameters: {query}")
            return problem(400, "PARAMETER_INVALID")
        if "cursor" in query:
            return self._continue(query, int(limit))
        try:
            since = instant(query["statusChangedSince"]) if "statusChangedSince" in query else None
        except ValueError as error:
            self._note(f"statusChangedSince is no instant: {error}")
            return problem(400, "PARAMETER_INVALID")
        rows = self._rows(since)
        tag = '"' + hashlib.sha256(json.dumps([row[3] for row in rows]).encode()).hexdigest() + '"'
        if asked.headers.get("if-none-match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        answer = self._page(rows, int(limit), query.get("statusChangedSince", ""))
        answer.headers["ETag"] = tag
        return answer

    def _continue(self, query: Json, limit: int) -> web.Response:
        if "statusChangedSince" in query:
            self._note("cursor and statusChangedSince together")
        if self.expired:
            return problem(410, "CURSOR_EXPIRED")
        second, nanos, kind, id_, since = json.loads(base64.urlsafe_b64decode(query["cursor"]))
        after = ((datetime.fromisoformat(second), nanos), kind, id_)
        rows = [row for row in self._rows(instant(since) if since else None) if row[:3] > after]
        return self._page(rows, limit, since)

    def _rows(self, since: Instant | None) -> list[tuple[Instant, str, str, Json]]:
        rows = [
            (instant(item["statusChangedAt"]), kind, id_, item)
            for (kind, id_), item in self.items.items()
        ]
        return sorted(
            (row for row in rows if since is None or row[0] >= since), key=lambda row: row[:3]
        )

    def _page(
        self, rows: list[tuple[Instant, str, str, Json]], limit: int, since: str
    ) -> web.Response:
        limit = min(limit, self.page_size or limit)
        shown, has_more = rows[:limit], len(rows) > limit
        cursor = None
        if has_more:
            (second, nanos), kind, id_, _ = shown[-1]
            position = json.dumps([second.isoformat(), nanos, kind, id_, since])
            cursor = base64.urlsafe_b64encode(position.encode()).decode()
        body = {
            "items": [row[3] for row in shown],
            "nextCursor": cursor,
            "hasMore": has_more,
            "serverTime": spelled(self.now()),
        }
        return web.json_response(body)

    def _detail(self, kind: str, id_: str) -> web.Response:
        if (kind, id_) in self.withdrawn:
            return problem(410, "WITHDRAWN")
        item = self.details.get((kind, id_)) or self.items.get((kind, id_))
        if item is None:
            return problem(404, "NOT_FOUND")
        more = {"lines": self.lines.get(id_, [])} if kind == "quote" else {}
        return web.json_response({**item, **more})

    def _photos(self, mission: str) -> web.Response:
        if ("mission", mission) in self.withdrawn:
            return problem(410, "WITHDRAWN")
        photos = self.photos.get(mission, {}).values()
        return web.json_response({"photos": [photo.announced for photo in photos]})

    def _photo(self, id_: str) -> web.Response:
        for mission, photos in self.photos.items():
            if id_ in photos:
                if ("mission", mission) in self.withdrawn:
                    return problem(410, "WITHDRAWN")
                photo = photos[id_]
                return web.Response(body=photo.content, content_type=photo.content_type)
        return problem(404, "NOT_FOUND")


_OF_AN_EVENT = frozenset({"version", "statusChangedAt", "updatedAt"})


def problem(status: int, code: str, headers: Json | None = None, **more: Any) -> web.Response:
    """Answer with a problem of RFC 9457."""
    body = {"type": "about:blank", "title": code, "status": status, "code": code, **more}
    return web.Response(
        status=status,
        body=json.dumps(body),
        content_type="application/problem+json",
        headers=headers,
    )
