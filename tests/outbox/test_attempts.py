"""What becomes of a delivery, attempt by attempt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.errors import (
    AnswerLostError,
    CredentialsRejectedError,
    DeliveryBlockedError,
    DeliveryRejectedError,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.links import LinkState
from syncer.ports.store import UnitOfWork
from syncer.sdk import Receipt
from syncer.services.attention import Entry
from syncer.services.attention_of_deliveries import StrandedDeliveries
from syncer.services.guard import Patience
from tests.outbox.office import Office, Sheet, fail

AN_HOUR = timedelta(hours=1)


def refusal(status: int) -> UnexpectedAnswerError:
    error = UnexpectedAnswerError(status, "POST /things")
    error.partner_code, error.partner_text = "FIELD_INVALID", "plate is odd"
    return error


async def test_a_delivery_is_accepted_sent_and_delivered(office: Office, file: str) -> None:
    id_ = await office.ask(file, payload={"text": "hello"})

    await office.work()

    shown = await office.shown(id_)
    assert shown["state"] == "delivered"
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["done"]
    assert shown["receipt"]["raw"] == {"key": office.paper.delivered[0].key}
    assert await office.told(id_) == ["queued", "sending", "delivered"]


async def test_a_delivery_whose_connector_was_superseded_meanwhile_is_told_to_a_person(
    office: Office, file: str
) -> None:
    registry: Any = office.registry
    section = StrandedDeliveries(registry=registry)
    id_ = await office.ask(file)
    assert await stranded(office, section) == []
    office.supersede("newer")

    await office.work()
    [(key, entry)] = await stranded(office, section)

    assert (office.paper.delivered, key) == ([], id_)
    assert (entry["kind"], "newer" in entry["text"]) == ("delivery_superseded", True)
    await office.deliveries.cancel(id_)
    assert await stranded(office, section) == []


async def stranded(office: Office, section: StrandedDeliveries) -> Sequence[Entry]:
    async with office.store.read() as uow:
        found = await section.find(uow, after=None, limit=10)
        assert await section.count(uow) == len(found)
    return found


@pytest.mark.parametrize(
    ("error", "sends", "refused", "outcome", "code"),
    [
        (PartnerUnavailableError("no route"), False, False, "not_sent", "partner_unavailable"),
        (RateLimitedError("wait"), True, True, "retry", "rate_limited"),
        (PartnerUnavailableError("503"), True, True, "retry", "partner_unavailable"),
        (PartnerUnavailableError("500"), True, False, "ambiguous", "partner_unavailable"),
        (PayloadError("no JSON"), True, False, "ambiguous", "payload_invalid"),
        (PayloadError("no JSON"), False, False, "not_sent", "payload_invalid"),
        (AnswerLostError("after DATA"), False, False, "ambiguous", "answer_lost"),
        (refusal(422), True, True, "rejected", "FIELD_INVALID"),
        (refusal(404), True, False, "ambiguous", "FIELD_INVALID"),
        (refusal(410), True, True, "gone", "FIELD_INVALID"),
        (refusal(425), True, True, "retry", "FIELD_INVALID"),
        (DeliveryRejectedError("no", partner_code="RG_1"), True, False, "rejected", "RG_1"),
        (DeliveryBlockedError("not now"), False, False, "blocked", "not_offered"),
        (KeyError("bug"), False, False, "failed", "connector_failed"),
        (KeyError("bug"), True, False, "ambiguous", "connector_failed"),
        (SystemExit(), False, False, "failed", "connector_failed"),
    ],
)
async def test_each_end_of_an_attempt_is_judged_by_what_left(
    office: Office,
    file: str,
    error: Exception,
    sends: bool,
    refused: bool,
    outcome: str,
    code: str,
) -> None:
    office.paper.acts = [fail(error, sends=sends, refused=refused)]
    id_ = await office.ask(file)

    await office.work()

    [attempt] = (await office.shown(id_))["attempts"]
    assert (attempt["outcome"], attempt["code"]) == (outcome, code)


async def test_a_lost_answer_is_sent_again_under_the_same_key(office: Office, file: str) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    id_ = await office.ask(file)
    await office.work()
    assert await office.state(id_) == "retrying"

    office.clock.advance(AN_HOUR)
    await office.work()

    first, second = office.paper.delivered
    assert await office.state(id_) == "delivered"
    assert (first.key, first.in_doubt, first.was_sent) == (second.key, False, False)
    assert (second.in_doubt, second.was_sent) == (True, True)


async def test_a_lost_answer_is_looked_up_before_anything_is_sent(
    office: Office, file: str
) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    office.paper.found = [Receipt(partner_ref="M-1")]
    id_ = await office.ask(file, "looked")
    await office.work()

    office.clock.advance(AN_HOUR)
    await office.work()

    assert len(office.paper.delivered) == 1
    assert (await office.shown(id_))["receipt"]["partner_ref"] == "M-1"


@pytest.mark.parametrize("trouble", [PartnerUnavailableError("down"), refusal(404)])
async def test_while_it_cannot_be_looked_up_nothing_is_sent(
    office: Office, file: str, trouble: SyncerError
) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    office.paper.found = [trouble, None]
    id_ = await office.ask(file, "looked")
    await office.work()
    office.clock.advance(AN_HOUR)
    await office.work()
    assert (await office.state(id_), len(office.paper.delivered)) == ("retrying", 1)

    office.clock.advance(AN_HOUR)
    await office.work()

    assert await office.state(id_) == "delivered"
    assert [one.in_doubt for one in office.paper.delivered] == [False, True]


async def test_what_nobody_can_look_up_waits_for_a_person(office: Office, file: str) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    id_ = await office.ask(file, "blind")
    await office.work()
    office.clock.advance(timedelta(days=30))
    await office.work()
    assert (await office.state(id_), len(office.paper.delivered)) == ("needs_attention", 1)

    resolved = await office.deliveries.resolve(id_, is_delivered=True, note="they have it")

    assert resolved["state"] == "delivered"
    assert resolved["receipt"]["raw"]["note"] == "they have it"


async def test_what_a_person_did_not_find_is_sent_again(office: Office, file: str) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    id_ = await office.ask(file, "blind")
    await office.work()

    await office.deliveries.resolve(id_, is_delivered=False, note=None)
    await office.work()

    first, second = office.paper.delivered
    assert await office.state(id_) == "delivered"
    assert (first.id, first.key) == (second.id, second.key)
    assert not second.in_doubt


async def test_refused_credentials_stop_the_link_and_leave_the_delivery_queued(
    office: Office, file: str
) -> None:
    office.paper.acts = [fail(CredentialsRejectedError("401"), refused=True)]
    id_ = await office.ask(file)
    await office.work()
    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["reason"]) == ("queued", "credentials_rejected")
    assert len(office.paper.delivered) == 1
    await office.set_link(LinkState.ACTIVE)
    await office.work()
    assert await office.state(id_) == "delivered"


async def test_what_the_partner_still_misses_is_shown(office: Office, file: str) -> None:
    async def incomplete(sheet: Sheet) -> Receipt:
        sheet.send()
        return Receipt(partner_ref="R-1", incomplete=["mandato"])

    office.paper.acts = [incomplete]
    id_ = await office.ask(file)

    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["receipt"]["incomplete"]) == ("delivered", ["mandato"])
    assert await office.partner_ref(file) == "R-1"


@pytest.mark.parametrize("junk", [None, "done", Receipt(raw={"x": object()})])
async def test_a_connector_that_gives_no_receipt_leaves_its_delivery_in_doubt(
    office: Office, file: str, junk: Any
) -> None:
    async def odd(sheet: Sheet) -> Receipt:
        sheet.send()
        result: Receipt = junk
        return result

    office.paper.acts = [odd]
    id_ = await office.ask(file, "blind")

    await office.work()

    assert await office.state(id_) == "needs_attention"


async def test_steps_that_were_noted_are_known_to_the_next_attempt_and_settle_the_doubt(
    office: Office, file: str
) -> None:
    async def half(sheet: Sheet) -> Receipt:
        sheet.send()
        await sheet.delivery.note("photo:1", {"id": "P-1"})
        raise PartnerUnavailableError("no route for the second")

    office.paper.acts = [half]
    id_ = await office.ask(file, "blind")
    await office.work()
    assert await office.state(id_) == "retrying"

    office.clock.advance(AN_HOUR)
    await office.work()

    second = office.paper.delivered[1]
    assert (dict(second.notes), second.in_doubt) == ({"photo:1": {"id": "P-1"}}, False)
    assert await office.state(id_) == "delivered"


async def test_a_poison_delivery_parks_alone(office: Office, file: str) -> None:
    other = await office.claim_file("2026-2")
    office.paper.acts = [fail(KeyError("poison"), sends=False)]
    poison = await office.ask(file)
    behind = await office.ask(file)
    beside = await office.ask(other)

    await office.work()

    assert await office.state(poison) == "needs_attention"
    assert [await office.state(id_) for id_ in (behind, beside)] == ["delivered"] * 2


async def test_deliveries_of_a_file_leave_one_at_a_time_in_order(office: Office, file: str) -> None:
    gate, under_way = asyncio.Event(), []

    async def slow(sheet: Sheet) -> Receipt:
        if sheet.delivery.operation.name == "keyed":
            under_way.append(sheet.delivery.payload.number)
            await gate.wait()
        return Receipt()

    office.paper.acts = [slow] * 4
    for number in range(3):
        await office.ask(file, payload={"number": number})
    other = await office.ask(await office.claim_file("2026-2"), "looked")
    working = asyncio.ensure_future(office.work())
    await office.until(lambda: len(under_way) > 0)

    assert under_way == [0]
    gate.set()
    await working

    assert under_way == [0, 1, 2]
    assert await office.state(other) == "delivered"


async def test_a_parked_one_holds_up_only_what_depends_on_it(office: Office, file: str) -> None:
    office.paper.acts = [fail(DeliveryRejectedError("no"))]
    parked = await office.ask(file, "keyed")
    dependent = await office.ask(file, "follow")
    other = await office.ask(file, "looked")

    await office.work()

    assert await office.state(other) == "delivered"
    shown = await office.shown(dependent)
    assert (shown["state"], shown["reason"]) == ("queued", f"waiting_for:{parked}")
    later = await office.shown(await office.ask(file, "follow"))
    assert later["reason"] == f"waiting_for:{parked}"
    await office.deliveries.retry(parked)
    await office.work()
    assert [await office.state(id_) for id_ in (parked, dependent, later["id"])] == [
        "delivered"
    ] * 3


async def test_what_waits_leaves_after_the_corrected_one(office: Office, file: str) -> None:
    office.paper.acts = [fail(DeliveryRejectedError("no"))]
    parked = await office.ask(file, "keyed")
    dependent = await office.ask(file, "follow")
    await office.work()

    taken_back = await office.ask(file, "keyed")
    await office.deliveries.cancel(taken_back)
    assert (await office.shown(dependent))["reason"] == f"waiting_for:{parked}"
    corrected = await office.ask(file, "keyed")
    assert (await office.shown(dependent))["reason"] == f"waiting_for:{corrected}"
    await office.work()

    assert [one.id for one in office.paper.delivered] == [parked, corrected, dependent]
    assert await office.state(dependent) == "delivered"
    assert await office.state(parked) == "rejected"


async def test_a_hanging_connector_is_set_aside_and_its_delivery_judged(
    office: Office, file: str
) -> None:
    async def deaf(sheet: Sheet) -> Receipt:
        sheet.send()
        while not heard.is_set():
            try:
                await heard.wait()
            except asyncio.CancelledError:
                continue
        return Receipt()

    heard = asyncio.Event()
    impatient = office.with_patience(
        Patience(call=timedelta(seconds=0.01), grace=timedelta(seconds=0.01))
    )
    office.paper.acts = [deaf]
    id_ = await office.ask(file, "blind")

    working = asyncio.ensure_future(impatient.work())
    await office.until(lambda: office.registry.get("paper").connector is None)
    async with asyncio.timeout(10):
        while await office.state(id_) == "sending":  # noqa: ASYNC110  it has no event
            await asyncio.sleep(0.01)

    assert await office.state(id_) == "needs_attention"
    heard.set()
    await working
    assert await office.state(id_) == "needs_attention"


async def test_a_stop_gives_back_what_did_not_leave_and_doubts_what_did(
    office: Office, file: str
) -> None:
    async def forever(sheet: Sheet) -> Receipt:
        if sheet.delivery.operation.name == "blind":
            sheet.send()
        under_way.append(sheet)
        await asyncio.Event().wait()
        return Receipt()

    under_way: list[Sheet] = []
    office.paper.acts = [forever] * 2
    kept = await office.ask(file, "keyed")
    doubted = await office.ask(await office.claim_file("2026-2"), "blind")
    waiting = await office.ask(file, "keyed")
    await office.outbox.sweep()
    await office.until(lambda: len(under_way) == 2)

    office.leases.stop()
    assert await office.dispatcher.drain(timedelta(0)) == []

    assert (await office.shown(kept))["attempts"] == []
    states = [await office.state(id_) for id_ in (kept, doubted, waiting)]
    assert states == ["queued", "needs_attention", "queued"]


async def test_a_file_whose_content_is_gone_is_not_sent(office: Office, file: str) -> None:
    document = await office.document(file, b"\x89PNG\r\n\x1a\n" + b"x" * 10)
    id_ = await office.ask(file, "filed", attachments=[document])
    await office.blobs.remove((await office.shown(id_))["attachments"][0]["sha256"])

    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["attempts"][0]["code"]) == ("needs_attention", "file_missing")
    assert office.paper.delivered == []


async def test_files_leave_as_they_were_accepted(office: Office, file: str) -> None:
    content = b"\x89PNG\r\n\x1a\n" + b"x" * 900
    read: list[bytes] = []

    async def take(sheet: Sheet) -> Receipt:
        read.extend([await one.read() for one in sheet.delivery.files])
        return Receipt()

    office.paper.acts = [take]
    document = await office.document(file, content)
    id_ = await office.ask(file, "filed", attachments=[document])
    await office.remove_document(document)

    await office.work()

    assert read == [content]
    assert (await office.shown(id_))["attachments"][0]["name"] == "bild.png"


async def test_after_three_days_a_person_is_told(office: Office, file: str) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("no route"), sends=False)] * 500
    id_ = await office.ask(file)

    for _ in range(15):
        await office.work()
        office.clock.advance(6 * AN_HOUR)

    shown = await office.shown(id_)
    assert shown["state"] == "needs_attention"
    assert "no route" in shown["reason"]
    assert len(shown["attempts"]) == 13


async def test_the_receipt_is_kept_though_the_disk_was_full_for_a_while(
    office: Office, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = [True, True]
    write = office.store.write

    async def sometimes(work: Any) -> Any:
        if office.paper.delivered and full:
            full.pop()

            raise PartnerUnavailableError("as a full disk would")
        return await write(work)

    id_ = await office.ask(file, "blind")
    monkeypatch.setattr(type(office.store), "write", lambda _self, work: sometimes(work))
    working = asyncio.ensure_future(office.work())
    while not working.done():
        if office.clock.sleepers:
            office.clock.advance(timedelta(seconds=2))
        await asyncio.sleep(0)
    await working

    assert await office.state(id_) == "delivered"


async def test_deliveries_of_an_unusable_connector_wait(office: Office, file: str) -> None:
    id_ = await office.ask(file)
    office.registry.quarantine("paper", "it hung")

    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["reason"]) == ("queued", "link_quarantined")


async def test_a_link_that_was_paused_meanwhile_sends_nothing(office: Office, file: str) -> None:
    id_ = await office.ask(file)
    await office.set_link(LinkState.PAUSED)

    await office.work()
    assert (await office.shown(id_))["reason"] == "link_paused"

    await office.set_link(LinkState.ACTIVE)
    await office.work()
    assert await office.state(id_) == "delivered"


async def test_a_dry_run_changes_nothing(office: Office, file: str) -> None:
    async def tried(sheet: Sheet) -> Receipt:
        assert sheet.delivery.dry_run
        return Receipt(partner_ref="R-9")

    office.paper.acts = [tried]
    id_ = await office.ask(file, "follow", dry_run=True)

    await office.work()

    assert await office.state(id_) == "delivered"
    assert await office.partner_ref(file) is None


async def test_old_deliveries_go_and_unfinished_ones_stay(office: Office, file: str) -> None:
    office.paper.acts = [fail(PartnerUnavailableError("reset"))]
    parked = await office.ask(file, "blind")
    await office.work()
    through = await office.ask(file)
    await office.work()
    now = office.clock.now() + AN_HOUR

    async def prune(uow: UnitOfWork) -> dict[str, int]:
        return await uow.pruning.prune(passes=now, changes=now, history=now, answers=now)

    assert (await office.store.write(prune))["deliveries"] == 1
    assert await office.exists(parked)
    assert not await office.exists(through)
