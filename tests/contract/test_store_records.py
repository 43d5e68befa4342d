"""Records on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import pytest

from syncer.domain.intake import DecidedBy, Decision, IntakeState, Standing
from syncer.domain.links import LinkKey
from syncer.domain.records import ClaimRef, Insured, Insurer, Kind, RecordKey, Site, Vehicle
from syncer.domain.stored import DecisionWrite, KnownRecord, RecordFilter, StoredRecord
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore
from tests.contract.samples import (
    LINK,
    NOW,
    add_records,
    ask,
    decision,
    make_link,
    record,
    record_write,
    stored_record,
)

LATER = NOW + timedelta(hours=1)
ALL = RecordFilter(intake=("queued", "accepted", "dismissed", "excluded"))


async def take_over(unit: UnitOfWork, id_: str) -> None:
    await unit.records.take_over(id_, version=1, at=NOW)


async def next_one(unit: UnitOfWork, after: tuple[datetime, str] | None) -> list[StoredRecord]:
    return await unit.records.find(ALL, after=after, limit=1)


async def test_a_record_reads_back_as_it_was_added(store: SqlStore) -> None:
    row = record_write(record(), body=b"\x00\xffbytes", version=7, incomplete=True)

    await add_records(store, row)

    read = await stored_record(store, row.id)
    assert (read.link, read.key) == (LINK, row.record.key)
    assert (read.revision, read.version, read.status) == ("r1", 7, "submitted")
    assert (read.status_changed_at, read.received_at, read.decided_at) == (NOW, NOW, NOW)
    assert (read.body, read.decision, read.person_state) == (row.body, row.decision, None)
    assert (read.taken_over_at, read.taken_over_version) == (None, None)
    assert (read.withdrawn, read.incomplete) == (False, True)


async def test_known_gives_only_the_asked_kind_and_link(store: SqlStore) -> None:
    other_link = LinkKey("garage-8", "claims360")
    await store.write(lambda unit: make_link(unit, other_link))
    quote, mission = record("X"), record("X", kind=Kind.MISSION)
    mine = record_write(quote)
    await add_records(
        store, mine, record_write(mission), record_write(record("X"), link=other_link)
    )

    known = await ask(store, lambda unit: unit.records.known(LINK, [quote.key]))

    assert known == {
        quote.key: KnownRecord(
            id=mine.id,
            revision="r1",
            version=1,
            status_changed_at=NOW,
            standing=Standing(decision=decision()),
            decided_at=NOW,
            claim_file_id=None,
            withdrawn=False,
        )
    }


async def test_a_second_record_of_one_key_is_refused_by_the_database(store: SqlStore) -> None:
    await add_records(store, record_write(record()))

    with pytest.raises(Exception, match=r"(?i)unique"):
        await add_records(store, record_write(record()))

    assert await ask(store, lambda unit: unit.records.count(ALL)) == 1


async def test_a_replaced_record_keeps_its_earlier_version_in_the_history(store: SqlStore) -> None:
    first = record_write(record(), body=b"1")
    await add_records(store, first)
    newer = record(revision="r2", status="approved", status_changed_at=LATER)
    second = replace(first, record=newer, body=b"2", version=2, received_at=LATER)

    await store.write(lambda unit: unit.records.replace([second]))

    history = await ask(store, lambda unit: unit.records.history(first.id))
    assert [(of.version, of.status, of.body) for of in history] == [
        (2, "approved", b"2"),
        (1, "submitted", b"1"),
    ]
    assert [of.received_at for of in history] == [LATER, NOW]
    assert (await stored_record(store, first.id)).revision == "r2"


async def test_a_replaced_record_is_no_longer_withdrawn_and_stays_taken_over(
    store: SqlStore,
) -> None:
    row = record_write(record())
    await add_records(store, row)
    await store.write(lambda unit: unit.records.withdraw([row.id]))
    await store.write(lambda unit: unit.records.take_over(row.id, version=1, at=LATER))
    assert (await stored_record(store, row.id)).withdrawn

    await store.write(lambda unit: unit.records.replace([replace(row, version=2)]))

    read = await stored_record(store, row.id)
    assert not read.withdrawn
    assert (read.taken_over_at, read.taken_over_version) == (LATER, 1)


async def test_a_decision_leaves_the_claim_file_when_it_names_none(store: SqlStore) -> None:
    row = record_write(record())
    await add_records(store, row)
    accepted = Decision(state=IntakeState.ACCEPTED, rule=None, decided_by=DecidedBy.PERSON)

    await store.write(
        lambda unit: unit.records.decide(
            [
                DecisionWrite(
                    id=row.id,
                    decision=accepted,
                    person_state=IntakeState.ACCEPTED,
                    decided_at=LATER,
                    incomplete=True,
                )
            ]
        )
    )

    read = await stored_record(store, row.id)
    assert (read.decision, read.person_state) == (accepted, IntakeState.ACCEPTED)
    assert (read.decided_at, read.incomplete, read.claim_file_id) == (LATER, True, None)


@pytest.mark.parametrize(("revision", "completed"), [("r1", True), ("r0", False)])
async def test_completing_changes_the_present_version_only(
    store: SqlStore, revision: str, completed: bool
) -> None:
    row = record_write(record(), body=b"bare", incomplete=True)
    await add_records(store, row)

    await store.write(
        lambda unit: unit.records.complete(row.id, b"whole", revision=revision, version=1)
    )

    read = await stored_record(store, row.id)
    assert (read.body, read.incomplete) == ((b"whole", False) if completed else (b"bare", True))


async def test_incomplete_records_leave_out_excluded_ones(store: SqlStore) -> None:
    kept = record_write(record("K"), incomplete=True)
    excluded = record_write(record("E"), incomplete=True, decision=decision(IntakeState.EXCLUDED))
    await add_records(store, kept, excluded, record_write(record("W")))

    found = await ask(store, lambda unit: unit.records.incomplete(LINK, limit=10))

    assert [of.id for of in found] == [kept.id]


FULL = record(
    "F",
    number="2026/88_4",
    smart_expertise=True,
    vehicle=Vehicle(plate="1-ABC-234", make="Citroën", model="C3"),
    insurer=Insurer(name="Allianz", claim_number="SIN-77"),
    insured=Insured(name="Zoë Ångström"),
    site=Site(id="gent", name="Sint-Niklaas"),
    claim=ClaimRef(partner_ref="C", claim_number="OTHER-9"),
)


@pytest.mark.parametrize(
    ("wanted", "hit"),
    [
        (RecordFilter(number="88_"), True),
        (RecordFilter(number="88%4"), False),
        (RecordFilter(plate="abc-2"), True),
        (RecordFilter(name="zoe angs"), True),
        (RecordFilter(name="ALLIANZ"), True),
        (RecordFilter(make="citroen"), True),
        (RecordFilter(model="c4"), False),
        (RecordFilter(site="GENT"), True),
        (RecordFilter(site="niklaas"), True),
        (RecordFilter(q="sin-7"), True),
        (RecordFilter(q="other"), True),
        (RecordFilter(q="c3"), False),
        (RecordFilter(smart_expertise=True), True),
        (RecordFilter(smart_expertise=False), False),
        (RecordFilter(kinds=("mission", "quote")), True),
        (RecordFilter(kinds=("mission",)), False),
        (RecordFilter(statuses=("submitted",)), True),
        (RecordFilter(repairers=("garage-8",)), False),
        (RecordFilter(connectors=("claims360",)), True),
        (RecordFilter(intake=("accepted",)), False),
        (RecordFilter(taken_over="no"), True),
        (RecordFilter(taken_over="yes"), False),
        (RecordFilter(plate="abc", site="brugge"), False),
    ],
    ids=str,
)
async def test_records_are_found_and_counted_by_the_filter(
    store: SqlStore, wanted: RecordFilter, hit: bool
) -> None:
    await add_records(store, record_write(FULL))

    async with store.read() as unit:
        found = await unit.records.find(wanted, after=None, limit=10)
        count = await unit.records.count(wanted)

    assert (len(found), count) == (int(hit), int(hit))


async def test_lists_leave_out_excluded_and_dismissed_records_unless_asked(
    store: SqlStore,
) -> None:
    for state in IntakeState:
        await add_records(store, record_write(record(state.value), decision=decision(state)))

    async with store.read() as unit:
        shown = await unit.records.find(RecordFilter(), after=None, limit=10)
        everything = await unit.records.count(ALL)

    assert {of.key.partner_ref for of in shown} == {"queued", "accepted"}
    assert everything == 4


async def test_an_outdated_takeover_is_one_of_another_version(store: SqlStore) -> None:
    fresh, outdated = record_write(record("1")), record_write(record("2"))
    await add_records(store, fresh, outdated)
    for row in (fresh, outdated):
        await store.write(partial(take_over, id_=row.id))
    await store.write(lambda unit: unit.records.replace([replace(outdated, version=2)]))

    wanted = RecordFilter(taken_over="outdated")
    found = await ask(store, lambda unit: unit.records.find(wanted, after=None, limit=10))

    assert [of.id for of in found] == [outdated.id]


async def test_records_are_listed_newest_change_first_page_by_page(store: SqlStore) -> None:
    ages = {"old": 3, "tie-a": 2, "tie-b": 2, "new": 0}
    rows = [
        record_write(record(name, status_changed_at=NOW - timedelta(hours=hours)))
        for name, hours in ages.items()
    ]
    await add_records(store, *rows)

    listed: list[str] = []
    after = None
    while len(listed) < 4:
        [found] = await ask(store, partial(next_one, after=after))
        listed.append(found.key.partner_ref)
        after = (found.status_changed_at, found.id)

    assert listed == ["new", "tie-a", "tie-b", "old"]


async def test_a_links_records_are_walked_in_order_of_id(store: SqlStore) -> None:
    rows = [record_write(record(str(number))) for number in range(3)]
    await add_records(store, *reversed(rows))

    async with store.read() as unit:
        first = await unit.records.of_link(LINK, after=None, limit=2)
        rest = await unit.records.of_link(LINK, after=first[-1].id, limit=2)

    assert [of.id for of in (*first, *rest)] == [row.id for row in rows]


async def test_refs_leave_out_what_is_withdrawn_or_ended(store: SqlStore) -> None:
    other_link = LinkKey("garage-8", "claims360")
    await store.write(lambda unit: make_link(unit, other_link))
    ended = replace(record("E", kind=Kind.MISSION), status="Terminee")
    gone = record_write(record("G", kind=Kind.MISSION))
    await add_records(
        store,
        gone,
        record_write(ended),
        record_write(record("B", kind=Kind.MISSION)),
        record_write(record("A", kind=Kind.MISSION)),
        record_write(record("Q")),
        record_write(record("O", kind=Kind.MISSION), link=other_link),
    )
    await store.write(lambda unit: unit.records.withdraw([gone.id]))

    held = await ask(store, lambda unit: unit.records.refs(LINK, Kind.MISSION, but=["Terminee"]))
    every = await ask(store, lambda unit: unit.records.refs(LINK, Kind.MISSION, but=()))

    assert (held, every) == (["A", "B"], ["A", "B", "E"])


async def test_known_takes_a_page_of_any_size(store: SqlStore) -> None:
    rows = [record_write(record(f"Q-{number}")) for number in range(2_000)]
    await add_records(store, *rows)
    keys = [RecordKey(kind=Kind.QUOTE, partner_ref=f"Q-{number}") for number in range(3_000)]

    known = await ask(store, lambda unit: unit.records.known(LINK, keys))

    assert len(known) == 2_000
