"""The connector over real HTTP: the played partner on loopback and the host's own session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date

import pytest
from syncer_claims360 import Claims360, Claims360Credentials
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import Link, Settings
from syncer.testing import FakeClock

OurLink = Link[Claims360Credentials, Settings]
OpenLink = Callable[..., OurLink]


class NoMemory:
    """A breaker memory of a first start."""

    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


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
