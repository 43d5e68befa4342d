"""Claim files and attachments on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.intake import IntakeState
from syncer.domain.records import Attachment, ClaimRef, Kind
from syncer.domain.stored import AttachmentState, ClaimFileFilter, ClaimFileRef, StoredAttachment
from syncer.store import SqlStore
from tests.contract.samples import (
    IDS,
    LINK,
    NOW,
    add_records,
    ask,
    attachment,
    decision,
    record,
    record_write,
    stored_record,
)

LATER = NOW + timedelta(hours=1)
EARLIER = NOW - timedelta(hours=1)
SHA = "ab" * 32


def named(ref: str = "C-1", *, at: datetime = NOW, plate: str | None = None, **claim: Any) -> Any:
    data = {"vehicle": {"plate": plate}} if plate else {}
    return ClaimFileRef(claim=ClaimRef(partner_ref=ref, **claim), data=data, at=at)


async def ensure(store: SqlStore, *refs: ClaimFileRef) -> dict[str, tuple[str, bool | None]]:
    return await store.write(lambda unit: unit.claim_files.ensure(LINK, refs, at=NOW))


async def claim_file(store: SqlStore, id_: str) -> ClaimFile:
    found = await ask(store, lambda unit: unit.claim_files.get(id_))
    assert found is not None
    return found


def made(**fields: Any) -> ClaimFile:
    given: dict[str, Any] = {
        "id": IDS.new(),
        "reference": "R-1",
        "partner_ref": None,
        "claim_number": None,
        "claim_type": None,
        "person_data": {"channel": "web"},
        **fields,
    }
    return ClaimFile(
        link=LINK,
        origin=Origin.PLANNING,
        partner_data={},
        person_set_at={"channel": "2026-03-02T09:15:00Z"},
        created_at=NOW,
        updated_at=NOW,
        **given,
    )


async def test_a_named_claim_file_is_made_once(store: SqlStore) -> None:
    first = await ensure(store, named(plate="1-ABC"), named(reference="2026/7"))
    second = await ensure(store, named(plate="1-ABC"))

    id_ = first["C-1"][0]
    assert (first["C-1"][1], second) == (True, {"C-1": (id_, None)})
    read = await claim_file(store, id_)
    assert (read.origin, read.reference, read.partner_ref) == (Origin.PARTNER, "2026/7", "C-1")
    assert read.partner_data == {"vehicle": {"plate": "1-ABC"}}


async def test_a_newer_contribution_is_laid_over_the_file(store: SqlStore) -> None:
    id_ = (await ensure(store, named(plate="old", claim_type="motor")))["C-1"][0]

    outcome = await ensure(store, named(plate="new", at=LATER))

    assert outcome == {"C-1": (id_, False)}
    read = await claim_file(store, id_)
    assert (read.partner_data, read.claim_type) == ({"vehicle": {"plate": "new"}}, "motor")


async def test_an_older_contribution_only_fills_what_is_missing(store: SqlStore) -> None:
    id_ = (await ensure(store, named(plate="new", at=NOW)))["C-1"][0]

    await ensure(store, named(plate="old", claim_number="S-1", at=EARLIER))

    read = await claim_file(store, id_)
    assert (read.partner_data, read.claim_number) == ({"vehicle": {"plate": "new"}}, "S-1")


async def test_an_equal_newer_contribution_outranks_what_comes_between(store: SqlStore) -> None:
    id_ = (await ensure(store, named(plate="same", at=EARLIER)))["C-1"][0]
    assert (await ensure(store, named(plate="same", at=LATER)))["C-1"][1] is None

    await ensure(store, named(plate="between", at=NOW))

    assert (await claim_file(store, id_)).partner_data == {"vehicle": {"plate": "same"}}


async def test_a_file_of_the_planning_system_is_found_by_its_reference(store: SqlStore) -> None:
    ours = made()
    assert await store.write(lambda unit: unit.claim_files.make(ours)) is None

    outcome = await ensure(store, named(reference="R-1"))

    assert outcome == {"C-1": (ours.id, False)}
    read = await claim_file(store, ours.id)
    assert (read.partner_ref, read.origin) == ("C-1", Origin.PLANNING)
    assert read.person_data == {"channel": "web"}


async def test_making_a_known_reference_gives_the_one_that_has_it(store: SqlStore) -> None:
    known = (await ensure(store, named(reference="R-1")))["C-1"][0]

    answer = await store.write(lambda unit: unit.claim_files.make(made()))

    assert answer == known
    assert await ask(store, lambda unit: unit.claim_files.count(ClaimFileFilter())) == 1


async def test_person_data_is_saved(store: SqlStore) -> None:
    id_ = (await ensure(store, named()))["C-1"][0]
    data, set_at = {"client": {"name": "Zoë"}}, {"client.name": "2026-03-02T10:15:00Z"}

    await store.write(lambda unit: unit.claim_files.save_person_data(id_, data, set_at, at=LATER))

    read = await claim_file(store, id_)
    assert (read.person_data, read.person_set_at, read.updated_at) == (data, set_at, LATER)


@pytest.mark.parametrize(
    ("wanted", "hit"),
    [
        (ClaimFileFilter(reference="sin/é"), True),
        (ClaimFileFilter(claim_number="s-1"), True),
        (ClaimFileFilter(partner_ref="c-"), True),
        (ClaimFileFilter(partner_ref="d-"), False),
        (ClaimFileFilter(q="SIN"), True),
        (ClaimFileFilter(q="nothing"), False),
        (ClaimFileFilter(repairers=("garage-7",), connectors=("claims360",)), True),
        (ClaimFileFilter(repairers=("garage-8",)), False),
        (ClaimFileFilter(states=("linked",)), False),
        (ClaimFileFilter(selectable=True), False),
        (ClaimFileFilter(selectable=False), False),
    ],
    ids=str,
)
async def test_claim_files_are_found_and_counted_by_the_filter(
    store: SqlStore, wanted: ClaimFileFilter, hit: bool
) -> None:
    await ensure(store, named(reference="SIN/e", claim_number="S-1"))

    async with store.read() as unit:
        found = await unit.claim_files.find(wanted, after=None, limit=9)
        count = await unit.claim_files.count(wanted)

    assert (len(found), count) == (int(hit), int(hit))


async def test_claim_files_are_listed_newest_update_first(store: SqlStore) -> None:
    outcome = await ensure(store, named("A"), named("B"), named("C"))
    ids = {ref: id_ for ref, (id_, _) in outcome.items()}
    await store.write(lambda unit: unit.claim_files.save_person_data(ids["B"], {}, {}, at=LATER))

    async with store.read() as unit:
        first = await unit.claim_files.find(ClaimFileFilter(), after=None, limit=2)
        last = (first[-1].updated_at, first[-1].id)
        rest = await unit.claim_files.find(ClaimFileFilter(), after=last, limit=2)

    assert [of.partner_ref for of in (*first, *rest)] == ["B", "A", "C"]


async def test_a_claim_file_names_its_records_but_no_excluded_ones(store: SqlStore) -> None:
    id_ = (await ensure(store, named()))["C-1"][0]
    rows = [
        record_write(record("1"), claim_file_id=id_),
        record_write(record("2"), claim_file_id=id_, decision=decision(IntakeState.EXCLUDED)),
        record_write(record("3"), claim_file_id=id_),
    ]
    await add_records(store, *rows)

    named_ids = await ask(store, lambda unit: unit.records.of_claim_files([id_]))

    assert named_ids == {id_: [rows[0].id, rows[2].id]}


async def offer(
    store: SqlStore, *offered: Attachment, claim_file_id: str | None = None
) -> list[str]:
    offers = [(IDS.new(), of, claim_file_id) for of in offered]
    await store.write(lambda unit: unit.attachments.offer(LINK, offers, at=NOW))
    return [id_ for id_, _, _ in offers]


async def keep(store: SqlStore, id_: str, sha256: str = SHA) -> None:
    await store.write(
        lambda unit: unit.attachments.stored(
            id_, sha256=sha256, bytes_=5, content_type="image/jpeg", at=NOW
        )
    )


async def one(store: SqlStore, id_: str) -> StoredAttachment:
    found = await ask(store, lambda unit: unit.attachments.get(id_))
    assert found is not None
    return found


async def pending(store: SqlStore) -> list[str]:
    found = await ask(store, lambda unit: unit.attachments.pending(LINK, limit=9))
    return [of.id for of in found]


async def test_an_offered_attachment_waits_until_its_record_is_imported(store: SqlStore) -> None:
    [id_] = await offer(store, attachment(name="front.jpg", taken_at=NOW, bytes=9))
    assert await pending(store) == []

    await add_records(store, record_write(record()))

    assert await pending(store) == [id_]
    assert (await one(store, id_)).attachment == attachment(name="front.jpg", taken_at=NOW, bytes=9)
    link = await ask(store, lambda unit: unit.links.get(LINK))
    assert link is not None
    assert link.has_leftovers


async def test_an_excluded_records_attachment_waits_unless_its_claim_has_another(
    store: SqlStore,
) -> None:
    file = (await ensure(store, named()))["C-1"][0]
    mission = record("M", kind=Kind.MISSION)
    await add_records(
        store,
        record_write(mission, claim_file_id=file, decision=decision(IntakeState.EXCLUDED)),
    )
    [id_] = await offer(store, attachment(owner="M", kind=Kind.MISSION), claim_file_id=file)
    assert await pending(store) == []

    await add_records(store, record_write(record("Q"), claim_file_id=file))

    assert await pending(store) == [id_]


async def test_a_stored_attachment_shows_what_was_received(store: SqlStore) -> None:
    await add_records(store, record_write(record()))
    [id_] = await offer(store, attachment(content_type="text/plain", bytes=1))

    await keep(store, id_)

    read = await one(store, id_)
    assert read.state is AttachmentState.STORED
    given = read.attachment
    assert (given.sha256, given.bytes, given.content_type) == (SHA, 5, "image/jpeg")
    assert await pending(store) == []
    assert await ask(store, lambda unit: unit.attachments.referenced([SHA, "cd" * 32])) == {SHA}


async def test_a_stored_attachment_stays_when_it_is_offered_again(store: SqlStore) -> None:
    [id_] = await offer(store, attachment(sha256=SHA))
    await keep(store, id_)

    await offer(store, attachment(sha256=SHA), attachment())

    assert (await one(store, id_)).state is AttachmentState.STORED


@pytest.mark.parametrize("sha256", ["cd" * 32, None], ids=["another hash", "refused"])
async def test_an_attachment_is_asked_for_again(store: SqlStore, sha256: str | None) -> None:
    await add_records(store, record_write(record()))
    [id_] = await offer(store, attachment(sha256=SHA))
    if sha256 is None:
        await store.write(lambda unit: unit.attachments.refused(id_, "too large", at=NOW))
        assert (await one(store, id_)).reason == "too large"
    else:
        await keep(store, id_)

    await offer(store, attachment(sha256=sha256))

    read = await one(store, id_)
    assert (read.state, read.reason) == (AttachmentState.PENDING, None)
    assert await pending(store) == [id_]


async def test_a_content_that_the_owner_has_already_is_stored_at_once(store: SqlStore) -> None:
    await add_records(store, record_write(record()))
    [first] = await offer(store, attachment("A-1"))
    await keep(store, first)

    [second] = await offer(store, attachment("A-2", sha256=SHA))

    read = await one(store, second)
    assert read.state is AttachmentState.STORED
    assert (read.attachment.sha256, read.attachment.bytes) == (SHA, 5)


async def test_an_attachment_is_shown_on_its_owner_only(store: SqlStore) -> None:
    file = (await ensure(store, named()))["C-1"][0]
    mission = record_write(record("M", kind=Kind.MISSION), claim_file_id=file)
    quote = record_write(record("Q"), claim_file_id=file)
    await add_records(store, mission, quote)
    ids = await offer(
        store,
        attachment("2", owner="M", kind=Kind.MISSION),
        attachment("1", owner="M", kind=Kind.MISSION),
        claim_file_id=file,
    )
    records = [await stored_record(store, row.id) for row in (mission, quote)]

    shown = await ask(store, lambda unit: unit.attachments.shown_on(records))

    assert {id_: [of.id for of in found] for id_, found in shown.items()} == {
        mission.id: ids,
        quote.id: [],
    }


@pytest.mark.parametrize("owner", ["unknown", "excluded"])
async def test_an_attachment_is_shown_on_the_claims_other_records_without_its_owner(
    store: SqlStore, owner: str
) -> None:
    file = (await ensure(store, named()))["C-1"][0]
    mission = record_write(
        record("M", kind=Kind.MISSION),
        claim_file_id=file,
        decision=decision(IntakeState.EXCLUDED),
    )
    quote = record_write(record("Q"), claim_file_id=file)
    await add_records(store, quote, *([mission] if owner == "excluded" else []))
    [id_] = await offer(store, attachment(owner="M", kind=Kind.MISSION), claim_file_id=file)
    rows = [quote, mission] if owner == "excluded" else [quote]
    records = [await stored_record(store, row.id) for row in rows]

    shown = await ask(store, lambda unit: unit.attachments.shown_on(records))

    assert [of.id for of in shown[quote.id]] == [id_]
    assert shown.get(mission.id, []) == []
