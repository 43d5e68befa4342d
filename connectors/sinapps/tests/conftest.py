"""The connector over real HTTP: the played partner on loopback and the host's own session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from syncer_sinapps import Sinapps, SinappsCredentials, SinappsSettings
from syncer_sinapps.claim_data import claim_data
from syncer_sinapps.played import PlayedSinapps
from syncer_sinapps.played_world import PlayedAccount, PlayedMission

from syncer.dispatch.ambient import SystemChance
from syncer.domain.claim_files import Origin
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.ports.sessions import SignIn
from syncer.sdk import ClaimFile, HttpSession, Kind, Link, Login
from syncer.testing import START, FakeClock
from syncer.testing.reading import Read, read_pass

from .desk import LINK, Desk, of_kind, standing_after

OurLink = Link[SinappsCredentials, SinappsSettings]
OpenLink = Callable[..., OurLink]


class RushingClock(FakeClock):
    """A wait passes at once."""

    async def sleep(self, seconds: float) -> None:
        self.advance(timedelta(seconds=seconds))


class NoMemory:
    """A breaker memory of a first start."""

    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens links as the host does, each pass and delivery its own."""

    partners: Partners
    partner: PlayedSinapps
    account: PlayedAccount
    connector: Sinapps
    held: list[str]

    def __call__(self, password: str = "", **settings: Any) -> OurLink:
        fields = self.partner.credentials(self.account)
        fields |= {"password": password} if password else {}
        credentials = SinappsCredentials.model_validate(fields)
        model = SinappsSettings.model_validate(settings)
        connector = self.connector

        async def ask_held(_kind: Kind, _but: Collection[str]) -> list[str]:
            return list(self.held)

        def opened(http: HttpSession) -> OurLink:
            return Link(
                repairer=LINK.repairer,
                credentials=credentials,
                settings=model,
                start_date=None,
                http=http,
                ask_held=ask_held,
            )

        async def authenticate(http: HttpSession) -> Login:
            return await connector.authenticate(opened(http))

        async def sign_out(http: HttpSession) -> None:
            await connector.sign_out(opened(http))

        sign_in = SignIn(
            generation=1,
            secrets=[credentials.password.get_secret_value()],
            authenticate=authenticate,
            sign_out=sign_out,
            is_signed_out=lambda status, location: connector.is_signed_out(model, status, location),
        )
        return opened(
            self.partners.http(LINK, auth_headers={}, correlation_id="pass-1", sign_in=sign_in)
        )


@pytest.fixture
def clock() -> FakeClock:
    return RushingClock()


@pytest.fixture
def partner(clock: FakeClock) -> PlayedSinapps:
    return PlayedSinapps(clock)


@pytest.fixture
def account(partner: PlayedSinapps) -> PlayedAccount:
    return partner.add_account()


@pytest.fixture
def connector() -> Sinapps:
    return Sinapps()


@pytest.fixture
def held() -> list[str]:
    """The missions that the store holds, as the host would say."""
    return []


@pytest.fixture
async def open_link(
    partner: PlayedSinapps,
    account: PlayedAccount,
    connector: Sinapps,
    clock: FakeClock,
    held: list[str],
) -> AsyncIterator[OpenLink]:
    async with partner.serve() as base_url:
        target = Target(base_url=base_url, allow_insecure=True, limits=connector.limits)
        async with Partners(
            {"sinapps": target}, clock=clock, chance=SystemChance(), memory=NoMemory()
        ) as partners:
            yield Opener(
                partners=partners,
                partner=partner,
                account=account,
                connector=connector,
                held=held,
            )


@pytest.fixture
def link(open_link: OpenLink) -> OurLink:
    return open_link()


@pytest.fixture
def read(connector: Sinapps, link: OurLink) -> Callable[..., Awaitable[Read]]:
    """Read a whole pass from a cursor."""

    async def read(cursor: str | None = None) -> Read:
        return await read_pass(connector, link, cursor)

    return read


@pytest.fixture
def make_desk(
    connector: Sinapps, open_link: OpenLink, read: Callable[..., Awaitable[Read]]
) -> Callable[..., Awaitable[Desk]]:
    """Open the claim file of a mission, as a first pass would leave it."""

    async def make(mission: PlayedMission, **settings: Any) -> Desk:
        found = await read()
        record = next(one for one in of_kind(found, Kind.MISSION) if one.partner_ref == mission.id)
        events = [
            event
            for update in found.claim_updates
            if update.claim.partner_ref == mission.id
            for event in update.events
        ]
        claim_file = ClaimFile(
            id="file-1",
            link=LINK,
            origin=Origin.PARTNER,
            reference=record.number,
            partner_ref=mission.id,
            claim_number=None,
            claim_type=None,
            partner_data=dict(claim_data(record)),
            person_data={},
            person_set_at={},
            created_at=START,
            updated_at=START,
            standing=standing_after(events),
        )
        return Desk(
            connector=connector, open_link=open_link, settings=settings, claim_file=claim_file
        )

    return make
