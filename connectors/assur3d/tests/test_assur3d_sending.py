"""Documents deposited and waived."""

from __future__ import annotations

from typing import Any

import pytest
from syncer_assur3d import DEPOSIT, WAIVER, Assur3d
from syncer_assur3d.played import PlayedAssur3d
from syncer_assur3d.played_office import Office

from syncer.sdk import InvalidError, PayloadError, Settings, UnexpectedAnswerError
from syncer.testing import Fault


async def test_deposit_arrives_and_the_same_again_changes_nothing(
    connector: Assur3d, link: Any, office: Office, delivery_of: Any
) -> None:
    follow_up = office.add("F-1")
    delivery = delivery_of(DEPOSIT, document_type="dt-rib")

    first = await connector.deliver(link, delivery)
    second = await connector.deliver(link, delivery)

    assert first == second
    assert first.partner_ref == "F-1"
    assert first.raw == {"documentId": "d-1", "sha256": delivery.files[0].sha256}
    piece = follow_up.piece("dt-rib")
    assert piece is not None
    assert piece["status"] == "received"
    assert len(follow_up.digests) == 1


async def test_answer_that_was_lost_leads_to_one_document(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d, delivery_of: Any
) -> None:
    follow_up = office.add("F-1")
    platform.faults.append(Fault(status=500, path="/documents", is_after=True))

    receipt = await connector.deliver(link, delivery_of(DEPOSIT, document_type="dt-rib"))

    assert receipt.raw["documentId"] == "d-1"
    assert len(follow_up.digests) == 1


async def test_document_that_is_known_there_needs_no_more_words(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d, delivery_of: Any
) -> None:
    office.add("F-1")
    platform.faults.append(Fault(status=200, path="/documents", body=b""))

    receipt = await connector.deliver(link, delivery_of(DEPOSIT, document_type="dt-rib"))

    assert (receipt.partner_ref, receipt.raw) == ("F-1", {})


async def test_unknown_type_is_refused_with_the_platforms_code(
    connector: Assur3d, link: Any, office: Office, delivery_of: Any
) -> None:
    office.add("F-1")

    with pytest.raises(UnexpectedAnswerError) as refused:
        await connector.deliver(link, delivery_of(DEPOSIT, document_type="dt-none"))

    assert (refused.value.status, refused.value.partner_code) == (422, "DOCUMENT_TYPE_UNKNOWN")


async def test_receipt_of_another_file_is_not_believed(
    connector: Assur3d, link: Any, office: Office, platform: PlayedAssur3d, delivery_of: Any
) -> None:
    office.add("F-1")
    body = b'{"documentId": "d-9", "sha256": "00"}'
    platform.faults.append(Fault(status=201, path="/documents", body=body))

    with pytest.raises(PayloadError, match="sha256"):
        await connector.deliver(link, delivery_of(DEPOSIT, document_type="dt-rib"))


async def test_waiver_says_why(
    connector: Assur3d, link: Any, office: Office, delivery_of: Any
) -> None:
    follow_up = office.add("F/1 é")
    delivery = delivery_of(WAIVER, to="F/1 é", document_type="dt-kbis", reason="Pas de société")

    for _ in range(2):
        await connector.deliver(link, delivery)

    piece = follow_up.piece("dt-kbis")
    assert piece is not None
    assert piece["status"] == "waived"
    assert office.waivers == {("F/1 é", "dt-kbis"): "Pas de société"}


def test_file_that_is_no_follow_up_is_refused_before_anything_leaves(
    connector: Assur3d, delivery_of: Any
) -> None:
    delivery = delivery_of(DEPOSIT, to=None, document_type="dt-rib")

    with pytest.raises(InvalidError) as refused:
        connector.validate(delivery, Settings())

    assert [fault.pointer for fault in refused.value.errors] == ["/claim_file/partner_ref"]
