"""The connector over real HTTP: the played portal on loopback and the host's own session."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from syncer_restart import Restart, RestartCredentials
from syncer_restart.played import PlayedRestart
from syncer_restart.played_account import Account

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.claim_files import Origin
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import ClaimFile, Link, OutgoingFile, Settings
from syncer.testing import START, FakeClock

OurLink = Link[RestartCredentials, Settings]
OpenLink = Callable[..., OurLink]
MANDATORY = ("denuncia", "mandato", "cessione_credito", "richiesta_danni", "documento_identita")
LINK = LinkKey(repairer="officina-7", connector="restart")
DATA: Mapping[str, Any] = {
    "client": {
        "name": "Rossi Mario & figli",
        "phone": "+39 000",
        "email": "mario@example.org",
        "tax_code": "RSSMRA80A01H501U",
    },
    "vehicle": {"plate": "AB123CD", "vin": "ZFA31200000000000", "make": "Fiat", "model": "Panda"},
    "loss": {
        "date": "2026-02-21",
        "place": "Torino",
        "vehicles": 2,
        "injuries": False,
        "serious_injuries": False,
        "foreign_counterpart": False,
        "collision": True,
    },
    "channel": "RESTART",
    "centre": {"vat_number": "01234567897", "name": "ASP Demo srl"},
    "quote": {
        "net": {"amount": "1240.50", "currency": "EUR"},
        "vat": {"amount": "272.91", "currency": "EUR"},
        "gross": {"amount": "1513.41", "currency": "EUR"},
    },
}


def file_of(id_: str, type_: str, content: bytes = b"%PDF-1.4", name: str = "") -> OutgoingFile:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return OutgoingFile(
        id=id_,
        type=type_,
        name=name or f"{type_}.pdf",
        content_type="application/pdf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=chunks,
    )


def mandatory_files(*, without: str = "") -> list[OutgoingFile]:
    return [
        file_of(f"d-{kind}", kind, f"%PDF-1.4 {kind}".encode())
        for kind in MANDATORY
        if kind != without
    ]


def claim_of(data: Mapping[str, Any] = DATA, **fields: Any) -> ClaimFile:
    claim_file = ClaimFile(
        id="file-1",
        link=LINK,
        origin=Origin.PLANNING,
        reference="P-2026-0042",
        partner_ref=None,
        claim_number=None,
        claim_type=None,
        partner_data={},
        person_data=dict(data),
        person_set_at={},
        created_at=START,
        updated_at=START,
    )
    return replace(claim_file, **fields)


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
def portal(clock: FakeClock) -> PlayedRestart:
    return PlayedRestart(clock.now)


@pytest.fixture
def account(portal: PlayedRestart) -> Account:
    return portal.add_account()


@pytest.fixture
def connector() -> Restart:
    return Restart()


@pytest.fixture(name="file_of")
def give_file_of() -> Callable[..., OutgoingFile]:
    return file_of


@pytest.fixture(name="mandatory_files")
def give_mandatory_files() -> Callable[..., list[OutgoingFile]]:
    return mandatory_files


@pytest.fixture(name="claim_of")
def give_claim_of() -> Callable[..., ClaimFile]:
    return claim_of


@pytest.fixture
async def open_link(
    portal: PlayedRestart, account: Account, connector: Restart
) -> AsyncIterator[OpenLink]:
    """Give a function that opens a link, with credentials and start date as wished."""
    async with portal.serve() as base_url:
        target = Target(base_url=base_url, allow_insecure=True, limits=connector.limits)
        async with Partners(
            {"restart": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
        ) as partners:

            def open_link(*, start_date: date | None = None, **changed: str) -> OurLink:
                fields = {**account.credentials(), **changed}
                credentials = RestartCredentials.model_validate(fields)
                return Link(
                    repairer=LINK.repairer,
                    credentials=credentials,
                    settings=Settings(),
                    start_date=start_date,
                    http=partners.http(
                        LINK,
                        auth_headers=connector.auth_headers(credentials),
                        correlation_id="pass-1",
                    ),
                )

            yield open_link


@pytest.fixture
def link(open_link: OpenLink) -> OurLink:
    return open_link()
