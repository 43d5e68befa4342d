"""What is sent to Claims360: a dossier of plate and mileage, and photos that a person chose."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from pydantic import Field, StringConstraints

from syncer.sdk import (
    ClaimFile,
    Delivery,
    DeliveryBlockedError,
    DeliveryRejectedError,
    FieldError,
    FileRule,
    HttpSession,
    InvalidError,
    LostAnswer,
    Operation,
    OutgoingFile,
    Part,
    Payload,
    PayloadError,
    Receipt,
    Response,
    json_pointer,
    path_of,
)
from syncer_claims360 import wire

Plate = Annotated[
    str, StringConstraints(min_length=1, max_length=wire.LONGEST_PLATE, pattern=r"^\S(.*\S)?$")
]
Caption = Annotated[str, StringConstraints(max_length=wire.LONGEST_CAPTION)]


class VehicleUpdate(Payload):
    """Plate and mileage; nothing else of a dossier is ever sent."""

    plate: Plate = Field(description="Number plate.")
    mileage_km: int = Field(
        ge=0,
        lt=wire.LEAST_IMPOSSIBLE_MILEAGE,
        description="Mileage in km; never below a known one.",
    )


class Photos(Payload):
    """Photos that a person chose, by ``attachments``."""

    captions: dict[str, Caption] = Field(
        default_factory=dict, description="Captions by attachment id; absent: none."
    )


VEHICLE_UPDATE = Operation(
    name="vehicle_update",
    title="Dossier: plate and mileage",
    payload=VehicleUpdate,
    lost_answer=LostAnswer.LOOKUP,
)
PHOTOS = Operation(
    name="photos",
    title="Photos of a mission",
    payload=Photos,
    lost_answer=LostAnswer.KEY,
    files=FileRule(least=1, content_types=wire.PHOTO_TYPES, most_bytes=wire.LARGEST_PHOTO_BYTES),
    depends_on=frozenset({VEHICLE_UPDATE.name}),
)


def check_delivery(delivery: Delivery[Any]) -> None:
    """Refuse what the partner would refuse, or what a person should look at first.

    Raises:
        InvalidError: the claim file has no usable reference, the mileage went down, or a caption
            is for no photo of this delivery.
    """
    if isinstance(delivery.payload, VehicleUpdate):
        _check_dossier(delivery.payload, delivery.claim_file)
    else:
        _check_captions(delivery.payload, delivery.files)


def _check_dossier(payload: VehicleUpdate, claim_file: ClaimFile | None) -> None:
    reference = claim_file.reference if claim_file else None
    if not reference or len(reference) > wire.LONGEST_REFERENCE:
        message = f"must have a reference of 1 to {wire.LONGEST_REFERENCE} characters"
        _refuse("/claim_file", message)
    known = _known_mileage(claim_file)
    if known is not None and payload.mileage_km < known:
        message = f"is {payload.mileage_km} km, lower than the known mileage of {known} km"
        _refuse("/payload/mileage_km", message)


def _known_mileage(claim_file: ClaimFile | None) -> int | None:
    """Give the highest mileage that the partner or a person gave."""
    found = []
    for data in (claim_file.partner_data, claim_file.person_data) if claim_file else ():
        vehicle = data.get("vehicle")
        mileage = vehicle.get("mileage_km") if isinstance(vehicle, dict) else None
        found += [mileage] if isinstance(mileage, int) else []
    return max(found, default=None)


def _check_captions(payload: Photos, files: Any) -> None:
    known = {file.id for file in files}
    faults = [
        FieldError(
            pointer=json_pointer("payload", "captions", id_),
            message="is no attachment of this delivery",
        )
        for id_ in payload.captions
        if id_ not in known
    ]
    if faults:
        raise InvalidError("A caption belongs to no photo.", faults)


def _refuse(pointer: str, message: str) -> None:
    raise InvalidError(
        "The dossier cannot be sent.", [FieldError(pointer=pointer, message=message)]
    )


# -- the dossier ----------------------------------------------------------------------------------

_TAKEN_BY = "reference taken by"


async def send_dossier(
    http: HttpSession, bodyshop: str, delivery: Delivery[VehicleUpdate]
) -> Receipt:
    """Send plate and mileage under the claim file's reference.

    A reference that is known means delivered when an earlier attempt may have brought it there. It
    cannot have where it was refused for the same mission: that is noted.

    Raises:
        DeliveryRejectedError: somebody else has the reference.
    """
    body = {
        "reference": _reference(delivery),
        "plate": delivery.payload.plate,
        "mileageKm": delivery.payload.mileage_km,
    }
    answer = await http.request(
        "POST",
        path_of(wire.DOSSIERS, bodyshop),
        headers={"Content-Type": "application/json"},
        body=msgspec.json.encode(body),
        accept={wire.CREATED, wire.CONFLICT},
    )
    if answer.status == wire.CREATED:
        return _dossier_receipt(answer)
    known = _conflict(answer)
    if known.code == wire.REFERENCE_KNOWN and _may_be_ours(delivery, known.mission_id):
        if known.mission_id is None:
            raise PayloadError("the partner knows the reference and does not say which mission")
        return _receipt(body["reference"], known.mission_id)
    if known.code == wire.REFERENCE_KNOWN and known.mission_id:
        await delivery.note(_TAKEN_BY, known.mission_id)
    raise _refused(known, delivery.claim_file)


def _may_be_ours(delivery: Delivery[VehicleUpdate], mission: str | None) -> bool:
    """Say whether an earlier attempt may have become the mission that has the reference."""
    was_tried = delivery.in_doubt or delivery.was_sent
    return was_tried and (mission is None or delivery.notes.get(_TAKEN_BY) != mission)


def _conflict(answer: Response) -> wire.WireReferenceKnown:
    """Read why a dossier was refused; a 409 is one, whatever can be read of it."""
    try:
        return answer.decode(wire.WireReferenceKnown)
    except PayloadError:
        return wire.WireReferenceKnown()


def _refused(known: wire.WireReferenceKnown, claim_file: ClaimFile | None) -> DeliveryRejectedError:
    """Say whose the reference is; our own mission is there for photos, whatever was refused."""
    ours = claim_file.partner_ref if claim_file else None
    is_ours = ours is not None and known.mission_id == ours
    text = "The partner refused the dossier (409)."
    if known.code == wire.REFERENCE_KNOWN:
        whose = (
            f"this dossier came there as mission {ours}" if is_ours else "it is another dossier's"
        )
        text = f"The partner knows this reference already; {whose}."
    return DeliveryRejectedError(
        text,
        partner_code=known.code,
        facts={"missionId": known.mission_id},
        partner_ref=ours if is_ours and known.code == wire.REFERENCE_KNOWN else None,
    )


async def look_up_dossier(
    http: HttpSession, bodyshop: str, delivery: Delivery[VehicleUpdate]
) -> Receipt | None:
    """Ask which mission the dossier became; None when there is none, or another's as before."""
    path = path_of(wire.DOSSIER, bodyshop, _reference(delivery))
    answer = await http.request("GET", path, accept={wire.FOUND, wire.NOT_FOUND})
    if answer.status == wire.NOT_FOUND:
        return None
    found = _dossier_receipt(answer)
    return None if found.partner_ref == delivery.notes.get(_TAKEN_BY) else found


def _reference(delivery: Delivery[VehicleUpdate]) -> str:
    reference = delivery.claim_file.reference if delivery.claim_file else None
    if not reference:
        raise DeliveryBlockedError("The claim file has no reference any more.")
    return reference


def _dossier_receipt(answer: Response) -> Receipt:
    dossier = answer.decode(wire.WireDossier)
    return _receipt(dossier.reference, dossier.mission_id)


def _receipt(reference: Any, mission: str) -> Receipt:
    return Receipt(partner_ref=mission, raw={"reference": reference, "missionId": mission})


# -- photos ---------------------------------------------------------------------------------------

_REFUSED_PHOTOS = {
    wire.TOO_LARGE: "it is larger than 10 MiB, the most that it takes",
    wire.TYPE_NOT_ALLOWED: "it is neither a JPEG nor a PNG picture",
}


async def send_photos(http: HttpSession, bodyshop: str, delivery: Delivery[Photos]) -> Receipt:
    """Send each photo once; what an earlier attempt noted is not sent again.

    Raises:
        DeliveryBlockedError: the claim file has no mission at the partner yet.
    """
    mission = delivery.claim_file.partner_ref if delivery.claim_file else None
    if mission is None or mission.startswith(f"{wire.QUOTE_TYPE}:"):
        text = "The claim file has no mission at Claims360; send its dossier first."
        raise DeliveryBlockedError(text)
    receipts = []
    for file in delivery.files:
        step = f"photo:{file.id}"
        receipt = delivery.notes.get(step)
        if receipt is None:
            caption = delivery.payload.captions.get(file.id, "")
            receipt = await _send_photo(
                http, path_of(wire.PHOTOS, bodyshop, mission), file, caption
            )
            await delivery.note(step, receipt)
        receipts.append({"attachment": file.id, **receipt})
    return Receipt(raw={"photos": receipts})


async def _send_photo(
    http: HttpSession, path: str, file: OutgoingFile, caption: str
) -> dict[str, str]:
    answer = await http.request(
        "POST",
        path,
        parts=[
            Part(name="file", content=file, content_type=file.content_type, filename=file.name),
            Part(name="caption", content=caption.encode()),
        ],
        accept={wire.FOUND, wire.CREATED, *_REFUSED_PHOTOS},
        repeatable=True,
    )
    if answer.status in _REFUSED_PHOTOS:
        text = f"The partner refused {file.name}: {_REFUSED_PHOTOS[answer.status]}."
        raise DeliveryRejectedError(text, partner_code=str(answer.status))
    photo = answer.decode(wire.WireSentPhoto)
    if photo.sha256.lower() != file.sha256:
        text = f"The partner says that it holds another content than {file.name}."
        raise DeliveryRejectedError(text, partner_code="sha256")
    return {"id": photo.id, "sha256": photo.sha256.lower()}
