"""Events happen to claim files: judged, logged, replayed, and told."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.domain.errors import ConnectorFailedError
from syncer.domain.feed import ChangeType
from syncer.domain.lives import EventOutcome
from syncer.domain.records import ClaimRef, Kind, Record
from syncer.domain.stored import ClaimFileFilter, ClaimFileRef, Repairer
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import (
    ClaimUpdate,
    Credentials,
    Event,
    Lifecycle,
    Link,
    Page,
    Settings,
    Standing,
    TransitionRefusedError,
)
from syncer.services.claim_data import ClaimData
from syncer.services.claim_files import NewClaimFile
from syncer.services.lifecycles import Happening, Lived, fold, live_on
from syncer.services.page import PageStorer
from syncer.testing import FakeClock
from tests.campaign import COUNTS
from tests.services.lives import LINK, NOON, ShelfConnector, ShelfLife, happened, installed, seen
from tests.stores import opened_store

if TYPE_CHECKING:
    from tests.services.conftest import House

CLAIM = ClaimRef(partner_ref="C-1", reference="2026SIN1")


class Shelf:
    """A house with the shelf connector in it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.store = house.store
        self.have(ShelfLife())
        self.pages = PageStorer(store=house.store, clock=house.clock, ids=house.ids)

    def have(self, life: Lifecycle | None) -> None:
        """Give the connector another lifecycle."""
        self.connector = type("Other", (ShelfConnector,), {"lifecycle": life})()
        self.house.registry.installed["shelf"] = installed(self.connector)

    async def pull(self, *records: Record, rules: Sequence[Any] = (), **page: Any) -> None:
        """Take a page in."""
        link = Link(
            repairer=LINK.repairer,
            credentials=Credentials(),
            settings=Settings(queueing="none", excludes=list(rules)),
            start_date=None,
        )
        await self.pages.take(LINK, self.connector, link, Page(records=records, **page))

    async def let(self, partner_ref: str, *events: Event) -> str:
        """Let events happen to a file; gives its id."""
        return await let(self.store, self.connector, partner_ref, *events)

    async def views(self, **wanted: Any) -> list[dict[str, Any]]:
        """List claim files as the API shows them."""
        return (await self.house.claim_files.find(ClaimFileFilter(**wanted))).items

    async def told(self, *types: ChangeType) -> list[dict[str, Any]]:
        """Give the data of feed entries."""
        return [dict(entry.change.data) for entry in await self.house.told(*types)]


async def let(store: Store, connector: ShelfConnector, partner_ref: str, *events: Event) -> str:
    """Let events happen to a file of the partner, made if need be; gives its id."""

    async def work(uow: UnitOfWork) -> str:
        ref = ClaimFileRef(claim=ClaimRef(partner_ref=partner_ref), at=NOON)
        id_, _ = (await uow.claim_files.ensure(LINK, [ref], at=NOON))[partner_ref]
        happenings = [Happening(claim_file=id_, event=event) for event in events]
        lived: Lived = await live_on(uow, connector, happenings, begin=[id_], at=NOON)
        uow.feed.append(lived.changes, at=NOON)
        return id_

    return await store.write(work)


def says(ref: str, *events: tuple[str, int], claim: ClaimRef = CLAIM, **parts: Any) -> Record:
    """Make a record that brings events along."""
    given_parts = {"status": "new", "revision": "1", "status_changed_at": NOON, **parts}
    return Record(
        kind=Kind.FOLLOW_UP,
        partner_ref=ref,
        claim=claim,
        extra={"says": list(events)},
        **given_parts,
    )


@pytest.fixture
async def shelf(house: House) -> Shelf:
    await house.store.write(lambda uow: uow.links.ensure(["shelf"]))
    return Shelf(house)


async def test_a_record_moves_the_file_that_it_names(shelf: Shelf) -> None:
    await shelf.pull(says("M-1", ("notice", 1)))

    [view] = await shelf.views()
    assert (view["state"], view["selectable"], view["unassigned"]) == ("open", True, True)
    [entry] = view["timeline"]
    assert (entry["event"], entry["from"], entry["to"]) == ("notice", "none", "open")
    assert (entry["at"], entry["record"]) == ("2026-03-02T12:01:00Z", view["records"][0])
    created, moved = (
        await shelf.told(ChangeType.CLAIM_FILE_CREATED),
        await shelf.told(ChangeType.CLAIM_FILE_STATE_CHANGED),
    )
    assert created == [{"state": "open", "partner_ref": "C-1"}]
    assert moved == [
        {
            "state": "open",
            "from": "none",
            "event": "notice",
            "event_at": "2026-03-02T12:01:00Z",
            "reference": "2026SIN1",
            "partner_ref": "C-1",
        }
    ]


async def test_the_same_record_again_moves_nothing(shelf: Shelf) -> None:
    record = says("M-1", ("notice", 1), ("note", 2))
    await shelf.pull(record)
    before = await shelf.views()

    await shelf.pull(record)
    await shelf.pull(replace(record, revision="2"))

    [after] = await shelf.views()
    assert after["timeline"] == before[0]["timeline"]
    assert len(await shelf.told(ChangeType.CLAIM_FILE_STATE_CHANGED)) == 1


async def test_what_comes_too_early_waits_and_is_replayed_in_order(shelf: Shelf) -> None:
    await shelf.pull(says("M-3", ("note", 3)))
    await shelf.pull(says("M-2", ("note", 2)))
    [waiting] = await shelf.views()

    await shelf.pull(says("M-1", ("notice", 1)))

    assert (waiting["state"], waiting["selectable"]) == ("none", False)
    assert waiting["selectable_reason"] == "The file is none."
    assert [entry["to"] for entry in waiting["timeline"]] == [None, None]
    assert "waits" in waiting["timeline"][0]["note"]
    file, log = await seen(shelf.store, waiting["id"])
    assert file.standing.facts == {"notes": ["note M-2", "note M-3"]}
    assert [one.event.key for one in log] == ["notice M-1", "note M-2", "note M-3"]
    assert {one.to_state for one in log} == {"open"}


async def test_events_of_one_page_happen_in_their_order(shelf: Shelf) -> None:
    update = ClaimUpdate(claim=CLAIM, at=NOON, events=[happened("notice", "U", order=1)])

    await shelf.pull(says("M-5", ("close", 5)), says("M-2", ("note", 2)), claim_updates=[update])

    [view] = await shelf.views()
    assert [entry["event"] for entry in view["timeline"]] == ["notice", "note", "close"]
    assert view["state"] == "closed"


async def test_an_excluded_record_moves_nothing_until_it_is_let_in(shelf: Shelf) -> None:
    record = says("M-1", ("notice", 1), status="draft")
    await shelf.pull(record, rules=[{"status": "draft"}])
    while_excluded = await shelf.views()

    await shelf.house.excludes.apply(LINK)

    [view] = await shelf.views()
    assert (while_excluded, view["state"]) == ([], "open")
    assert await shelf.told(ChangeType.CLAIM_FILE_CREATED) == [
        {"state": "open", "partner_ref": "C-1"}
    ]


async def test_a_file_of_the_planning_system_gets_the_partners_id_with_an_update(
    shelf: Shelf,
) -> None:
    new = NewClaimFile(link=LINK, reference="2026SIN1", claim_type=None, data=ClaimData())
    made = await shelf.house.claim_files.make(new)

    update = ClaimUpdate(claim=CLAIM, at=NOON, data={"channel": "portal"})
    other = ClaimUpdate(claim=ClaimRef(partner_ref="C-2"), at=NOON)
    await shelf.pull(claim_updates=[update, other])

    [found] = await shelf.views(partner_ref="C-1")
    assert (made["state"], made["selectable"]) == ("none", False)
    assert (found["id"], found["data"]) == (made["id"], {"channel": "portal"})
    assert len(await shelf.views()) == 2


async def test_a_warning_is_told_once_and_stays_until_it_is_acknowledged(shelf: Shelf) -> None:
    id_ = await shelf.let("C-1", happened("notice", "a", order=1))
    await shelf.let("C-1", happened("linked_to_sales_document", "b", order=2))
    await shelf.let("C-1", happened("note", "c", order=3))
    warned = await seen(shelf.store, id_)
    await shelf.let("C-1", happened("warning_acknowledged", "d", order=4))

    cleared = await seen(shelf.store, id_)
    assert [one.text for one in warned.file.standing.warnings] == ["a note came: note c"]
    assert cleared.file.standing == replace(warned.file.standing, warnings=())
    [told] = await shelf.told(ChangeType.CLAIM_FILE_WARNING)
    assert told == {
        "state": "used",
        "reference": None,
        "partner_ref": "C-1",
        "text": "a note came: note c",
    }


async def test_what_the_partner_says_in_vain_stands_in_the_timeline(shelf: Shelf) -> None:
    id_ = await shelf.let("C-1", happened("notice", "a"), happened("close", "b"))

    await shelf.let("C-1", happened("note", "c", note="too late"))

    [view] = await shelf.views()
    assert view["timeline"][-1]["note"] == "changed nothing: The file is closed.: too late"
    file, log = await seen(shelf.store, id_)
    assert (log[-1].outcome, file.standing.state) == (EventOutcome.REFUSED, "closed")


async def test_files_are_listed_by_state_and_by_whether_they_may_be_used(shelf: Shelf) -> None:
    await shelf.let("C-1", happened("notice", "a"))
    await shelf.let("C-2")
    await shelf.house.add(shelf.house.a_record(claim=ClaimRef(partner_ref="Q-9")))

    by_state = await shelf.views(states=("open",))
    free = await shelf.views(selectable=True)
    bound = await shelf.views(selectable=False)

    assert [one["partner_ref"] for one in by_state] == ["C-1"]
    assert [one["partner_ref"] for one in free] == ["C-1"]
    assert [one["partner_ref"] for one in bound] == ["C-2"]


class Broken(ShelfLife):
    """Gives what no lifecycle may give, as its file is called."""

    def apply(self, standing: Standing, event: Event) -> Any:
        if event.name == "raises":
            raise ZeroDivisionError
        bare: Any = ("w",)
        return {
            "text": "open",
            "undeclared": replace(standing, state="melted"),
            "no json": replace(standing, facts={"o": object()}),
            "bare warning": replace(standing, warnings=bare),
        }[event.name]


@pytest.mark.parametrize("fault", ["raises", "text", "undeclared", "no json", "bare warning"])
async def test_a_broken_lifecycle_fails_the_write_and_leaves_nothing(
    shelf: Shelf, fault: str
) -> None:
    shelf.have(Broken())

    with pytest.raises(ConnectorFailedError):
        await shelf.pull(says("M-1", (fault, 1)))

    assert await shelf.views() == []
    assert await shelf.house.told() == []


@pytest.mark.parametrize(
    "event",
    [
        "no event",
        happened("n\0", "k"),
        happened("n", "k" * 256),
        replace(happened("n", "k"), at=NOON.replace(tzinfo=None)),
        happened("n", "k", data={"o": object()}),
        replace(happened("n", "k"), order=2**63),
    ],
    ids=["type", "nul", "long key", "naive", "no json", "order"],
)
async def test_an_event_that_could_not_be_kept_is_the_connectors_fault(
    shelf: Shelf, event: Any
) -> None:
    update = ClaimUpdate(claim=CLAIM, at=NOON, events=[event])

    with pytest.raises(ConnectorFailedError):
        await shelf.pull(claim_updates=[update])


async def test_a_connector_without_a_lifecycle_still_has_a_timeline(shelf: Shelf) -> None:
    shelf.have(None)

    await shelf.pull(says("M-1", ("notice", 1)))

    [view] = await shelf.views()
    assert (view["state"], view["selectable"]) == (None, None)
    assert [entry["event"] for entry in view["timeline"]] == ["notice"]


# -- any split of batches gives the same lives ----------------------------------------------------

FILES = ("C-1", "C-2")
PARTNER_EVENTS = ("notice", "note", "close")
OWN_EVENTS = ("linked_to_sales_document", "removed_from_sales_document", "warning_acknowledged")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(FILES),
        st.sampled_from(PARTNER_EVENTS + OWN_EVENTS),
        st.booleans(),  # another batch begins
        st.booleans(),  # and the one before comes again, as after a crash
    ),
    min_size=1,
    max_size=24,
)


@pytest.fixture(scope="module")
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@settings(
    max_examples=25 * COUNTS.examples_factor,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps=STEPS)
def test_any_split_of_batches_and_repeats_gives_the_same_lives(
    runner: asyncio.Runner, steps: list[tuple[str, str, bool, bool]]
) -> None:
    runner.run(_lives_are_the_same(steps))


async def _lives_are_the_same(steps: list[tuple[str, str, bool, bool]]) -> None:
    connector, lifecycle = ShelfConnector(), ShelfLife()
    events = [
        (ref, happened(name, str(order), order=order))
        for order, (ref, name, _, _) in enumerate(steps)
    ]
    batches: list[list[tuple[str, Event]]] = []
    for step, event in zip(steps, events, strict=True):
        if step[2] or not batches:
            if batches and step[3]:
                batches.append(batches[-1])
            batches.append([])
        batches[-1].append(event)
    with tempfile.TemporaryDirectory() as folder:
        async with opened_store(Path(folder) / "syncer.db", FakeClock()) as store:
            await store.write(_furnish)
            for batch in batches:
                for ref in FILES:
                    own = [event for at, event in batch if at == ref]
                    await let(store, connector, ref, *own)
            for ref in FILES:
                id_ = await let(store, connector, ref)
                file, log = await seen(store, id_)
                own = [event for at, event in events if at == ref]
                assert file.standing == _one_by_one(lifecycle, own)
                assert file.standing == fold(lifecycle, log)
                assert sorted(one.event.key for one in log) == sorted(one.key for one in own)


async def _furnish(uow: UnitOfWork) -> None:
    await uow.repairers.put(Repairer(id=LINK.repairer, name="Garage"))
    await uow.links.ensure([LINK.connector])


def _one_by_one(lifecycle: Lifecycle, events: Sequence[Event]) -> Standing:
    """Say plainly what should come of events in their order, with what waits."""
    standing, waiting = lifecycle.begin(), list[Event]()
    for event in events:
        queue = [event]
        while queue:
            one = queue.pop(0)
            try:
                after = lifecycle.apply(standing, one)
            except TransitionRefusedError:
                continue
            if after is None:
                waiting.append(one)
            elif after != standing:
                standing, queue, waiting = after, waiting + queue, []
    return standing
