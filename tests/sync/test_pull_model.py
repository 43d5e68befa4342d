"""A partner that changes between any two page calls, against the pull service: nothing is lost,
nothing is doubled."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from syncer.domain.feed import ChangeType
from syncer.domain.passes import PassState
from tests.campaign import COUNTS
from tests.sync.world import ModelConnector, ModelObject, ModelPartner, World

STATUSES = st.sampled_from(["created", "assigned", "in_progress", "closed"])
REFS = st.sampled_from([f"M-{number}" for number in range(12)])
LATE = st.integers(min_value=0, max_value=240).map(lambda seconds: timedelta(seconds=seconds))


class PullModel(RuleBasedStateMachine):
    """The partner's world moves; after it has come to rest, one pass makes ours equal to it."""

    @initialize(page_size=st.integers(min_value=1, max_value=4))
    def begin(self, page_size: int) -> None:
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.partner = ModelPartner(page_size=page_size)
        self.world = World(self.folder, ModelConnector(self.partner))
        self.now = self.world.clock.now()
        self.runner.run(self.world.open())

    def _event(self, ref: str, status: str, late: timedelta) -> None:
        """A status event; it may reach the listing later than its instant says."""
        self.now += timedelta(seconds=7)
        known = self.partner.objects.get(ref)
        at = self.now - late
        if known is None:
            self.partner.objects[ref] = ModelObject(ref, status, at)
        elif at > known.changed_at:
            known.status, known.changed_at, known.version = status, at, known.version + 1

    @rule(ref=REFS, status=STATUSES, late=LATE)
    def status_event(self, ref: str, status: str, late: timedelta) -> None:
        self._event(ref, status, late)

    @rule(refs=st.sets(REFS, min_size=2, max_size=6), status=STATUSES)
    def tie(self, refs: set[str], status: str) -> None:
        self.now += timedelta(seconds=7)
        for ref in refs:
            self.partner.objects[ref] = ModelObject(ref, status, self.now, version=9)

    @rule(ref=REFS)
    def mere_edit(self, ref: str) -> None:
        if ref in self.partner.objects:
            self.partner.objects[ref].version += 1

    @rule(ref=REFS, status=STATUSES, late=LATE)
    def event_between_pages(self, ref: str, status: str, late: timedelta) -> None:
        self.partner.between.append(lambda: self._event(ref, status, late))

    @rule(hours=st.integers(min_value=-30, max_value=30))
    def local_clock_jumps(self, hours: int) -> None:
        self.world.clock.jump(timedelta(hours=hours))

    @rule()
    def pass_runs(self) -> None:
        pass_ = self.runner.run(self.world.run_pass())
        assert pass_.state is PassState.SUCCEEDED, pass_.error

    @rule(pages=st.integers(min_value=0, max_value=3))
    def pass_fails_after_some_pages(self, pages: int) -> None:
        self.partner.fail_in = pages
        pass_ = self.runner.run(self.world.run_pass())
        self.partner.fail_in = None
        assert pass_.state in {PassState.SUCCEEDED, PassState.FAILED}

    @rule()
    def process_restarts(self) -> None:
        self.runner.run(self.world.close())
        self.runner.run(self.world.open())

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def nothing_is_doubled(self) -> None:
        held = self.runner.run(self.world.records())
        assert held.keys() <= self.partner.objects.keys()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.partner.between.clear()
            self.pass_runs()
            theirs = {
                one.ref: (one.status, one.changed_at) for one in self.partner.objects.values()
            }
            assert self.runner.run(self.world.records()) == theirs
            assert self.runner.run(self._replayed()) == {
                ref: status for ref, (status, _) in theirs.items()
            }
        finally:
            self.runner.run(self.world.close())
            self.runner.close()
            shutil.rmtree(self.folder)

    async def _replayed(self) -> dict[str, str]:
        """Build the statuses from the change feed alone."""
        replayed: dict[str, str] = {}
        async with self.world.store.read() as uow:
            entries = await uow.feed.read(await uow.feed.tail(), limit=100_000)
        for entry in entries:
            data: Any = entry.change.data
            if entry.change.type is ChangeType.RECORD_CREATED:
                assert data["partner_ref"] not in replayed, "created twice in the feed"
            if entry.change.type in {ChangeType.RECORD_CREATED, ChangeType.RECORD_UPDATED}:
                replayed[data["partner_ref"]] = data["status"]
        return replayed


PullModel.TestCase.settings = settings(
    max_examples=COUNTS.model_runs,
    stateful_step_count=COUNTS.model_steps,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestPullModel = PullModel.TestCase
