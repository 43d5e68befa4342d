"""The mailbox over HTTP: listing, reading, acknowledging and sending, and what goes wrong there."""

from __future__ import annotations

from typing import Any

import pytest
from syncer_darva.mailbox import Iris, IrisCredentials
from syncer_darva.played_mailbox import PlayedIris
from syncer_darva.played_messages import UnreadableMessageError
from syncer_darva.played_network import Mailbox
from syncer_darva.sending import OPENING_REQUEST, OpeningPayload, message_of

from syncer.sdk import (
    CredentialsRejectedError,
    Delivery,
    DeliveryRejectedError,
    Kind,
    Link,
    NotFoundError,
    Page,
    PageLoopError,
    PartnerUnavailableError,
    PayloadError,
    RecordKey,
    Settings,
    UnexpectedAnswerError,
)
from syncer.testing import START, Fault, read_pass

OurLink = Link[IrisCredentials, Settings]


def request(claim: str = "C-1", id_: str = "D-1") -> Delivery[Any]:
    return Delivery(
        id=id_,
        key="k",
        operation=OPENING_REQUEST,
        payload=OpeningPayload(claim_number=claim, insurer="DEMO"),
        claim_file=None,
        accepted_at=START,
    )


def requests(partner: PlayedIris, method: str) -> list[str]:
    return [seen.path.rpartition("01/")[2] for seen in partner.seen if seen.method == method]


def answer(partner: PlayedIris, body: bytes) -> None:
    partner.faults.append(Fault(method="GET", path="messages", status=200, body=body))


async def test_check_accepts_the_password_and_refuses_another(
    iris: Iris, link: OurLink, partner: PlayedIris, box: Mailbox
) -> None:
    await iris.check(link)
    partner.passwords[box.name] = "another"

    with pytest.raises(CredentialsRejectedError):
        await iris.check(link)


async def test_every_message_is_read_once_in_order(iris: Iris, link: OurLink, box: Mailbox) -> None:
    for n in range(130):
        box.follow_up("C-1", f"{n % 20 + 1:02d}", id=f"M-{n}")

    read = await read_pass(iris, link, None)
    idle = await read_pass(iris, link, read.cursor)

    assert [record.partner_ref for record in read.records] == [f"DEMO:M-{n}" for n in range(130)]
    assert read.pages == 2
    assert (idle.records, idle.cursor) == ([], read.cursor)


async def test_what_is_stored_is_acknowledged_and_what_was_set_aside_too(
    iris: Iris, link: OurLink, box: Mailbox
) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    box.put_raw("M-2", b"<message")
    box.put("ZZ", "C-1", id="M-3")
    box.put("AR", "C-1", id="M-4", receipt=("D-1", "accepted", None))

    page = await iris.pull(link, None)
    before = [one.is_acknowledged for one in box.waiting.values()]
    await iris.settle(link, page)
    await iris.settle(link, page)

    assert before == [False] * 4
    assert all(one.is_acknowledged for one in box.waiting.values())
    assert (len(page.records), len(page.confirmations), len(page.unknown)) == (1, 1, 1)
    assert [(bad.partner_ref, bad.raw) for bad in page.unreadable] == [("M-2", b"<message")]


async def test_a_message_that_comes_back_is_read_again_with_the_same_revision(
    iris: Iris, link: OurLink, box: Mailbox
) -> None:
    box.notice("C-1", "AS-1")
    first = await iris.pull(link, None)
    box.come_back()

    second = await iris.pull(link, first.next_cursor)

    assert [r.revision for r in second.records] == [r.revision for r in first.records]
    assert second.next_cursor != first.next_cursor


async def test_a_listed_message_that_is_not_there_is_not_passed_over_in_silence(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    box.notice("C-2", "AS-2", id="M-2")
    partner.faults.append(Fault(method="GET", path="M-1", status=404))

    page = await iris.pull(link, None)

    assert [record.partner_ref for record in page.records] == ["DEMO:M-2"]
    assert [(bad.partner_ref, bad.raw) for bad in page.unreadable] == [("M-1", b"")]
    assert page.acknowledge == ["M-2"]


async def test_a_message_that_is_too_large_is_set_aside_and_stays_in_the_mailbox(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    box.put_raw("M-2", b"x" * (21 * 1024 * 1024))

    page = await iris.pull(link, None)

    assert len(page.records) == 1
    assert [(bad.partner_ref, bad.raw) for bad in page.unreadable] == [("M-2", b"")]
    assert page.acknowledge == ["M-1"]


async def test_a_message_for_another_mailbox_or_id_is_set_aside(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    other = partner.mailbox("999999").notice("C-1", "AS-1", id="M-1")
    box.put_raw("M-1", other.raw)
    box.put_raw("M-2", box.notice("C-2", "AS-2", id="M-3").raw)

    page = await iris.pull(link, None)

    assert [record.partner_ref for record in page.records] == ["DEMO:M-3"]
    assert [bad.reason for bad in page.unreadable] == [
        "to: names another mailbox than the one it came to",
        "id: is not the id under which the mailbox lists it",
    ]


async def test_a_mailbox_that_fails_in_between_fails_the_pass(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    partner.faults.append(Fault(method="GET", path="M-1", status=418))

    with pytest.raises(UnexpectedAnswerError):
        await iris.pull(link, None)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b"<html/>", PayloadError),
        (b'<messages last="1"/>', PayloadError),
        (b'<messages last="1" more="true"/>', PageLoopError),
        (b'<messages last="1" more="false"><ref id="M" seq="0"/></messages>', PayloadError),
        (b'<messages last="1" more="false"><ref id="M" seq="x"/></messages>', PayloadError),
        (b'<messages last="1" more="false"><ref seq="1"/></messages>', PayloadError),
        (
            b'<messages last="" more="false"><ref id="M" seq="2"/><ref id="N" seq="2"/></messages>',
            PayloadError,
        ),
    ],
)
async def test_a_list_that_is_none_fails_the_pass(
    iris: Iris, link: OurLink, partner: PlayedIris, body: bytes, error: type[Exception]
) -> None:
    answer(partner, body)

    with pytest.raises(error):
        await iris.pull(link, None)


async def test_a_cursor_that_is_none_of_ours_is_refused(iris: Iris, link: OurLink) -> None:
    with pytest.raises(PayloadError, match="stored cursor"):
        await iris.pull(link, "yesterday")


async def test_one_message_is_read_again_on_demand(iris: Iris, link: OurLink, box: Mailbox) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    key = RecordKey(kind=Kind.NOTICE, partner_ref="DEMO:M-1")

    record = await iris.reread(link, key)

    assert record.key == key
    with pytest.raises(PayloadError, match="not the message"):
        await iris.reread(link, RecordKey(kind=Kind.FOLLOW_UP, partner_ref="DEMO:M-1"))
    with pytest.raises(NotFoundError):
        await iris.reread(link, RecordKey(kind=Kind.NOTICE, partner_ref="DEMO:M-9"))


async def test_a_delivery_is_put_into_the_outbox_and_a_repeat_changes_nothing(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    first = await iris.deliver(link, request())
    again = await iris.deliver(link, request())

    assert not first.is_final
    assert not again.is_final
    assert [sent.claim_number for sent in box.taken] == ["C-1"]
    assert requests(partner, "PUT") == ["outbox/D-1", "outbox/D-1"]


def test_the_played_network_takes_no_message_from_another_mailbox(
    partner: PlayedIris, box: Mailbox
) -> None:
    raw = message_of(request(), subscriber="999999", station="01")

    with pytest.raises(UnreadableMessageError, match="another mailbox"):
        box.take("D-1", raw)
    assert (box.sent, box.taken) == ({}, [])


async def test_a_lost_answer_is_repeated_with_the_same_bytes(
    iris: Iris, link: OurLink, box: Mailbox, partner: PlayedIris
) -> None:
    partner.faults.append(Fault(method="PUT", status=None, is_after=True))

    await iris.deliver(link, request())

    assert len(requests(partner, "PUT")) == 2
    assert len(box.taken) == 1


async def test_another_message_under_a_known_id_is_rejected(iris: Iris, link: OurLink) -> None:
    await iris.deliver(link, request())

    with pytest.raises(DeliveryRejectedError, match="another message under this id"):
        await iris.deliver(link, request(claim="C-2"))


@pytest.mark.parametrize("status", [400, 404, 410, 413, 415, 422])
async def test_a_refusal_ends_the_delivery(
    iris: Iris, link: OurLink, partner: PlayedIris, status: int
) -> None:
    partner.faults.append(Fault(method="PUT", status=status))

    with pytest.raises(DeliveryRejectedError) as refused:
        await iris.deliver(link, request())

    assert refused.value.partner_code == str(status)


async def test_an_acknowledgement_that_fails_fails_the_pass(
    iris: Iris, link: OurLink, partner: PlayedIris, box: Mailbox
) -> None:
    box.notice("C-1", "AS-1", id="M-1")
    page = await iris.pull(link, None)
    partner.faults.append(Fault(method="POST", status=503, times=9))

    with pytest.raises(PartnerUnavailableError):
        await iris.settle(link, page)
    assert isinstance(page, Page)


def test_the_played_mailbox_lives(partner: PlayedIris) -> None:
    partner.add_repairer("garage-7")

    lines = [partner.live() for _ in range(6)]

    assert len(set(lines)) == 6
    assert all(line.startswith("garage-7: ") for line in lines)
