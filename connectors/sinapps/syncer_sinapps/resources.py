"""Reading what the partner links to: resources, lists page by page, and what a login remembers.

Links are followed and never built. Where a mission is found is remembered with the login, in memory
only; what is not remembered is looked for in the partner's own list of missions.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

import msgspec

from syncer.sdk import (
    Href,
    Link,
    NotFoundError,
    PageLoopError,
    PayloadError,
    RecordWithdrawnError,
    Response,
)
from syncer_sinapps import wire
from syncer_sinapps.settings import SinappsCredentials, SinappsSettings

T = TypeVar("T")
OurLink = Link[SinappsCredentials, SinappsSettings]

_OK, _NOT_FOUND, _GONE = 200, 404, 410
_JUNK = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_MOST_REMEMBERED = 10_000
_MOST_ROUNDS = 3
_LONGEST_REF = 255
_DEEPEST = 64
_RESOURCE = msgspec.json.Decoder(wire.WireResource)
_COMMENT = msgspec.json.Decoder(wire.WireComment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A resource as it was read; ``read_at`` is the partner's time of the answer."""

    wire: wire.WireResource
    raw: bytes
    read_at: datetime | None = None

    def link(self, rel: str) -> Href | None:
        """Give the link of a relation, if the resource has it."""
        found = next((link.href for link in self.wire.links or () if link.rel == rel), None)
        return Href(found) if found else None

    @property
    def href(self) -> Href | None:
        """The resource's own link."""
        return Href(self.wire.href) if self.wire.href else None

    def properties(self, model: type[T]) -> T:
        """Read the properties.

        Raises:
            PayloadError: naming the field.
        """
        try:
            return msgspec.json.decode(self._properties, type=model)
        except _JUNK as error:
            raise fault_of(error, self.raw) from None

    @property
    def _properties(self) -> bytes:
        """The properties as bytes; null is none."""
        given = bytes(self.wire.properties)
        return b"{}" if given == b"null" else given

    @property
    def plain(self) -> dict[str, Any]:
        """The properties as they came.

        Raises:
            PayloadError: they are no object, or hold what no database keeps.
        """
        value = self.properties(dict[str, Any])
        if b"\\u0000" in self._properties:
            _refuse_nul(value, 0)
        return value

    def items(self) -> list[Resource]:
        """Give the items of a list; the properties of one that is no resource are no object."""
        return [_item_of(bytes(item), self.read_at) for item in self.wire.items or ()]


@dataclass(slots=True, kw_only=True, eq=False)
class Remembered:
    """What a login keeps: the user's own resource, and where things were found since."""

    home: Resource
    user_id: str | None = None
    missions: dict[str, Href] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    """Which mission another resource belongs to, by its link."""

    def mission_at(self, mission: str, href: Href | None) -> None:
        """Remember where a mission is."""
        if href is not None:
            _bound(self.missions)
            self.missions[mission] = href

    def belongs(self, href: Href | None, mission: str) -> None:
        """Remember which mission a resource belongs to."""
        if href is not None:
            _bound(self.owners)
            self.owners[place_of(href)] = mission


def _bound(memory: dict[str, Any]) -> None:
    if len(memory) >= _MOST_REMEMBERED:
        for key in list(memory)[: _MOST_REMEMBERED // 2]:
            del memory[key]


async def remembered(link: OurLink) -> Remembered:
    """Give what the present login keeps, after logging in when there is none."""
    facts = (await link.http.login()).facts
    assert isinstance(facts, Remembered), "the login is ours"
    return facts


async def home_link(link: OurLink, rel: str) -> Href:
    """Give one of the user's own links; those that it has not, its partner's resource may have.

    Raises:
        PayloadError: neither has such a link.
    """
    home = (await remembered(link)).home
    found, above = home.link(rel), home.link(wire.PARTNER)
    if found is None and above is not None:
        found = (await read_once(link, above)).link(rel)
    if found is None:
        raise PayloadError(f"the user has no link {rel}", path="links")
    return found


# -- one resource ---------------------------------------------------------------------------------


async def read(link: OurLink, href: Href, **query: str | int) -> Resource:
    """Read a resource.

    Raises:
        NotFoundError: the partner does not know it (any more).
        RecordWithdrawnError: it is gone for good.
        PayloadError: it cannot be read.
    """
    answer = await link.http.request("GET", href, query=query, accept={_OK, _NOT_FOUND, _GONE})
    if answer.status == _GONE:
        raise RecordWithdrawnError("The partner withdrew the resource.")
    if answer.status == _NOT_FOUND:
        raise NotFoundError("The partner does not know the resource.")
    return resource_of(answer.body, date_of(answer))


async def read_once(link: OurLink, href: Href) -> Resource:
    """Read a resource once for a page, whoever asks for it."""
    return await link.once(("resource", place_of(href)), lambda: read(link, href))


async def list_of(link: OurLink, href: Href | None) -> list[Resource]:
    """Read a whole list, page by page; none where there is no link, or nothing behind it.

    A resource that is no list is one that stands alone. A list that grows or shrinks meanwhile is
    read again, since its rows moved between the pages.
    """
    if href is None:
        return []
    found: list[Resource] = []
    for _ in range(_MOST_ROUNDS):
        found, stood_still = await _read_through(link, href)
        if stood_still:
            break
    return found


async def _read_through(link: OurLink, href: Href) -> tuple[list[Resource], bool]:
    """Read a list once; gives its rows, and whether it was as long on every page."""
    rows: dict[bytes, Resource] = {}
    totals: list[object] = []
    try:
        async for page in pages_of(link, href):
            if page.wire.items is None:
                return [page], True
            rows |= {one.raw: one for one in page.items()}
            totals.append(page.properties(wire.WireListProperties).total)
    except (NotFoundError, RecordWithdrawnError):
        return list(rows.values()), True
    return list(rows.values()), all(total == totals[0] for total in totals)


def readable(listed: Iterable[Resource], model: type[T]) -> Iterator[tuple[Resource, T]]:
    """Give the items with their properties, but those that cannot be read."""
    for one in listed:
        try:
            properties = one.properties(model)
        except PayloadError:
            continue
        yield one, properties


async def pages_of(
    link: OurLink, href: Href, *, size: int | None = None
) -> AsyncIterator[Resource]:
    """Read a list page by page, in both dialects of paging.

    Raises:
        PageLoopError: the list leads back to where it was, or does not end.
    """
    page = await read_page(link, href, 1, size=size) if size else await read(link, href)
    seen: set[object] = set()
    while True:
        yield page
        following = next_page(page)
        if following is None or not page.wire.items:
            return
        if following in seen or len(seen) >= wire.MOST_PAGES:
            raise PageLoopError("a list of the partner does not come to an end")
        seen.add(following)
        page = await read_page(link, href, following, size=size)


def next_page(page: Resource) -> Href | int | None:
    """Say where a list goes on: by its link ``next``, or by the property ``nextPage``."""
    linked = page.link(wire.NEXT)
    if linked is not None:
        return linked
    following = page.properties(wire.WireListProperties).next_page
    if isinstance(following, str) and not following.isdigit():
        return Href(following) if following else None
    return int(following) if following else None


async def read_page(link: OurLink, href: Href, page: Href | int, *, size: int | None) -> Resource:
    """Read a page of a list, by its link or by its number."""
    if isinstance(page, Href):
        return await read(link, page)
    query = {wire.PAGE: page} | ({wire.PAGE_SIZE: size} if size else {})
    return await read(link, href, **query)


# -- missions -------------------------------------------------------------------------------------


async def find_mission(link: OurLink, mission: str) -> Resource:
    """Read a mission by its id: where it was found before, else by the partner's list.

    Raises:
        NotFoundError: the partner does not list it.
    """
    memory = await remembered(link)
    known = memory.missions.get(mission)
    if known is not None:
        try:
            return await read(link, known)
        except NotFoundError:
            memory.missions.pop(mission, None)
    missions = await home_link(link, wire.MISSIONS)
    async for page in pages_of(link, missions, size=wire.LARGEST_PAGE):
        for item in page.items():
            id_ = listed_id(item)
            if id_ is not None:
                memory.mission_at(id_, item.href)
            if id_ == mission:
                return await read(link, item.href) if item.href else item
    raise NotFoundError("The partner does not list the mission.")


def listed_id(item: Resource) -> str | None:
    """Give the id of a listed mission; None for one that cannot be read."""
    try:
        return mission_id(item)
    except PayloadError:
        return None


def mission_id(item: Resource) -> str | None:
    """Give the id of a mission in either of its published shapes.

    Raises:
        PayloadError: it cannot be read.
    """
    properties = item.plain
    inner = properties.get("mission")
    found = (inner if isinstance(inner, dict) else properties).get("id")
    return ref_of(found)


async def together(calls: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Make calls at once, as many as the partner allows; gives what they gave, in their order.

    Raises:
        SyncerError: the first that one of them raised; the others are given up.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except ExceptionGroup as errors:
        raise _first(errors) from None
    return [task.result() for task in tasks]


def _first(errors: ExceptionGroup[Exception]) -> Exception:
    error = errors.exceptions[0]
    return _first(error) if isinstance(error, ExceptionGroup) else error


# -- small things ---------------------------------------------------------------------------------


def resource_of(raw: bytes, read_at: datetime | None = None) -> Resource:
    """Take bytes as a resource.

    Raises:
        PayloadError: they are none.
    """
    try:
        return Resource(wire=_RESOURCE.decode(raw), raw=raw, read_at=read_at)
    except _JUNK as error:
        raise fault_of(error, raw) from None


def _item_of(raw: bytes, read_at: datetime | None) -> Resource:
    try:
        return resource_of(raw, read_at)
    except PayloadError:
        return Resource(wire=wire.WireResource(properties=msgspec.Raw(b"[]")), raw=raw)


def comment_of(raw: bytes) -> wire.WireComment:
    """Read a comment.

    Raises:
        PayloadError: it is none.
    """
    try:
        return _COMMENT.decode(raw)
    except _JUNK as error:
        raise fault_of(error, raw) from None


def place_of(href: Href) -> str:
    """Give what two links to one resource share: all but the note of where it was found."""
    path, mark, query = href.text.partition("?")
    kept = [pair for pair in query.split("&") if pair and not pair.startswith("referer=")]
    return path + (mark + "&".join(kept) if kept else "")


def ref_of(value: object) -> str | None:
    """Give an id as text; None for what can be no id."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= _LONGEST_REF or not text.isprintable():
        return None
    return text


def date_of(answer: Response) -> datetime | None:
    """Give the partner's time of an answer."""
    try:
        found = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None


def fault_of(error: Exception, raw: bytes) -> PayloadError:
    """Say what cannot be read, without a value of it."""
    if isinstance(error, RecursionError):
        return PayloadError("is nested too deeply", raw=raw)
    if isinstance(error, UnicodeDecodeError):
        return PayloadError("is not UTF-8", raw=raw)
    text, _, path = str(error).replace("`", "").partition(" - at $")
    return PayloadError(text, path=path.strip("."), raw=raw)


def _refuse_nul(value: Any, depth: int) -> None:
    if depth > _DEEPEST:
        raise PayloadError("is nested too deeply")
    if isinstance(value, str) and "\0" in value:
        raise PayloadError("holds a NUL character")
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for part in (*parts, *(value if isinstance(value, dict) else ())):
        _refuse_nul(part, depth + 1)
