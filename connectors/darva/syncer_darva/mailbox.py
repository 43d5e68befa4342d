"""The connector ``iris``: the same messages, from a mailbox over HTTPS."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import Field

from syncer.sdk import (
    Delivery,
    DeliveryRejectedError,
    Link,
    NotFoundError,
    Page,
    PageLoopError,
    PartnerLimits,
    PayloadError,
    Receipt,
    Record,
    RecordKey,
    Secret,
    Settings,
    UnexpectedAnswerError,
    XmlElement,
    hookimpl,
    parse_xml,
    path_of,
)
from syncer_darva import wire
from syncer_darva.message import number_of
from syncer_darva.network import ClaimsNetwork, Messages, Subscription, message_of, read_for

__all__ = ["Iris", "IrisCredentials"]

_OK, _CREATED, _NO_CONTENT = 200, 201, 204
_GONE = frozenset({404, 410})
_VANISHED = "the mailbox lists the message and does not have it"
_REFUSED = {
    400: "The mailbox cannot make sense of the message.",
    404: "The mailbox has no such outbox.",
    409: "The mailbox has another message under this id.",
    410: "The mailbox's outbox is gone.",
    413: "The message is larger than the mailbox takes.",
    415: "The mailbox does not take this type of message.",
    422: "The mailbox cannot read the message.",
}
_AT_ONCE = 4
_NUMBER = re.compile(r"[0-9]{1,18}")


class IrisCredentials(Subscription):
    """What the network gives a repairer, with the mailbox's password."""

    password: Annotated[
        Secret,
        Field(
            min_length=1,
            max_length=128,
            title="Password",
            description="The mailbox's password.",
        ),
    ]


T = TypeVar("T")
OurLink = Link[IrisCredentials, Settings]


class Iris(ClaimsNetwork[IrisCredentials]):
    """Lists, reads and acknowledges the messages of a mailbox, and sends from it."""

    name = "iris"
    title = "IRIS (motor claims)"
    credentials = IrisCredentials
    limits = PartnerLimits(
        concurrent=_AT_ONCE, source="DARVA / IRIS profile 1 names none; docs/partners/darva.md"
    )

    def auth_headers(self, credentials: IrisCredentials) -> Mapping[str, str]:
        """Prove ourselves by HTTP Basic in UTF-8."""
        user = f"{credentials.subscriber_no}-{credentials.station_no}"
        pair = f"{user}:{credentials.password.get_secret_value()}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode('ascii')}"}

    async def check(self, link: OurLink) -> None:
        """Ask for the first message's number."""
        await _list(link, after=0, limit=1)

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """List the numbers after the last one, and read each message."""
        after = _place(cursor)
        listed = await _list(link, after=after, limit=wire.LONGEST_LIST)
        found, ids = await _read_all(link, listed.ids)
        return Page(
            records=found.records,
            originals=found.originals,
            confirmations=found.confirmations,
            unknown=found.unknown,
            unreadable=found.unreadable,
            acknowledge=ids,
            next_cursor=str(listed.last),
            has_more=listed.has_more,
        )

    async def settle(self, link: OurLink, page: Page) -> None:
        """Acknowledge the messages that are stored, those set aside among them."""

        async def acknowledge(id_: str) -> None:
            path, accept = _path(link, wire.ACKNOWLEDGE, id_), {_NO_CONTENT, *_GONE}
            await link.http.request("POST", path, accept=accept, repeatable=True)

        await _together(acknowledge, page.acknowledge)

    async def reread(self, link: OurLink, key: RecordKey) -> Record:
        """Read one message again."""
        raw = await _read(link, number_of(key.partner_ref))
        if raw is None:
            raise NotFoundError("The mailbox no longer has the message.")
        _, mapped = read_for(link.credentials, raw)
        if not isinstance(mapped, Record) or mapped.key != key:
            raise PayloadError("is not the message that was asked for", path="id", raw=raw)
        return mapped

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Put the message into the outbox; the mailbox knows the same bytes again."""
        answer = await link.http.request(
            "PUT",
            _path(link, wire.SEND, delivery.id),
            headers={"Content-Type": wire.XML_TYPE},
            body=message_of(delivery, link.credentials),
            accept={_OK, _CREATED, *_REFUSED},
            repeatable=True,
        )
        if answer.status in _REFUSED:
            text = _REFUSED[answer.status]
            raise DeliveryRejectedError(text, partner_code=str(answer.status))
        return Receipt(is_final=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    """One list of the mailbox: ids in order of ``seq``, and where the next list goes on."""

    ids: Sequence[str]
    last: int
    has_more: bool


def _path(link: OurLink, template: str, *values: str) -> str:
    own = link.credentials
    return path_of(template, own.subscriber_no, own.station_no, *values)


def _place(cursor: str | None) -> int:
    if cursor is None:
        return 0
    if not _NUMBER.fullmatch(cursor):
        raise PayloadError("the stored cursor cannot be read")
    return int(cursor)


async def _list(link: OurLink, *, after: int, limit: int) -> _Listed:
    query = {wire.AFTER: after, wire.LIMIT: limit}
    answer = await link.http.request("GET", _path(link, wire.MESSAGES), query=query)
    root = parse_xml(answer.body)
    more = root.attributes.get("more")
    if root.name != wire.LIST or more not in {"true", "false"}:
        raise PayloadError("the list of messages cannot be read", raw=answer.body)
    last, ids = after, []
    for ref in root.children:
        id_, last = _ref(ref, last)
        ids.append(id_)
    if more == "true" and not ids:
        raise PageLoopError("the list says that there is more, and gives nothing")
    return _Listed(ids=ids, last=last, has_more=more == "true")


def _ref(ref: XmlElement, before: int) -> tuple[str, int]:
    id_, seq = ref.attributes.get("id"), ref.attributes.get("seq", "")
    if ref.name != wire.REF or not id_ or not _NUMBER.fullmatch(seq):
        raise PayloadError("needs id and seq", path=wire.REF)
    if int(seq) <= before:
        raise PayloadError("does not rise", path=f"{wire.REF}.seq")
    return id_, int(seq)


async def _read(link: OurLink, id_: str) -> bytes | None:
    """Read a message's bytes; None when the mailbox no longer has it."""
    answer = await link.http.request("GET", _path(link, wire.READ, id_), accept={_OK, *_GONE})
    return answer.body if answer.status == _OK else None


async def _read_all(link: OurLink, ids: Sequence[str]) -> tuple[Messages, list[str]]:
    """Read listed messages; gives them with the ids of those whose bytes are in our hands.

    One that is larger than allowed or not there is set aside without bytes, and not acknowledged.
    """

    async def read(id_: str) -> bytes | PayloadError:
        try:
            raw = await _read(link, id_)
        except UnexpectedAnswerError:
            raise
        except PayloadError as error:
            return error
        return PayloadError(_VANISHED) if raw is None else raw

    found, taken = Messages(), []
    for id_, raw in zip(ids, await _together(read, ids), strict=True):
        if isinstance(raw, PayloadError):
            found.set_aside(b"", raw, listed_as=id_)
        else:
            taken.append(id_)
            _sort(link, id_, raw, found)
    return found, taken


def _sort(link: OurLink, id_: str, raw: bytes, found: Messages) -> None:
    try:
        message, mapped = read_for(link.credentials, raw)
    except PayloadError as error:
        found.set_aside(raw, error, listed_as=id_)
        return
    if message.id == id_:
        found.take(mapped, raw)
    else:
        text = "is not the id under which the mailbox lists it"
        found.set_aside(raw, PayloadError(text, path="id"))


async def _together(ask: Callable[[str], Awaitable[T]], ids: Sequence[str]) -> list[T]:
    """Ask for several messages, a few at once; gives the answers in order, or the first error."""
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask_in_turn(id_: str) -> T:
        async with gate:
            return await ask(id_)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ask_in_turn(id_)) for id_ in ids]
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None
    return [task.result() for task in tasks]


@hookimpl
def register_connectors(register: Callable[[type[Iris]], None]) -> None:
    """Hand the connector to the host."""
    register(Iris)
