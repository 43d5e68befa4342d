"""The mailbox connector over real HTTP: the played mailbox, and the host's own session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from syncer_darva.mailbox import Iris, IrisCredentials
from syncer_darva.played_mailbox import PlayedIris
from syncer_darva.played_network import Mailbox

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import Link, Settings
from syncer.testing import FakeClock

OurLink = Link[IrisCredentials, Settings]


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
def partner(clock: FakeClock) -> PlayedIris:
    return PlayedIris(clock.now)


@pytest.fixture
def box(partner: PlayedIris) -> Mailbox:
    return partner.mailbox()


@pytest.fixture
def iris() -> Iris:
    return Iris()


@pytest.fixture
async def link(partner: PlayedIris, box: Mailbox, iris: Iris) -> AsyncIterator[OurLink]:
    async with partner.serve() as base_url:
        target = Target(base_url=base_url, allow_insecure=True, limits=iris.limits)
        async with Partners(
            {"iris": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
        ) as partners:
            credentials = IrisCredentials.model_validate(partner.credentials(box))
            yield Link(
                repairer="garage-7",
                credentials=credentials,
                settings=Settings(),
                start_date=None,
                http=partners.http(
                    LinkKey(repairer="garage-7", connector="iris"),
                    auth_headers=iris.auth_headers(credentials),
                    correlation_id="pass-1",
                ),
            )
