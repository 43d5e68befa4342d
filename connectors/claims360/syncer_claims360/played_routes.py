"""The routes of the played partner, as strict as the contract."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import BodyPartReader, web

from syncer.sdk import parse_instant, to_text
from syncer.testing import Problem
from syncer_claims360 import wire
from syncer_claims360.played_http import refuse_parameters
from syncer_claims360.played_shop import PlayedObject, PlayedShop

_LIST_PARAMETERS = frozenset({wire.SINCE, wire.CURSOR, wire.LIMIT})
_DEFAULT_LIMIT = 50
_SIGNATURES = {"image/jpeg": b"\xff\xd8\xff", "image/png": b"\x89PNG\r\n\x1a\n"}
_DOSSIER_FIELDS = frozenset({"reference", "plate", "mileageKm"})

FindShop = Callable[[web.Request], PlayedShop]


@dataclass(frozen=True, slots=True)
class Routes:
    """The handlers; ``shop`` finds the body shop of a request or refuses it."""

    shop: FindShop
    now: Callable[[], datetime]

    def add_to(self, app: web.Application) -> None:
        """Add every route of the contract."""
        app.add_routes(
            [
                web.get(_route(wire.BODYSHOP), self.bodyshop),
                web.get(_route(wire.CHANGES), self.changes),
                web.get(_route(wire.MISSION), self.mission),
                web.get(_route(wire.QUOTE), self.quote),
                web.get(_route(wire.PHOTOS), self.photos),
                web.post(_route(wire.PHOTOS), self.send_photo),
                web.get(_route(wire.PHOTO_CONTENT), self.photo),
                web.post(_route(wire.DOSSIERS), self.send_dossier),
                web.get(_route(wire.DOSSIER), self.dossier),
            ]
        )

    async def bodyshop(self, request: web.Request) -> web.Response:
        """Answer who the keys belong to."""
        shop = self.shop(request)
        refuse_parameters(request)
        sites = _sites(shop)
        return _json({"id": shop.bodyshop_id, "name": shop.name, "sites": sites})

    async def changes(self, request: web.Request) -> web.Response:
        """Answer a page of the list of changes."""
        shop = self.shop(request)
        refuse_parameters(request, _LIST_PARAMETERS)
        limit = min(_limit(request), shop.most_per_page)
        cursor, since = request.query.get(wire.CURSOR), _since(request)
        behind = _position(shop, cursor) if cursor is not None else None
        found = shop.listing(since=since, behind=behind)
        headers = {}
        if cursor is None:
            headers["ETag"] = _etag(found)
            if _matches(request, headers["ETag"]):
                return web.Response(status=304, headers=headers)
        return self._page(shop, found, limit, headers)

    def _page(
        self, shop: PlayedShop, found: Sequence[PlayedObject], limit: int, headers: dict[str, str]
    ) -> web.Response:
        page, has_more = found[:limit], len(found) > limit
        rest = msgspec.json.encode(
            {
                "nextCursor": shop.issue_cursor(page[-1]) if has_more else None,
                "hasMore": has_more,
                "serverTime": to_text(self.now()),
            }
        )
        items = b",".join(one.listed() for one in page)
        body = b'{"items":[' + items + b"]," + rest[1:]
        return web.Response(body=body, headers=headers, content_type="application/json")

    async def mission(self, request: web.Request) -> web.Response:
        """Answer the detail of a mission."""
        return self._detail(request, wire.MISSION_TYPE)

    async def quote(self, request: web.Request) -> web.Response:
        """Answer the detail of a quote."""
        return self._detail(request, wire.QUOTE_TYPE)

    def _detail(self, request: web.Request, type_: str) -> web.Response:
        shop = self.shop(request)
        refuse_parameters(request)
        one = _object(shop, type_, request.match_info["id"])
        return web.Response(body=one.detailed(), content_type="application/json")

    async def photos(self, request: web.Request) -> web.Response:
        """Answer the list of a mission's photos."""
        shop = self.shop(request)
        refuse_parameters(request)
        mission = _object(shop, wire.MISSION_TYPE, request.match_info["id"])
        photos = shop.photos_of(mission.item["id"])
        return _json({"photos": [photo.announced for photo in photos]})

    async def photo(self, request: web.Request) -> web.Response:
        """Answer the content of a photo."""
        shop = self.shop(request)
        refuse_parameters(request)
        photo = shop.photos.get(request.match_info["id"])
        if photo is None:
            raise Problem(404, "NOT_FOUND")
        _object(shop, wire.MISSION_TYPE, photo.mission)
        type_ = photo.announced["contentType"] or "application/octet-stream"
        return web.Response(body=photo.content, content_type=type_)

    async def send_photo(self, request: web.Request) -> web.Response:
        """Take a photo; one that is there already keeps its id."""
        shop = self.shop(request)
        refuse_parameters(request)
        mission = _object(shop, wire.MISSION_TYPE, request.match_info["id"]).item["id"]
        name, type_, content, caption = await _read_photo(request)
        digest = hashlib.sha256(content).hexdigest()
        for photo in shop.photos_of(mission):
            if photo.announced["sha256"] == digest:
                return _json({"id": photo.announced["id"], "sha256": digest})
        added = shop.add_photo(mission, content, content_type=type_, fileName=name)
        shop.captions[added["id"]] = caption
        return _json({"id": added["id"], "sha256": digest}, status=201)

    async def send_dossier(self, request: web.Request) -> web.Response:
        """Take a dossier: reference, plate and mileage, nothing else."""
        shop = self.shop(request)
        refuse_parameters(request)
        given = await _read_dossier(request)
        reference = given["reference"]
        known = shop.dossiers.get(reference)
        if known:
            raise Problem(409, wire.REFERENCE_KNOWN, missionId=known)
        mission = shop.send_dossier(reference, given["plate"], given["mileageKm"])
        return _json({"reference": reference, "missionId": mission}, status=201)

    async def dossier(self, request: web.Request) -> web.Response:
        """Answer which mission a dossier became."""
        shop = self.shop(request)
        refuse_parameters(request)
        reference = request.match_info["id"]
        if reference not in shop.dossiers:
            raise Problem(404, "NOT_FOUND")
        return _json({"reference": reference, "missionId": shop.dossiers[reference]})


def _route(template: str) -> str:
    return template.replace("{}", "{bodyshop}", 1).replace("{}", "{id}", 1)


def _json(body: object, *, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(body), content_type="application/json"
    )


def _object(shop: PlayedShop, type_: str, id_: str) -> PlayedObject:
    one = shop.objects.get((type_, id_))
    if one is None:
        raise Problem(404, "NOT_FOUND")
    if one.withdrawn:
        raise Problem(410, "WITHDRAWN")
    return one


def _sites(shop: PlayedShop) -> list[Any]:
    sites = {site["id"]: site for one in shop.objects.values() if (site := one.item.get("site"))}
    return list(sites.values())


# -- the list of changes --------------------------------------------------------------------------


def _limit(request: web.Request) -> int:
    text = request.query.get(wire.LIMIT, str(_DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= wire.LONGEST_PAGE):
        raise Problem(400, "PARAMETER_INVALID", parameter=wire.LIMIT)
    return int(text)


def _since(request: web.Request) -> str | None:
    since = request.query.get(wire.SINCE)
    if since is None:
        return None
    if wire.CURSOR in request.query:
        raise Problem(400, "PARAMETER_INVALID", parameter=wire.SINCE)
    try:
        parse_instant(since)
    except (ValueError, OverflowError):
        raise Problem(400, "PARAMETER_INVALID", parameter=wire.SINCE) from None
    return since


def _position(shop: PlayedShop, cursor: str) -> tuple[str, str, str]:
    try:
        position = shop.position_of(cursor)
    except KeyError:
        raise Problem(400, "PARAMETER_INVALID", parameter=wire.CURSOR) from None
    if position is None:
        raise Problem(410, wire.CURSOR_EXPIRED)
    return position


def _etag(found: Sequence[PlayedObject]) -> str:
    digest = hashlib.sha256()
    for one in found:
        digest.update(one.listed() + b"\n")
    return f'"{digest.hexdigest()[:32]}"'


def _matches(request: web.Request, etag: str) -> bool:
    given = request.headers.get("If-None-Match", "")
    return any(part.strip().removeprefix("W/") in {etag, "*"} for part in given.split(","))


# -- what is sent ---------------------------------------------------------------------------------


async def _read_dossier(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise Problem(415, "TYPE_NOT_ALLOWED")
    try:
        given = msgspec.json.decode(await request.read(), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Problem(400, "BODY_INVALID") from None
    further = sorted(given.keys() - _DOSSIER_FIELDS)
    if further:
        raise Problem(422, "FIELD_NOT_ALLOWED", field=further[0])
    for name, is_valid in (
        ("reference", _is_text(given.get("reference"), wire.LONGEST_REFERENCE)),
        ("plate", _is_text(given.get("plate"), wire.LONGEST_PLATE)),
        ("mileageKm", _is_mileage(given.get("mileageKm"))),
    ):
        if not is_valid:
            raise Problem(422, "FIELD_INVALID", field=name)
    return given


def _is_text(value: object, longest: int) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= longest


def _is_mileage(value: object) -> bool:
    is_integer = isinstance(value, int) and not isinstance(value, bool)
    return is_integer and 0 <= value < wire.LEAST_IMPOSSIBLE_MILEAGE  # type: ignore[operator]  # an int here


async def _read_photo(request: web.Request) -> tuple[str, str, bytes, str]:
    if request.content_type != "multipart/form-data":
        raise Problem(415, "TYPE_NOT_ALLOWED")
    photo, caption = None, None
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            raise Problem(400, "BODY_INVALID")
        if part.name == "caption":
            caption = (await part.read()).decode()
        elif part.name == "file":
            photo = await _read_file(part)
        else:
            raise Problem(422, "FIELD_NOT_ALLOWED", field=part.name or "")
    if photo is None or caption is None:
        raise Problem(422, "FIELD_INVALID", field="caption" if photo else "file")
    return *photo, caption


async def _read_file(part: BodyPartReader) -> tuple[str, str, bytes]:
    content = bytearray()
    while chunk := await part.read_chunk():
        content += chunk
        if len(content) > wire.LARGEST_PHOTO_BYTES:
            raise Problem(413, "TOO_LARGE")
    type_ = part.headers.get("Content-Type", "")
    signature = _SIGNATURES.get(type_)
    if signature is None or not content.startswith(signature):
        raise Problem(415, "TYPE_NOT_ALLOWED")
    if not part.filename:
        raise Problem(422, "FIELD_INVALID", field="file")
    return part.filename, type_, bytes(content)
