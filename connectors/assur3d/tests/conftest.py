"""The connector over real HTTP: the played platform on loopback and the host's own session."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date
from typing import Any

import pytest
from syncer_assur3d import Assur3d, Assur3dCredentials
from syncer_assur3d.played import PlayedAssur3d
from syncer_assur3d.played_office import Office

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.claim_files import Origin
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import ClaimFile, Delivery, Link, Operation, OutgoingFile, Settings
from syncer.testing import START, FakeClock

LINK = LinkKey("agence-7", "assur3d")
OpenLink = Callable[..., Link[Assur3dCredentials, Settings]]


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
def platform(clock: FakeClock) -> PlayedAssur3d:
    return PlayedAssur3d(clock.now)


@pytest.fixture
def office(platform: PlayedAssur3d) -> Office:
    return platform.add_office()


@pytest.fixture
def connector() -> Assur3d:
    return Assur3d()


@pytest.fixture
async def open_link(
    platform: PlayedAssur3d, office: Office, connector: Assur3d
) -> AsyncIterator[OpenLink]:
    async with platform.serve() as base_url:
        target = Target(base_url=base_url, allow_insecure=True, limits=connector.limits)
        async with Partners(
            {"assur3d": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
        ) as partners:

            def open_link(
                *, start_date: date | None = None, **changed: str
            ) -> Link[Assur3dCredentials, Settings]:
                fields = {**office.credentials(), **changed}
                credentials = Assur3dCredentials.model_validate(fields)
                headers = connector.auth_headers(credentials)
                return Link(
                    repairer=LINK.repairer,
                    credentials=credentials,
                    settings=Settings(),
                    start_date=start_date,
                    http=partners.http(LINK, auth_headers=headers, correlation_id="pass-1"),
                )

            yield open_link


@pytest.fixture
def link(open_link: OpenLink) -> Link[Assur3dCredentials, Settings]:
    return open_link()


@pytest.fixture
def delivery_of() -> Callable[..., Delivery[Any]]:
    def make(
        operation: Operation,
        *,
        to: str | None = "F-1",
        content: bytes = b"%PDF-1.7",
        **payload: str,
    ) -> Delivery[Any]:
        async def chunks() -> AsyncIterator[bytes]:
            yield content

        file = OutgoingFile(
            id="d-1",
            type="dt-rib",
            name="rib été.pdf",
            content_type="application/pdf",
            size_bytes=len(content),
            sha256=hashlib.sha256(content).hexdigest(),
            chunks=chunks,
        )
        claim_file = ClaimFile(
            id="file-1",
            link=LINK,
            origin=Origin.PARTNER,
            reference="PR-1",
            partner_ref=to,
            claim_number=None,
            claim_type="auto",
            partner_data={},
            person_data={},
            person_set_at={},
            created_at=START,
            updated_at=START,
        )
        return Delivery(
            id="delivery-1",
            key="key-1",
            operation=operation,
            payload=operation.payload.model_validate(payload),
            claim_file=claim_file,
            files=[file] if operation.files else [],
            accepted_at=START,
        )

    return make
