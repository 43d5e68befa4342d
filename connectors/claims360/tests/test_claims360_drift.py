"""A partner that changes between any two page calls: nothing is lost and nothing is doubled."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, TypeVar

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from syncer_claims360 import Claims360, Claims360Credentials
from syncer_claims360.played import PlayedClaims360

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import (
    Link,
    Page,
    RecordKey,
    Settings,
    UnexpectedAnswerError,
    instant_key,
)
from syncer.testing import FakeClock

T = TypeVar("T")
OVERLAP_SAFE = timedelta(minutes=4, seconds=59)


class NoMemory:
    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


class Drift(RuleBasedStateMachine):
    """Reads page by page, as the host does, while life goes on at the partner."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.clock = FakeClock()
        self.partner = PlayedClaims360(self.clock)
        self.partner.has_limits = False
        self.shop = self.partner.add_shop()
        self.shop.most_per_page = 2
        self.connector = Claims360()
        self.owned = AsyncExitStack()
        self.stored: dict[RecordKey, str] = {}
        self.imports: Counter[tuple[RecordKey, str]] = Counter()
        self.shop.add_mission("M-history")
        self.clock.advance(timedelta(seconds=1))
        self.link = self.run(self._open())
        self.saved = self.run(self.connector.first_cursor(self.link))
        self.started_at = self.clock.now()
        self.position: str | None = None
        self.made = 0

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def _open(self) -> Link[Claims360Credentials, Settings]:
        base_url = await self.owned.enter_async_context(self.partner.serve())
        target = Target(base_url=base_url, allow_insecure=True, limits=self.connector.limits)
        partners = await self.owned.enter_async_context(
            Partners(
                {"claims360": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
            )
        )
        credentials = Claims360Credentials.model_validate(self.shop.credentials())
        http = partners.http(
            LinkKey(repairer="garage-7", connector="claims360"),
            auth_headers=self.connector.auth_headers(credentials),
            correlation_id="pass-1",
        )
        return Link(
            repairer="garage-7",
            credentials=credentials,
            settings=Settings(),
            start_date=None,
            http=http,
        )

    # -- life at the partner ---------------------------------------------------------------------

    @rule(of=st.sampled_from(["mission", "quote"]))
    def something_new(self, of: str) -> None:
        self.made += 1
        if of == "mission":
            self.shop.add_mission(f"M-{self.made}")
        else:
            self.shop.add_quote(None, f"Q-{self.made}")

    @rule(late_by=st.timedeltas(timedelta(0), OVERLAP_SAFE))
    def something_new_shows_late(self, late_by: timedelta) -> None:
        self.made += 1
        at = max(self.clock.now() - late_by, self.started_at)
        text = at.isoformat().replace("+00:00", "Z")
        self.shop.add_mission(f"M-{self.made}", statusChangedAt=text)

    def _objects(self) -> list[dict[str, Any]]:
        return [one.item for one in self.shop.objects.values() if not one.withdrawn]

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def a_status_event(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self._objects()))
        self.clock.advance(timedelta(milliseconds=1))
        self.shop.change_status(item["type"], item["id"], "closed")

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def a_mere_edit(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self._objects()))
        self.shop.edit(item["type"], item["id"], number=f"edit {item['version']}")

    @precondition(lambda self: self.made)
    @rule(data=st.data())
    def a_withdrawal(self, data: st.DataObject) -> None:
        item = data.draw(st.sampled_from(self._objects()))
        self.shop.withdraw(item["type"], item["id"])
        self.something_new("mission")

    @rule(by=st.timedeltas(timedelta(0), timedelta(minutes=20)))
    def time_goes_by(self, by: timedelta) -> None:
        self.clock.advance(by)

    @rule()
    def every_position_expires(self) -> None:
        self.shop.expire_cursors()

    # -- the host reads --------------------------------------------------------------------------

    @rule()
    def a_page_is_read(self) -> None:
        try:
            page = self.run(self.connector.pull(self.link, self.position or self.saved))
        except UnexpectedAnswerError:  # its position expired too often; the next pass begins anew
            self.position = None
            return
        self._store(page)
        if page.has_more:
            self.position = page.next_cursor
        else:
            self.position, self.saved = None, page.next_cursor or self.saved

    @rule()
    def the_host_crashes(self) -> None:
        self.position = None

    def _store(self, page: Page) -> None:
        for record in page.records:
            if record.revision > self.stored.get(record.key, ""):
                self.stored[record.key] = record.revision
                self.imports[record.key, record.revision] += 1

    @invariant()
    def nothing_is_doubled(self) -> None:
        assert all(count == 1 for count in self.imports.values())

    def teardown(self) -> None:
        try:
            self.a_page_is_read()
            while self.position:
                self.a_page_is_read()
            self.a_page_is_read()
            while self.position:
                self.a_page_is_read()
            activation = instant_key(self.started_at.isoformat())
            at_partner = {
                (item["type"], item["id"]): instant_key(item["statusChangedAt"])
                for item in self._objects()
            }
            wanted = {key: at for key, at in at_partner.items() if at >= activation}
            withdrawn = {key for key, one in self.shop.objects.items() if one.withdrawn}
            stored = {
                (key.kind.value, key.partner_ref): at
                for key, at in self.stored.items()
                if (key.kind.value, key.partner_ref) not in withdrawn
            }
            assert stored == wanted
        finally:
            self.run(self.owned.aclose())
            self.runner.close()


Drift.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # over HTTP, shrinking takes minutes
)
test_a_listing_that_drifts_loses_and_doubles_nothing = Drift.TestCase
