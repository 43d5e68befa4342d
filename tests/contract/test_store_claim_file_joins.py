"""A claim file of ours and what a pull made for the same claim become one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.records import ClaimRef, Kind
from syncer.domain.stored import ClaimFileRef
from syncer.store import SqlStore
from tests.contract.samples import (
    IDS,
    LINK,
    NOW,
    add_records,
    ask,
    attachment,
    record,
    record_write,
)

OURS = ClaimFile(
    id=IDS.new(),
    link=LINK,
    origin=Origin.PLANNING,
    reference="2026/118",
    partner_ref=None,
    claim_number=None,
    claim_type=None,
    partner_data={},
    person_data={"vehicle": {"plate": "1-ABC-234"}},
    person_set_at={},
    created_at=NOW,
    updated_at=NOW,
)


@pytest.fixture
async def ours(store: SqlStore) -> str:
    await store.write(lambda unit: unit.claim_files.make(OURS))
    return OURS.id


async def pulled(store: SqlStore, ref: str, **names: Any) -> str:
    """Let a page name a claim; gives the id of its file."""
    claim = ClaimFileRef(
        claim=ClaimRef(partner_ref=ref, **names), data={"vehicle": {"make": "Renault"}}, at=NOW
    )
    made = await store.write(lambda unit: unit.claim_files.ensure(LINK, [claim], at=NOW))
    return made[ref][0]


async def name(store: SqlStore, id_: str, ref: str) -> str | None:
    return await store.write(lambda unit: unit.claim_files.name(id_, ref, at=NOW))


async def file(store: SqlStore, id_: str) -> ClaimFile:
    found = await ask(store, lambda unit: unit.claim_files.get(id_))
    assert found is not None
    return found


async def test_a_file_that_a_pull_made_first_is_joined_with_all_that_is_on_it(
    store: SqlStore, ours: str
) -> None:
    theirs = await pulled(store, "M-1", claim_number="24/778-1")
    mission = record("M-1", kind=Kind.MISSION)
    await add_records(store, row := record_write(mission, claim_file_id=theirs))
    photo = attachment("P-1", owner="M-1", kind=Kind.MISSION)
    await store.write(
        lambda unit: unit.attachments.offer(LINK, [(IDS.new(), photo, theirs)], at=NOW)
    )

    assert await name(store, ours, "M-1") == theirs

    joined = await file(store, ours)
    assert (joined.partner_ref, joined.reference, joined.claim_number) == (
        "M-1",
        "2026/118",
        "24/778-1",
    )
    assert joined.data == {"vehicle": {"plate": "1-ABC-234", "make": "Renault"}}
    assert await ask(store, lambda unit: unit.claim_files.get(theirs)) is None
    assert await ask(store, lambda unit: unit.records.of_claim_files([ours])) == {ours: [row.id]}
    pending = await ask(store, lambda unit: unit.attachments.pending(LINK, limit=9))
    assert [one.claim_file_id for one in pending] == [ours]


async def test_what_is_pulled_after_the_naming_is_ours(store: SqlStore, ours: str) -> None:
    assert await name(store, ours, "M-1") is None

    assert await pulled(store, "M-1") == ours


async def test_a_second_id_of_a_claim_leads_to_the_same_file(store: SqlStore, ours: str) -> None:
    await name(store, ours, "M-1")

    assert await name(store, ours, "M-2") is None

    assert await pulled(store, "M-2") == ours
    assert await pulled(store, "M-1") == ours
    assert (await file(store, ours)).partner_ref == "M-1"
    claim = ClaimRef(partner_ref="M-2")
    found = await ask(store, lambda unit: unit.claim_files.named(LINK, claim))
    assert found is not None
    assert found.id == ours


async def test_two_files_of_the_planning_system_are_never_joined(
    store: SqlStore, ours: str
) -> None:
    other = replace(OURS, id=IDS.new(), reference="2026/119", partner_ref="M-1")
    await store.write(lambda unit: unit.claim_files.make(other))

    assert await name(store, ours, "M-1") is None

    assert (await file(store, ours)).partner_ref is None
