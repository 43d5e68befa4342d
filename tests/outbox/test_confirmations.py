"""What a partner says later of deliveries, on a page together with everything else it brings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncer.sdk import (
    ClaimRef,
    Confirmation,
    Credentials,
    Delivery,
    Event,
    Kind,
    Link,
    Page,
    Receipt,
    Record,
    Settings,
)
from syncer.services.page import PageStorer
from tests.outbox.office import LINK, Office, PaperConnector, Sheet

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def put_in_place(sheet: Sheet) -> Receipt:
    """Send, and wait for the partner's word."""
    sheet.send()
    return Receipt(is_final=False)


class _Talking(PaperConnector):
    """Its records and deliveries move claim files in the partner's order."""

    def events(self, record: Record) -> Sequence[Event]:
        order = int(record.partner_ref)
        return [Event(name="message", key=record.partner_ref, at=NOON, order=order)]

    def delivery_events(self, delivery: Delivery[Any], receipt: Receipt) -> Sequence[Event]:
        return [Event(name="confirmed", key=delivery.id, at=receipt.at or NOON)]


@pytest.fixture
async def talking(office: Office, monkeypatch: pytest.MonkeyPatch) -> Office:
    for name in ("events", "delivery_events"):
        monkeypatch.setattr(PaperConnector, name, vars(_Talking)[name], raising=False)
    await office.furnish()
    return office


async def sent(office: Office) -> tuple[str, str]:
    """Have a delivery sent that is not confirmed yet; gives its claim file and its id."""
    file = await office.claim_file("2026-2", partner_ref="C-2")
    office.paper.acts.append(put_in_place)
    id_ = await office.ask(file)
    await office.work()
    assert await office.state(id_) == "sent"
    return file, id_


async def take(office: Office, page: Page) -> dict[str, int]:
    """Take a page in; gives what was new and what changed."""
    storer = PageStorer(store=office.store, clock=office.clock, ids=office.ids)
    link = Link(
        repairer=LINK.repairer, credentials=Credentials(), settings=Settings(), start_date=None
    )
    counts = await storer.take(LINK, office.paper, link, page)
    return {"new": counts.new, "changed": counts.changed}


def message(seq: int) -> Record:
    return Record(
        kind=Kind.FOLLOW_UP,
        partner_ref=str(seq),
        revision="1",
        status="new",
        status_changed_at=NOON,
        claim=ClaimRef(partner_ref="C-2"),
    )


def said(id_: str, *, is_accepted: bool = True) -> Confirmation:
    reason = None if is_accepted else "no such invoice"
    return Confirmation(delivery_id=id_, is_accepted=is_accepted, at=NOON, order=2, reason=reason)


async def timeline(office: Office, file: str) -> list[tuple[str, str | None]]:
    async with office.store.read() as uow:
        log = (await uow.lives.log_of([file])).get(file, [])
    return [(one.event.name, one.delivery) for one in log]


async def test_a_confirmation_takes_its_place_among_the_messages_of_its_page(
    talking: Office,
) -> None:
    file, id_ = await sent(talking)
    page = Page(records=[message(1), message(3)], confirmations=[said(id_)])

    first, again = await take(talking, page), await take(talking, page)

    assert await talking.state(id_) == "delivered"
    assert await timeline(talking, file) == [
        ("message", None),
        ("confirmed", id_),
        ("message", None),
    ]
    assert (first, again) == ({"new": 2, "changed": 0}, {"new": 0, "changed": 0})


async def test_a_refusal_ends_the_delivery_and_moves_no_claim_file(talking: Office) -> None:
    file, id_ = await sent(talking)

    await take(talking, Page(confirmations=[said(id_, is_accepted=False), said("unknown")]))

    shown = await talking.shown(id_)
    assert (shown["state"], shown["reason"]) == ("rejected", "no such invoice")
    assert await timeline(talking, file) == []
    assert (await talking.shown(id_))["receipt"]["at"] == "2026-03-02T12:00:00Z"
    talking.clock.advance(timedelta(days=1))
    await talking.work()
    assert await talking.state(id_) == "rejected"
