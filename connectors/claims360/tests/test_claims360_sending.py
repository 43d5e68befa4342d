"""What is sent to Claims360, over real HTTP: a dossier, and photos."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from syncer_claims360 import Claims360, played_pictures
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop
from syncer_claims360.sending import PHOTOS, VEHICLE_UPDATE, Photos, VehicleUpdate

from syncer.domain.claim_files import Origin
from syncer.domain.links import LinkKey
from syncer.sdk import (
    ClaimFile,
    Delivery,
    DeliveryBlockedError,
    DeliveryRejectedError,
    InvalidError,
    Link,
    OutgoingFile,
    Settings,
    UnexpectedAnswerError,
)
from syncer.testing import Fault

NOW = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)


def claim_file(**fields: Any) -> ClaimFile:
    given: dict[str, Any] = {
        "id": "c-1",
        "link": LinkKey("garage-7", "claims360"),
        "origin": Origin.PLANNING,
        "reference": "2026/118",
        "partner_ref": None,
        "claim_number": None,
        "claim_type": None,
        "partner_data": {},
        "person_data": {},
        "person_set_at": {},
        "created_at": NOW,
        "updated_at": NOW,
        **fields,
    }
    return ClaimFile(**given)


def dossier(of: ClaimFile | None = None, **fields: Any) -> Delivery[Any]:
    return Delivery(
        id="d-1",
        key="k-1",
        operation=VEHICLE_UPDATE,
        payload=VehicleUpdate(plate="1-ABC-234", mileage_km=84210),
        claim_file=of or claim_file(),
        accepted_at=NOW,
        **fields,
    )


def picture(id_: str, content: bytes | None = None, name: str = "Sté vue.jpg") -> OutgoingFile:
    body = content if content is not None else played_pictures.jpeg(id_)

    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return OutgoingFile(
        id=id_,
        type="photo",
        name=name,
        content_type="image/jpeg",
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        chunks=chunks,
    )


def photos(
    *files: OutgoingFile, mission: str | None = "M-1", captions: Mapping[str, str] | None = None
) -> Delivery[Any]:
    return Delivery(
        id="d-2",
        key="k-2",
        operation=PHOTOS,
        payload=Photos(captions=dict(captions or {})),
        claim_file=claim_file(partner_ref=mission),
        files=files,
        accepted_at=NOW,
    )


def check(delivery: Delivery[Any]) -> list[tuple[str, str]]:
    try:
        Claims360().validate(delivery, Settings())
    except InvalidError as error:
        return [(fault.pointer, fault.message) for fault in error.errors]
    return []


# -- before anything leaves -----------------------------------------------------------------------


def test_a_mileage_below_a_known_one_is_refused_with_both() -> None:
    of = claim_file(
        partner_data={"vehicle": {"mileage_km": 84300}},
        person_data={"vehicle": {"mileage_km": 84250}},
    )

    [(pointer, message)] = check(dossier(of))

    assert pointer == "/payload/mileage_km"
    assert "84210" in message
    assert "84300" in message
    assert check(dossier(claim_file(partner_data={"vehicle": {"mileage_km": 84210}}))) == []


@pytest.mark.parametrize("reference", [None, "x" * 65])
def test_a_dossier_needs_a_reference_that_the_partner_takes(reference: str | None) -> None:
    assert [pointer for pointer, _ in check(dossier(claim_file(reference=reference)))] == [
        "/claim_file"
    ]


def test_a_caption_is_for_a_photo_of_the_delivery() -> None:
    assert check(photos(picture("a"), captions={"a": "front"})) == []
    assert [pointer for pointer, _ in check(photos(picture("a"), captions={"b/c": "x"}))] == [
        "/payload/captions/b~1c"
    ]


# -- the dossier ----------------------------------------------------------------------------------


async def test_a_dossier_is_plate_and_mileage_under_the_files_reference(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    receipt = await connector.deliver(link, dossier())

    mission = shop.dossiers["2026/118"]
    assert receipt.partner_ref == mission
    assert shop.objects["mission", mission].item["vehicle"] == {
        "plate": "1-ABC-234",
        "mileageKm": 84210,
    }


async def test_a_known_reference_is_a_refusal_at_first_and_a_receipt_in_doubt(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    known = shop.send_dossier("2026/118", "1-ABC-234", 84210)

    with pytest.raises(DeliveryRejectedError) as refused:
        await connector.deliver(link, dossier())
    in_doubt = await connector.deliver(link, dossier(in_doubt=True))
    repeated = await connector.deliver(link, dossier(was_sent=True))

    assert refused.value.partner_code == "REFERENCE_KNOWN"
    assert in_doubt.partner_ref == repeated.partner_ref == known


async def test_a_retry_of_a_refused_dossier_is_not_taken_for_the_dossier_of_another(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    shop.send_dossier("2026/118", "2-XYZ-987", 1200)
    notes: dict[str, Any] = {}

    async def keep(step: str, value: Any) -> None:
        notes[step] = value

    with pytest.raises(DeliveryRejectedError):
        await connector.deliver(link, dossier(keep_note=keep))
    retried = dossier(was_sent=True, in_doubt=True, notes=notes)

    assert await connector.look_up(link, retried) is None
    with pytest.raises(DeliveryRejectedError, match="another dossier's"):
        await connector.deliver(link, retried)


async def test_a_409_that_cannot_be_read_is_a_refusal_and_no_reason_to_send_again(
    connector: Claims360, link: Link[Any, Any], partner: PlayedClaims360
) -> None:
    partner.faults.append(Fault(status=409, body=b"<html>"))

    with pytest.raises(DeliveryRejectedError, match="409"):
        await connector.deliver(link, dossier())


async def test_a_lost_dossier_is_looked_up(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    of = claim_file(reference="2026/118 a?b")
    assert await connector.look_up(link, dossier(of)) is None

    known = shop.send_dossier("2026/118 a?b", "1-ABC-234", 84210)

    found = await connector.look_up(link, dossier(of))
    assert found is not None
    assert found.partner_ref == known


async def test_what_the_partner_says_of_a_bad_dossier_comes_along(
    connector: Claims360, link: Link[Any, Any], partner: PlayedClaims360
) -> None:
    body = b'{"code": "FIELD_INVALID", "detail": "plate \\n is odd"}'
    partner.faults.append(Fault(status=422, body=body))

    with pytest.raises(UnexpectedAnswerError) as refused:
        await connector.deliver(link, dossier())

    assert refused.value.partner_code == "FIELD_INVALID"
    assert refused.value.partner_text == "plate is odd"


# -- photos ---------------------------------------------------------------------------------------


async def test_chosen_photos_are_sent_with_their_captions_each_with_a_receipt(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    shop.add_mission("M-1")
    notes: dict[str, Any] = {}

    async def keep(step: str, value: Any) -> None:
        notes[step] = value

    sent = photos(picture("a"), picture("b"), captions={"b": "côté gauche"})
    receipt = await connector.deliver(link, replace(sent, keep_note=keep))

    held = shop.photos_of("M-1")
    assert [photo.announced["fileName"] for photo in held] == ["Sté vue.jpg", "Sté vue.jpg"]
    assert [shop.captions[photo.announced["id"]] for photo in held] == ["", "côté gauche"]
    assert [one["id"] for one in receipt.raw["photos"]] == [p.announced["id"] for p in held]
    assert list(notes) == ["photo:a", "photo:b"]


async def test_a_photo_that_was_noted_is_not_sent_again(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop, partner: PlayedClaims360
) -> None:
    shop.add_mission("M-1")
    noted = {"photo:a": {"id": "P-9", "sha256": "00"}}

    receipt = await connector.deliver(
        link, replace(photos(picture("a"), picture("b")), notes=noted)
    )

    assert len(partner.seen) == 1
    assert receipt.raw["photos"][0] == {"attachment": "a", "id": "P-9", "sha256": "00"}


async def test_a_photo_that_is_there_already_counts_as_sent(
    connector: Claims360, link: Link[Any, Any], shop: PlayedShop
) -> None:
    shop.add_mission("M-1")
    held = shop.add_photo("M-1", played_pictures.jpeg("a"))

    receipt = await connector.deliver(link, photos(picture("a")))

    assert receipt.raw["photos"][0]["id"] == held["id"]
    assert len(shop.photos_of("M-1")) == 1


@pytest.mark.parametrize(("status", "why"), [(413, "larger than 10 MiB"), (415, "JPEG nor a PNG")])
async def test_a_refused_photo_is_named(
    connector: Claims360,
    link: Link[Any, Any],
    shop: PlayedShop,
    partner: PlayedClaims360,
    status: int,
    why: str,
) -> None:
    shop.add_mission("M-1")
    partner.faults.append(Fault(method="POST", status=status))

    with pytest.raises(DeliveryRejectedError, match=f"refused Sté vue.jpg: .*{why}") as refused:
        await connector.deliver(link, photos(picture("a")))

    assert refused.value.partner_code == str(status)


@pytest.mark.parametrize("mission", [None, "quote:Q-1"])
async def test_without_a_mission_photos_wait_for_a_person(
    connector: Claims360, link: Link[Any, Any], mission: str | None
) -> None:
    with pytest.raises(DeliveryBlockedError):
        await connector.deliver(link, photos(picture("a"), mission=mission))
