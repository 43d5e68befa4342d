"""Sending over real HTTP: first, again after a lost answer, and what changed since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from syncer_restart import Restart, RestartCredentials
from syncer_restart.lifecycle import RestartLifecycle
from syncer_restart.played import PlayedRestart
from syncer_restart.played_account import Account
from syncer_restart.sending import CLAIM_FOLLOW_UP, CLAIM_UPLOAD, SendPayload

from syncer.sdk import (
    ClaimFile,
    ConflictError,
    CredentialsRejectedError,
    Delivery,
    DeliveryBlockedError,
    DeliveryRejectedError,
    Link,
    OutgoingFile,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    Receipt,
    Settings,
    SyncerError,
)
from syncer.testing import START, Fault

OurLink = Link[RestartCredentials, Settings]
OpenLink = Callable[..., OurLink]
ClaimOf = Callable[..., ClaimFile]
FileOf = Callable[..., OutgoingFile]
Mandatory = Callable[..., list[OutgoingFile]]


@dataclass(slots=True)
class Dossier:
    """A claim file with its deliveries, as the host would keep them."""

    connector: Restart
    link: OurLink
    claim_file: ClaimFile
    notes: dict[str, Any] = field(default_factory=dict)
    sendings: int = 0

    async def first(self, files: Sequence[OutgoingFile], **changed: Any) -> Receipt:
        return await self.send(self.delivery(files, **changed))

    async def follow_up(self, files: Sequence[OutgoingFile], **changed: Any) -> Receipt:
        return await self.send(replace(self.delivery(files, **changed), operation=CLAIM_FOLLOW_UP))

    async def send(self, delivery: Delivery[SendPayload]) -> Receipt:
        receipt = await self.connector.deliver(self.link, delivery)
        standing = self.claim_file.standing
        for event in self.connector.delivery_events(delivery, receipt):
            standing = RestartLifecycle().apply(standing, event)
        self.claim_file = replace(
            self.claim_file, partner_ref=receipt.partner_ref, standing=standing
        )
        return receipt

    def delivery(
        self, files: Sequence[OutgoingFile], *, allow_incomplete: bool = False, **changed: Any
    ) -> Delivery[SendPayload]:
        async def keep(step: str, value: Any) -> None:
            self.notes[step] = value

        self.sendings += 1
        return Delivery(
            id=f"delivery-{self.sendings}",
            key="5b3c7f0e-0000-5000-8000-000000000001",
            operation=CLAIM_UPLOAD,
            payload=SendPayload(allow_incomplete=allow_incomplete),
            claim_file=self.claim_file,
            files=files,
            accepted_at=START,
            keep_note=keep,
            **changed,
        )


@pytest.fixture
def dossier(connector: Restart, link: OurLink, claim_of: ClaimOf) -> Dossier:
    return Dossier(connector, link, claim_of())


def posts(portal: PlayedRestart) -> int:
    return sum(seen.method == "POST" for seen in portal.seen)


# -- the first sending ----------------------------------------------------------------------------


async def test_the_first_sending_makes_the_claim_with_all_files(
    dossier: Dossier, account: Account, mandatory_files: Mandatory, file_of: FileOf
) -> None:
    files = [*mandatory_files(), file_of("p-1", "photo", name='ànte "1".pdf')]

    receipt = await dossier.first(files)

    [claim] = account.claims.values()
    assert receipt == Receipt(partner_ref=claim.number, raw={"numeroDenuncia": claim.number})
    assert (claim.reference, claim.status) == ("P-2026-0042", "ricevuta")
    assert list(claim.attachments) == [file.id for file in files]
    assert claim.attachments["p-1"].kind == "foto"
    assert claim.attachments["p-1"].name == 'ànte "1".pdf'
    assert dossier.claim_file.standing.state == "received"


async def test_an_incomplete_claim_is_stored_with_what_is_missing(
    dossier: Dossier, mandatory_files: Mandatory
) -> None:
    receipt = await dossier.first(mandatory_files(without="mandato"), allow_incomplete=True)

    standing = dossier.claim_file.standing
    assert receipt.incomplete == ("mandato",)
    assert standing.state == "incomplete"
    assert [one.text for one in standing.warnings] == ["stored, incomplete: mandato"]


async def test_a_known_reference_is_rejected_with_the_number(
    dossier: Dossier, account: Account, mandatory_files: Mandatory
) -> None:
    claim = account.add_claim("P-2026-0042")

    with pytest.raises(DeliveryRejectedError, match=claim.number) as caught:
        await dossier.first(mandatory_files())

    assert caught.value.partner_code == "GIA_INVIATA"
    assert caught.value.facts == {"numeroDenuncia": claim.number}


async def test_a_reference_that_got_known_by_the_lost_attempt_is_delivered(
    dossier: Dossier, account: Account, mandatory_files: Mandatory
) -> None:
    claim = account.add_claim("P-2026-0042", "incompleta")

    receipt = await dossier.first(
        mandatory_files(without="denuncia"), allow_incomplete=True, in_doubt=True
    )

    assert (receipt.partner_ref, list(receipt.incomplete)) == (claim.number, ["denuncia"])


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(status=None, method="POST", is_after=True), PartnerUnavailableError),
        (Fault(status=500, method="POST", is_after=True), PartnerUnavailableError),
        (Fault(status=201, method="POST", is_after=True, body=b"<html>"), PayloadError),
        (Fault(status=206, method="POST", is_after=True, body=b"{}"), PayloadError),
    ],
    ids=["dropped", "500", "html", "no number"],
)
async def test_a_lost_answer_is_found_again_by_our_reference(
    connector: Restart,
    portal: PlayedRestart,
    account: Account,
    link: OurLink,
    dossier: Dossier,
    mandatory_files: Mandatory,
    fault: Fault,
    error: type[SyncerError],
) -> None:
    portal.faults = [replace(fault)]
    delivery = dossier.delivery(mandatory_files(without="mandato"), allow_incomplete=True)
    with pytest.raises(error):
        await connector.deliver(link, delivery)

    receipt = await connector.look_up(link, delivery)

    [claim] = account.claims.values()
    assert receipt is not None
    assert (receipt.partner_ref, list(receipt.incomplete)) == (claim.number, ["mandato"])
    assert posts(portal) == 1


async def test_a_sending_that_never_arrived_is_not_found(
    connector: Restart,
    portal: PlayedRestart,
    link: OurLink,
    dossier: Dossier,
    mandatory_files: Mandatory,
) -> None:
    portal.faults = [Fault(status=None, method="POST")]
    delivery = dossier.delivery(mandatory_files())
    with pytest.raises(PartnerUnavailableError):
        await connector.deliver(link, delivery)

    assert await connector.look_up(link, delivery) is None
    assert posts(portal) == 1


@pytest.mark.parametrize(
    ("fault", "error", "text"),
    [
        (
            Fault(status=422, body=b'{"code":"X","detail":"piva"}'),
            DeliveryRejectedError,
            "X · piva",
        ),
        (Fault(status=413, body=b"<html>"), DeliveryRejectedError, "HTTP status 413"),
        (Fault(status=409, body=b'{"code":"ALTRO"}'), DeliveryRejectedError, "ALTRO"),
        (Fault(status=429, headers={"Retry-After": "7"}), RateLimitedError, "429"),
        (Fault(status=401), CredentialsRejectedError, "401"),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
async def test_a_refusal_is_what_the_portal_says(
    portal: PlayedRestart,
    dossier: Dossier,
    mandatory_files: Mandatory,
    fault: Fault,
    error: type[SyncerError],
    text: str,
) -> None:
    portal.faults = [replace(fault)]

    with pytest.raises(error, match=text):
        await dossier.first(mandatory_files())


async def test_a_claim_file_that_was_spoilt_since_it_was_accepted_does_not_leave(
    portal: PlayedRestart, dossier: Dossier, mandatory_files: Mandatory, claim_of: ClaimOf
) -> None:
    dossier.claim_file = claim_of(person_data={"channel": "RESTART"})

    with pytest.raises(DeliveryRejectedError, match="/claim_file/data/centre/vat_number"):
        await dossier.first(mandatory_files())

    assert portal.seen == []


async def test_mandatory_documents_that_are_missing_are_named(
    connector: Restart, dossier: Dossier, mandatory_files: Mandatory
) -> None:
    with pytest.raises(ConflictError, match="mandato") as caught:
        connector.validate(dossier.delivery(mandatory_files(without="mandato")), Settings())

    assert caught.value.code == "documents_missing"


# -- follow-ups -----------------------------------------------------------------------------------


async def test_a_follow_up_sends_what_is_new_or_changed_and_removes_the_rest(
    dossier: Dossier,
    portal: PlayedRestart,
    account: Account,
    mandatory_files: Mandatory,
    file_of: FileOf,
) -> None:
    await dossier.first([*mandatory_files(), file_of("p-1", "foto")])
    wanted = [*mandatory_files()[1:], file_of("d-denuncia", "denuncia", b"%PDF-1.4 better")]
    wanted[0] = replace(wanted[0], name="another name.pdf")

    receipt = await dossier.follow_up(wanted)

    [claim] = account.claims.values()
    assert {name: receipt.raw[name] for name in ("ricevuti", "invariati", "rimossi")} == {
        "ricevuti": 1,
        "invariati": 4,
        "rimossi": 1,
    }
    assert claim.attachments["d-mandato"].name == "another name.pdf"
    assert "p-1" not in claim.attachments
    assert claim.mails == 2
    assert int(portal.seen[-1].headers["Content-Length"]) < int(
        portal.seen[0].headers["Content-Length"]
    )


async def test_a_follow_up_that_completes_the_claim_makes_it_received(
    dossier: Dossier, mandatory_files: Mandatory
) -> None:
    await dossier.first(mandatory_files(without="mandato"), allow_incomplete=True)
    again = await dossier.follow_up(mandatory_files(without="denuncia"), allow_incomplete=True)
    after_again = dossier.claim_file.standing.state

    await dossier.follow_up(mandatory_files())

    assert (again.incomplete, after_again) == (("denuncia",), "incomplete")
    assert dossier.claim_file.standing.state == "received"
    assert dossier.claim_file.standing.warnings == ()


async def test_a_follow_up_may_be_repeated(
    dossier: Dossier, portal: PlayedRestart, account: Account, mandatory_files: Mandatory
) -> None:
    await dossier.first(mandatory_files(without="mandato"), allow_incomplete=True)
    portal.faults = [Fault(status=None, path="seguiti", is_after=True)]
    with pytest.raises(PartnerUnavailableError):
        await dossier.follow_up(mandatory_files())

    receipt = await dossier.follow_up(mandatory_files(), in_doubt=True)

    assert (receipt.raw["ricevuti"], receipt.raw["invariati"]) == (0, 5)
    assert len(account.claims) == 1


async def test_a_claim_that_others_sent_gets_every_file(
    dossier: Dossier, account: Account, mandatory_files: Mandatory
) -> None:
    claim = account.add_claim("P-2026-0042")

    receipt = await dossier.follow_up(mandatory_files())

    assert (receipt.partner_ref, receipt.raw["ricevuti"]) == (claim.number, 5)


async def test_a_claim_that_is_not_at_the_portal_blocks_its_follow_up(
    dossier: Dossier, mandatory_files: Mandatory
) -> None:
    with pytest.raises(DeliveryBlockedError):
        await dossier.follow_up(mandatory_files())


@pytest.mark.parametrize("status", ["rimborsato_chiuso", "chiuso", "senza_seguito"])
async def test_a_closed_claim_takes_no_follow_up(
    dossier: Dossier, account: Account, mandatory_files: Mandatory, status: str
) -> None:
    await dossier.first(mandatory_files())
    account.move(str(dossier.claim_file.partner_ref), status)

    with pytest.raises(DeliveryRejectedError, match="DENUNCIA_CHIUSA"):
        await dossier.follow_up(mandatory_files())


async def test_a_claim_that_the_portal_lost_is_rejected(
    dossier: Dossier, account: Account, mandatory_files: Mandatory
) -> None:
    await dossier.first(mandatory_files())
    account.claims.clear()

    with pytest.raises(DeliveryRejectedError, match="DENUNCIA_SCONOSCIUTA"):
        await dossier.follow_up(mandatory_files())


async def test_a_file_that_the_portal_lost_travels_when_a_person_retries(
    dossier: Dossier, account: Account, mandatory_files: Mandatory
) -> None:
    await dossier.first(mandatory_files())
    next(iter(account.claims.values())).attachments.clear()
    with pytest.raises(DeliveryRejectedError, match="ALLEGATO_MANCANTE"):
        await dossier.follow_up(mandatory_files())

    receipt = await dossier.follow_up(mandatory_files(), notes=dossier.notes)

    assert receipt.raw["ricevuti"] == 5
