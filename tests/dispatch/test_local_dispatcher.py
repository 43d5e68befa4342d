"""The dispatcher's promises: bounds, order, room for everybody, an end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.dispatch.local import (
    BEGUN_IN_ONE_TURN,
    HEAD_START_SECONDS,
    LONGEST_WORK,
    LocalDispatcher,
)
from syncer.dispatch.slots import Slots
from syncer.domain.errors import ShuttingDownError
from syncer.testing.ambient import FakeClock

PARTNERS = ["dead", "slow", "quick", "other"]
AT_ONCE = timedelta(0)
A_SECOND = timedelta(seconds=1)


class Trouble:
    def __init__(self) -> None:
        self.raised: list[tuple[str, str]] = []
        self.hung: list[str] = []

    def work_raised(self, partner: str, error: BaseException) -> None:
        self.raised.append((partner, type(error).__name__))

    def work_hung(self, partner: str) -> None:
        self.hung.append(partner)


class Stage:
    """Pieces of work that run until they are released, with a record of who ran."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.running: Counter[str] = Counter()
        self._gates: dict[str, asyncio.Event] = {}

    def work(self, name: str) -> Callable[[], Awaitable[None]]:
        kind = name.partition(" ")[0]

        async def run() -> None:
            self.begun.append(name)
            self.running[kind] += 1
            try:
                await self._gates.setdefault(kind, asyncio.Event()).wait()
            finally:
                self.running[kind] -= 1

        return run

    def release(self, kind: str) -> None:
        self._gates.setdefault(kind, asyncio.Event()).set()


@pytest.fixture
def trouble() -> Trouble:
    return Trouble()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
async def dispatcher(trouble: Trouble, clock: FakeClock) -> AsyncIterator[LocalDispatcher]:
    async with LocalDispatcher(16, PARTNERS, clock=clock, report=trouble) as dispatcher:
        yield dispatcher


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def head_start_is_over() -> None:
    """Wait it out; it is real time, a clock under control cannot shorten it."""
    await asyncio.sleep(2 * HEAD_START_SECONDS)


# -- bounds ---------------------------------------------------------------------------------------


@given(
    total=st.integers(min_value=1, max_value=100),
    partners=st.integers(min_value=1, max_value=30),
    moves=st.lists(st.tuples(st.integers(min_value=0, max_value=29), st.booleans()), max_size=300),
)
def test_slots_are_bounded_and_every_partner_can_have_one(
    total: int, partners: int, moves: list[tuple[int, bool]]
) -> None:
    slots = Slots(total, partners)
    names = [f"p{number}" for number in range(partners)]
    for number, takes in moves:
        name = names[number % partners]
        if takes:
            had = slots.in_use(name)
            assert slots.try_take(name) or had >= slots.kept
        elif slots.in_use(name):
            slots.give_back(name)

    assert sum(slots.in_use(name) for name in names) <= max(total, partners)
    assert all(slots.try_take(name) or slots.in_use(name) >= slots.kept for name in names)


async def test_scheduled_work_stays_within_the_concurrency(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for partner in PARTNERS:
        for number in range(50):
            dispatcher.start(partner, stage.work(f"{partner} {number}"), on_demand=False)
    await settle()

    assert stage.running.total() == 16


async def test_all_work_runs_in_the_end(dispatcher: LocalDispatcher, stage: Stage) -> None:
    for partner in PARTNERS:
        stage.release(partner)
        for number in range(50):
            dispatcher.start(partner, stage.work(f"{partner} {number}"), on_demand=number % 2 == 0)
    for _ in range(50):
        await settle()

    assert len(set(stage.begun)) == 200


# -- room for everybody ---------------------------------------------------------------------------


async def test_dead_partner_with_a_thousand_links_delays_nobody_else(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(1000):
        dispatcher.start("dead", stage.work(f"dead {number}"), on_demand=False)
        dispatcher.start("dead", stage.work(f"dead {number}"), on_demand=True)
    await settle()
    stage.release("quick")

    dispatcher.start("quick", stage.work("quick scheduled"), on_demand=False)
    dispatcher.start("quick", stage.work("quick asked for"), on_demand=True)
    await head_start_is_over()

    assert {"quick scheduled", "quick asked for"} <= set(stage.begun)


async def test_scheduled_work_is_begun_after_the_head_start_of_work_that_was_asked_for(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.start("quick", stage.work("asked for"), on_demand=True)
    dispatcher.start("quick", stage.work("scheduled"), on_demand=False)
    await settle()
    at_once = list(stage.begun)
    await head_start_is_over()

    assert (at_once, stage.begun) == (["asked for"], ["asked for", "scheduled"])


async def test_no_scheduled_work_is_begun_while_way_is_made_for_what_is_to_come(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.make_way()
    room = dispatcher.room("quick")
    dispatcher.start("quick", stage.work("scheduled"), on_demand=False)
    await settle()
    at_once = list(stage.begun)
    await head_start_is_over()

    assert (room, at_once, stage.begun) == (0, [], ["scheduled"])
    assert dispatcher.room("quick") > 0


async def test_asking_without_a_pause_leaves_scheduled_work_its_time(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.make_way()
    await asyncio.sleep(HEAD_START_SECONDS)
    dispatcher.make_way()
    dispatcher.start("quick", stage.work("scheduled"), on_demand=False)
    await settle()

    assert stage.begun == ["scheduled"]


async def test_scheduled_work_is_begun_as_soon_as_what_was_asked_for_has_ended(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.start("quick", stage.work("asked for"), on_demand=True)
    dispatcher.start("quick", stage.work("scheduled"), on_demand=False)
    await settle()
    stage.release("asked")
    await settle()

    assert stage.begun == ["asked for", "scheduled"]


async def test_one_busy_partner_may_use_all_that_is_not_kept_for_others(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(100):
        dispatcher.start("quick", stage.work(f"quick {number}"), on_demand=False)
    await settle()

    assert stage.running["quick"] == 16 - 3 * 2


async def test_more_partners_than_slots_all_get_one(trouble: Trouble, clock: FakeClock) -> None:
    stage = Stage()
    partners = [f"p{number}" for number in range(9)]
    async with LocalDispatcher(2, partners, clock=clock, report=trouble) as dispatcher:
        for partner in partners:
            for number in range(5):
                dispatcher.start(partner, stage.work(f"{partner} {number}"), on_demand=False)
        await settle()

        assert stage.running == Counter(partners)


async def test_partners_take_turns_for_the_shared_slots(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(10):
        dispatcher.start("dead", stage.work(f"dead {number}"), on_demand=False)
    for number in range(40):
        dispatcher.start("slow", stage.work(f"slow {number}"), on_demand=False)
        dispatcher.start("other", stage.work(f"other {number}"), on_demand=False)
    await settle()
    assert stage.running == Counter({"dead": 10, "slow": 2, "other": 2})

    stage.release("dead")
    await settle()

    assert stage.running == Counter({"slow": 6, "other": 6})


async def test_partner_that_was_not_named_before_is_served_too(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.start("new", stage.work("new 1"), on_demand=False)
    await settle()

    assert stage.begun == ["new 1"]


# -- on demand ------------------------------------------------------------------------------------


async def test_on_demand_work_has_slots_that_scheduled_work_cannot_take(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for partner in PARTNERS:
        for number in range(50):
            dispatcher.start(partner, stage.work(f"{partner} {number}"), on_demand=False)
    await settle()

    for partner in PARTNERS:
        dispatcher.start(partner, stage.work(f"asked {partner}"), on_demand=True)
    await settle()

    assert stage.running["asked"] == 4


async def test_on_demand_work_goes_ahead_of_scheduled_work_in_the_general_slots(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(30):
        dispatcher.start("quick", stage.work(f"quick {number}"), on_demand=False)
        dispatcher.start("other", stage.work(f"other {number}"), on_demand=False)
    await settle()
    for number in range(8):
        dispatcher.start("quick", stage.work(f"asked {number}"), on_demand=True)
    await settle()
    scheduled, asked = stage.running["quick"], stage.running["asked"]

    stage.release("other")
    await settle()

    assert stage.running["asked"] == asked + 4  # all that "other" had of the shared slots
    assert stage.running["quick"] == scheduled


async def test_scheduled_work_begins_a_few_pieces_in_one_turn_of_the_loop(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(3 * BEGUN_IN_ONE_TURN):
        dispatcher.start("quick", stage.work(f"quick {number}"), on_demand=False)

    await asyncio.sleep(0)
    begun_in_one_turn = len(stage.begun)
    await settle()

    assert begun_in_one_turn == BEGUN_IN_ONE_TURN
    assert len(stage.begun) == stage.running["quick"] > BEGUN_IN_ONE_TURN


async def test_work_of_one_kind_begins_in_order_of_arrival(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    stage.release("quick")
    names = [f"quick {number}" for number in range(60)]

    for name in names:
        dispatcher.start("quick", stage.work(name), on_demand=False)
    for _ in range(10):
        await settle()

    assert stage.begun == names


# -- room -----------------------------------------------------------------------------------------


async def test_room_shrinks_with_what_runs_and_waits_and_never_below_zero(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    assert dispatcher.room("quick") == 20

    for number in range(12):
        dispatcher.start("quick", stage.work(f"quick {number}"), on_demand=False)
    assert dispatcher.room("quick") == 8
    assert dispatcher.room("other") == 20

    for number in range(30):
        dispatcher.start("quick", stage.work(f"quick more {number}"), on_demand=True)
    assert dispatcher.room("quick") == 0


# -- containment ----------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, MemoryError])
async def test_work_that_raises_is_reported_and_its_slot_used_again(
    error: type[BaseException], dispatcher: LocalDispatcher, stage: Stage, trouble: Trouble
) -> None:
    async def broken() -> None:
        raise error

    for _ in range(30):
        dispatcher.start("quick", broken, on_demand=False)
    dispatcher.start("quick", stage.work("quick after"), on_demand=False)
    for _ in range(10):
        await settle()

    assert trouble.raised == [("quick", error.__name__)] * 30
    assert stage.begun == ["quick after"]


async def test_work_does_not_inherit_the_context_of_who_asked_for_it(
    dispatcher: LocalDispatcher,
) -> None:
    request: ContextVar[str] = ContextVar("request", default="none")
    seen: list[str] = []

    async def look() -> None:
        seen.append(request.get())

    request.set("a request of the API")
    dispatcher.start("quick", look, on_demand=True)
    await settle()

    assert seen == ["none"]


async def test_work_that_runs_far_too_long_is_cancelled(
    dispatcher: LocalDispatcher, stage: Stage, clock: FakeClock, trouble: Trouble
) -> None:
    dispatcher.start("slow", stage.work("slow 1"), on_demand=False)
    await settle()

    clock.advance(LONGEST_WORK + timedelta(seconds=20))
    await settle()

    assert (stage.running["slow"], trouble.hung) == (0, [])


async def test_work_that_swallows_its_cancellation_is_reported_once(
    dispatcher: LocalDispatcher, clock: FakeClock, trouble: Trouble
) -> None:
    has_ended = asyncio.Event()

    async def stubborn() -> None:
        while not has_ended.is_set():
            try:
                await has_ended.wait()
            except asyncio.CancelledError:
                continue

    dispatcher.start("slow", stubborn, on_demand=False)
    await settle()
    for _ in range(4):
        clock.advance(LONGEST_WORK)
        await settle()

    assert trouble.hung == ["slow"]
    has_ended.set()


# -- the end --------------------------------------------------------------------------------------


async def test_drain_lets_work_finish_drops_what_waits_and_takes_no_more(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    for number in range(30):
        dispatcher.start("quick", stage.work(f"quick {number}"), on_demand=False)
    await settle()
    draining = asyncio.create_task(dispatcher.drain(A_SECOND))
    await settle()

    with pytest.raises(ShuttingDownError):
        dispatcher.start("quick", stage.work("quick late"), on_demand=False)
    stage.release("quick")

    assert await draining == []
    assert len(stage.begun) == 10


async def test_drain_cancels_what_does_not_finish_in_time(
    dispatcher: LocalDispatcher, stage: Stage
) -> None:
    dispatcher.start("slow", stage.work("slow 1"), on_demand=False)
    await settle()

    assert await dispatcher.drain(AT_ONCE) == []
    assert stage.running["slow"] == 0


async def test_drain_names_the_work_that_will_not_end(
    dispatcher: LocalDispatcher, trouble: Trouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncer.dispatch.local.CANCELLING_SECONDS", 0.01)
    has_ended = asyncio.Event()

    async def stubborn() -> None:
        while not has_ended.is_set():
            try:
                await has_ended.wait()
            except asyncio.CancelledError:
                continue

    dispatcher.start("slow", stubborn, on_demand=False)
    await settle()

    assert await dispatcher.drain(AT_ONCE) == ["work:slow"]
    assert trouble.hung == ["slow"]
    has_ended.set()
