"""The connector over real HTTP: the played partner on loopback and the host's own session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import Link, Record, RecordKey, Settings, Unreadable
from syncer.testing import FakeClock
from syncer_claims360 import Claims360, Claims360Credentials
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

OurLink = Link[Claims360Credentials, Settings]
OpenLink = Callable[..., OurLink]


class NoMemory:
    """A breaker memory of a first start."""

    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


@dataclass
class Read:
    """What a whole pass read."""

    cursor: str
    pages: int = 0
    records: list[Record] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def keys(self) -> list[RecordKey]:
        return [record.key for record in self.records]


ReadPass = Callable[[OurLink, str | None], Awaitable[Read]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def partner(clock: FakeClock) -> PlayedClaims360:
    played = PlayedClaims360(clock)
    played.has_limits = False  # the partner's time stands still unless a test moves it
    return played


@pytest.fixture
def shop(partner: PlayedClaims360) -> PlayedShop:
    return partner.add_shop()


@pytest.fixture
def connector() -> Claims360:
    return Claims360()


@pytest.fixture
async def open_link(
    partner: PlayedClaims360, shop: PlayedShop, connector: Claims360
) -> AsyncIterator[OpenLink]:
    """Give a function that opens a link, with credentials and start date as wished."""
    async with partner.serve() as base_url:
        target = Target(base_url=base_url, allow_insecure=True, limits=connector.limits)
        async with Partners(
            {"claims360": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
        ) as partners:

            def open_link(*, start_date: date | None = None, **changed: str) -> OurLink:
                credentials = Claims360Credentials.model_validate({**shop.credentials(), **changed})
                return Link(
                    repairer="garage-7",
                    credentials=credentials,
                    settings=Settings(),
                    start_date=start_date,
                    http=partners.http(
                        LinkKey(repairer="garage-7", connector="claims360"),
                        auth_headers=connector.auth_headers(credentials),
                        correlation_id="pass-1",
                    ),
                )

            yield open_link


@pytest.fixture
def link(open_link: OpenLink) -> OurLink:
    return open_link()


@pytest.fixture
def read_pass(connector: Claims360) -> ReadPass:
    """Give a function that reads page after page as the host does."""

    async def read_pass(link: OurLink, cursor: str | None) -> Read:
        read, handed_out = Read(cursor=cursor or ""), {cursor}
        while True:
            page = await connector.pull(link, read.cursor or None)
            read.pages += 1
            read.records += page.records
            read.unreadable += page.unreadable
            read.unknown += [item.type for item in page.unknown]
            read.cursor = page.next_cursor or read.cursor
            if not page.has_more:
                return read
            assert read.cursor not in handed_out, "the host would see a page loop"
            handed_out.add(read.cursor)

    return read_pass
