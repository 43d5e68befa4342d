"""What is refused before anything leaves, and what acceptance keeps."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from syncer.domain.deliveries import DeliveryFilter
from syncer.domain.errors import (
    ConflictError,
    DeliveryRejectedError,
    InvalidError,
    NotFoundError,
    PartnerTimeoutError,
    SyncerError,
    TooLargeError,
    TransitionRefusedError,
)
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileRef
from syncer.ports.store import UnitOfWork
from syncer.services.record_json import Json
from tests.outbox.office import LINK, Office, fail

ALL = DeliveryFilter()
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 100


async def pointers(office: Office, file: str | None, **asked: Any) -> list[str]:
    with pytest.raises(InvalidError) as refused:
        await office.ask(file, **asked)
    return [fault.pointer for fault in refused.value.errors]


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({"operation": "nothing"}, "/operation"),
        ({"connector": "unheard-of"}, "/connector"),
        ({"repairer": "garage-8"}, "/repairer"),
        ({"payload": {"text": 7}}, "/payload/text"),
        ({"payload": {"more": "x"}}, "/payload/more"),
        ({"dry_run": True}, "/dry_run"),
        ({"attachments": ["x"]}, "/attachments/0"),
        ({"operation": "filed"}, "/attachments"),
        ({"operation": "opening", "payload": {"claim_number": "1"}}, "/claim_file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_value_is_refused_where_it_stands(
    office: Office, file: str, asked: dict[str, Any], pointer: str
) -> None:
    assert await pointers(office, file, **asked) == [pointer]
    assert office.paper.delivered == []


async def test_a_claim_file_is_needed_and_must_be_there(office: Office, file: str) -> None:
    assert await pointers(office, None) == ["/claim_file"]
    assert await pointers(office, None, connector="paper") == ["/claim_file"]
    with pytest.raises(NotFoundError):
        await office.ask("nowhere")


@pytest.mark.parametrize(
    ("connector", "code"),
    [("old", "superseded"), ("off", "connector_disabled"), ("odd", "link_not_active")],
)
async def test_a_connector_that_sends_nothing_says_why(
    office: Office, file: str, connector: str, code: str
) -> None:
    with pytest.raises(ConflictError) as refused:
        await office.ask(file, connector=connector)

    assert refused.value.code == code
    if code == "superseded":
        assert "paper" in str(refused.value)


@pytest.mark.parametrize("state", [s for s in LinkState if s is not LinkState.ACTIVE])
async def test_over_a_link_that_is_not_active_nothing_is_accepted(
    office: Office, file: str, state: LinkState
) -> None:
    await office.set_link(state)

    with pytest.raises(ConflictError) as refused:
        await office.ask(file)

    assert refused.value.code == "link_not_active"


@pytest.mark.parametrize(
    "error",
    [TransitionRefusedError("not yet"), TooLargeError("25 MB"), InvalidError("no")],
    ids=lambda error: type(error).__name__,
)
async def test_what_the_connector_refuses_is_not_accepted(
    office: Office, file: str, error: SyncerError
) -> None:
    office.paper.refusal = error

    with pytest.raises(type(error)):
        await office.ask(file)

    assert (await office.deliveries.find(ALL)).total == 0


async def test_a_connector_whose_check_fails_refuses_nothing_by_accident(
    office: Office, file: str
) -> None:
    office.paper.refusal = KeyError("bug")

    with pytest.raises(SyncerError) as failed:
        await office.ask(file)

    assert failed.value.code == "connector_failed"


async def test_files_are_those_of_the_claim_file_and_what_the_operation_takes(
    office: Office, file: str
) -> None:
    ours = await office.document(file, PNG)
    foreign = await office.document(await office.claim_file("2026-2"), PNG)
    large = await office.document(file, PNG + b"y" * 1_000)

    async def faults(*ids: str) -> list[str]:
        return await pointers(office, file, operation="filed", attachments=list(ids))

    assert await faults(foreign) == ["/attachments/0"]
    assert await faults(ours, ours) == ["/attachments/1"]
    assert await faults(ours, large) == ["/attachments/1"]
    assert await office.ask(file, "filed", attachments=[ours])


async def test_what_is_accepted_is_remembered_in_the_same_write(office: Office, file: str) -> None:
    async def remember(_uow: UnitOfWork, _view: Json) -> None:
        raise ConflictError("disk", "full")

    with pytest.raises(ConflictError):
        await office.ask(file, remember=remember)

    assert (await office.deliveries.find(ALL)).total == 0


async def test_a_local_step_is_through_at_once_and_sends_nothing(office: Office, file: str) -> None:
    id_ = await office.ask(file, "step")
    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["attempts"]) == ("delivered", [])
    assert shown["receipt"]["at"] is not None
    assert office.paper.delivered == []


async def test_a_claim_file_is_made_with_its_delivery_and_a_second_one_refused(
    office: Office, file: str
) -> None:
    asked: dict[str, Any] = {
        "operation": "opening",
        "payload": {"claim_number": "SIN-1"},
        "repairer": LINK.repairer,
        "connector": LINK.connector,
    }
    first = await office.shown(await office.ask(None, **asked))
    made = first["claim_file"]
    async with office.store.read() as uow:
        claim_file = await uow.claim_files.get(made)
    assert claim_file is not None
    assert (claim_file.reference, claim_file.partner_ref) == ("SIN-1", "X:SIN-1")

    with pytest.raises(ConflictError) as refused:
        await office.ask(None, **asked)
    assert (refused.value.code, refused.value.facts["id"]) == ("transition_refused", made)

    await office.deliveries.cancel(first["id"])
    again = await office.shown(await office.ask(None, **asked))
    assert again["claim_file"] == made


async def test_a_refused_one_is_retried_only_where_a_new_one_would_be_accepted(
    office: Office, file: str
) -> None:
    office.paper.acts = [fail(DeliveryRejectedError("no")), fail(DeliveryRejectedError("no"))]
    open_claim = partial(office.ask, None, "opening", {"claim_number": "SIN-1"}, **LINK._asdict())
    opening = await open_claim()
    keyed = await office.ask(file, "keyed")
    await office.work()
    later = await open_claim()
    await office.work()

    with pytest.raises(ConflictError) as refused:
        await office.deliveries.retry(opening)
    assert refused.value.code == "transition_refused"
    office.paper.refusal = TransitionRefusedError("not from here")
    with pytest.raises(ConflictError, match="not from here"):
        await office.deliveries.retry(keyed)
    assert [await office.state(id_) for id_ in (opening, keyed, later)] == [
        "rejected",
        "rejected",
        "delivered",
    ]

    office.paper.refusal = None
    await office.deliveries.retry(keyed)
    await office.work()
    assert await office.state(keyed) == "delivered"


async def test_what_may_have_arrived_is_retried_whatever_the_claim_file_allows(
    office: Office, file: str
) -> None:
    office.paper.acts = [fail(PartnerTimeoutError("late"))]
    doubtful = await office.ask(file, "blind")
    await office.work()
    office.paper.refusal = TransitionRefusedError("it has arrived")

    await office.deliveries.retry(doubtful)

    assert await office.state(doubtful) == "queued"


async def test_the_key_is_ours_for_ever_and_differs_by_delivery(office: Office, file: str) -> None:
    ids = [await office.ask(file), await office.ask(file)]
    await office.work()

    keys = [one.key for one in office.paper.delivered]
    assert len(set(keys)) == len(ids)


async def test_a_receipt_joins_what_a_pull_made_first(office: Office, file: str) -> None:
    """The mission came back with a pass before its receipt was stored."""

    async def pulled(uow: UnitOfWork) -> str:
        ref = ClaimFileRef(claim=ClaimRef(partner_ref="M-1"), at=office.clock.now())
        made = await uow.claim_files.ensure(LINK, [ref], at=office.clock.now())
        return made["M-1"][0]

    theirs = await office.store.write(pulled)
    office.paper.found = []
    office.paper.acts = [office.giving("M-1")]
    await office.ask(file)

    await office.work()

    assert await office.partner_ref(file) == "M-1"
    async with office.store.read() as uow:
        assert await uow.claim_files.get(theirs) is None


async def test_deliveries_of_other_connectors_leave_the_file_its_partners_id(
    office: Office, file: str
) -> None:
    office.paper.any_claim_file = True  # type: ignore[misc]  # for this one connector
    await office.add_connector("mailer")
    office.paper.acts = [office.giving("<message-id>")]
    id_ = await office.ask(file, connector="mailer")

    await office.work()

    shown = await office.shown(id_)
    assert (shown["state"], shown["connector"]) == ("delivered", "mailer")
    assert await office.partner_ref(file) is None
    assert LinkKey(shown["repairer"], shown["connector"]) != LINK
