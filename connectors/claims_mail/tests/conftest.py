"""A mailbox, and the connector's link to it without the host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.headerregistry import Address
from hashlib import sha256

import pytest
from syncer_claims_mail import ClaimsMail, ClaimsMailSettings, DossierMail
from syncer_claims_mail.played import PlayedClaimsOffice

from syncer.dispatch.ambient import SystemClock
from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.links import LinkKey
from syncer.mail import MailServer, Room
from syncer.sdk import Delivery, Link, OutgoingFile

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
DELIVERY = "01930000-0000-7000-8000-000000000001"


@pytest.fixture
async def office() -> AsyncIterator[PlayedClaimsOffice]:
    played = PlayedClaimsOffice()
    async with played.serve() as address:
        played.address = address  # type: ignore[attr-defined]
        yield played


@pytest.fixture
def link(office: PlayedClaimsOffice) -> Link:  # type: ignore[type-arg]
    return link_to(office, domain="leroy.example")


def link_to(office: PlayedClaimsOffice, *, domain: str) -> Link:  # type: ignore[type-arg]
    host, _, port = office.address.removeprefix("smtp://").partition(":")  # type: ignore[attr-defined]
    server = MailServer(
        host=host,
        port=int(port),
        security="none",
        user="",
        password="",
        sender=Address("Carrosserie Leroy", addr_spec=f"post@{domain}"),
    )
    return Link(
        repairer="garage-7",
        credentials=ClaimsMail.credentials(),
        settings=ClaimsMailSettings(),
        start_date=None,
        mail=Room(server, clock=SystemClock()),
    )


def file_of(content: bytes, name: str, content_type: str = "application/pdf") -> OutgoingFile:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return OutgoingFile(
        id=name,
        type="mandate",
        name=name,
        content_type=content_type,
        size_bytes=len(content),
        sha256=sha256(content).hexdigest(),
        chunks=chunks,
    )


def delivery(*files: OutgoingFile, **payload: str) -> Delivery[DossierMail]:
    claim_file = ClaimFile(
        id="0193",
        link=LinkKey("garage-7", "restart"),
        origin=Origin.PLANNING,
        reference="2026/88",
        partner_ref=None,
        claim_number="C-88",
        claim_type=None,
        partner_data={},
        person_data={"client": {"name": "Rossi"}, "vehicle": {"plate": "AB123CD"}},
        person_set_at={},
        created_at=NOW,
        updated_at=NOW,
    )
    wanted = {"to": "sinistri@compagnia.example", "language": "it"} | payload
    return Delivery(
        id=DELIVERY,
        key="01930000-0000-7000-8000-00000000000f",
        operation=ClaimsMail.operations[0],
        payload=DossierMail.model_validate(wanted),
        claim_file=claim_file,
        files=files,
        accepted_at=NOW,
    )
