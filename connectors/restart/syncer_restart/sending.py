"""Sending claims to the portal: the first time, and again with what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from syncer.sdk import (
    ClaimFile,
    ConflictError,
    Delivery,
    DeliveryBlockedError,
    DeliveryRejectedError,
    DocumentsMissingError,
    FieldError,
    FileRule,
    HttpSession,
    InvalidError,
    LostAnswer,
    Operation,
    OutgoingFile,
    Part,
    Payload,
    Receipt,
    Response,
    path_of,
)
from syncer_restart import wire
from syncer_restart.checking import check_claim, missing_kinds
from syncer_restart.pratica import name_of, pratica

_OK, _CREATED, _STORED_INCOMPLETE = 200, 201, 206
_CONFLICT = 409
_REFUSED = frozenset({400, 404, 409, 410, 413, 415, 422})
_SEND_ALL = "send_all"
"""Note: the portal wanted a file that we took for unchanged; a retry sends every file."""


class SendPayload(Payload):
    """What is said of a sending: whether it may go although mandatory documents are missing."""

    allow_incomplete: bool = False


CLAIM_UPLOAD = Operation(
    name="claim_upload",
    title="Send the claim to RESTART",
    payload=SendPayload,
    lost_answer=LostAnswer.LOOKUP,
    files=FileRule(most_bytes=wire.LARGEST_FILE_BYTES, default_all=True),
    gated=True,
)
CLAIM_FOLLOW_UP = Operation(
    name="claim_follow_up",
    title="Bring the claim at RESTART up to date",
    payload=SendPayload,
    lost_answer=LostAnswer.KEY,
    files=FileRule(most_bytes=wire.LARGEST_FILE_BYTES, default_all=True),
    depends_on=frozenset({CLAIM_UPLOAD.name}),
    gated=True,
)


def check_delivery(delivery: Delivery[SendPayload]) -> ClaimFile:
    """Check all that must hold before anything leaves; gives the claim file.

    Raises:
        InvalidError: a field of the claim file is missing or bad.
        DocumentsMissingError: mandatory ones do not go along, and nobody asked for that.
    """
    claim_file = delivery.claim_file
    if claim_file is None:
        raise InvalidError("RESTART operations are on a claim file.")
    check_claim(claim_file)
    missing = missing_kinds(delivery.files)
    if missing and not delivery.payload.allow_incomplete:
        raise DocumentsMissingError(
            f"Mandatory documents are missing: {', '.join(missing)}.",
            [
                FieldError(pointer=f"/documents/{kind}", message="does not go along")
                for kind in missing
            ],
        )
    return claim_file


async def send_first(http: HttpSession, delivery: Delivery[SendPayload]) -> Receipt:
    """Create the claim on the portal with all files.

    Raises:
        DeliveryRejectedError: the portal refused it, or has a claim under this reference already.
    """
    claim_file = _still_ready(delivery)
    parts = _parts(claim_file, delivery.files, delivery.files, event=wire.EVENT_FIRST)
    accept = {_CREATED, _STORED_INCOMPLETE, *_REFUSED}
    answer = await http.request("POST", wire.CLAIMS, parts=parts, accept=accept)
    if answer.status not in _REFUSED:
        return _stored(answer)
    refused = _refusal(answer)
    if answer.status == _CONFLICT and refused.code == wire.ALREADY_SENT and delivery.in_doubt:
        return await find_first(http, delivery) or Receipt(partner_ref=refused.number)
    raise _rejected(answer, refused)


async def find_first(http: HttpSession, delivery: Delivery[Any]) -> Receipt | None:
    """Look up by our reference whether the first sending took effect.

    A claim that is incomplete lacks what our own manifest lacks.
    """
    found = await _find(http, delivery)
    if found is None:
        return None
    is_incomplete = found.status == wire.INCOMPLETE
    return Receipt(
        partner_ref=found.number,
        incomplete=missing_kinds(delivery.files) if is_incomplete else (),
        raw={"numeroDenuncia": found.number, "stato": found.status},
    )


async def send_follow_up(http: HttpSession, delivery: Delivery[SendPayload]) -> Receipt:
    """Bring the portal's attachments in line with the wanted set; only what it lacks travels.

    Raises:
        DeliveryRejectedError: the portal refused it: the claim is closed or not known there.
        DeliveryBlockedError: the claim was not sent to the portal yet.
    """
    claim_file = _still_ready(delivery)
    number = claim_file.partner_ref or await _number_at_portal(http, delivery)
    travelling = _travelling(delivery, claim_file)
    parts = _parts(claim_file, delivery.files, travelling, event=wire.EVENT_FOLLOW_UP)
    accept = {_OK, _STORED_INCOMPLETE, *_REFUSED}
    path = path_of(wire.FOLLOW_UPS, number)
    answer = await http.request("POST", path, parts=parts, accept=accept)
    if answer.status not in _REFUSED:
        return _stored(answer)
    if len(travelling) < len(delivery.files):
        await delivery.note(_SEND_ALL, value=True)
    raise _rejected(answer, _refusal(answer))


def _still_ready(delivery: Delivery[SendPayload]) -> ClaimFile:
    """Check again: the claim file may have been changed since the delivery was accepted."""
    try:
        return check_delivery(delivery)
    except InvalidError as error:
        faults = "; ".join(f"{fault.pointer} {fault.message}" for fault in error.errors)
        raise DeliveryRejectedError(f"Not sent: {faults}.") from None
    except ConflictError as error:
        raise DeliveryRejectedError(f"Not sent: {error}") from None


async def _number_at_portal(http: HttpSession, delivery: Delivery[Any]) -> str:
    found = await _find(http, delivery)
    if found is None:
        raise DeliveryBlockedError("The claim is not at the portal yet; send claim_upload first.")
    return found.number


async def _find(http: HttpSession, delivery: Delivery[Any]) -> wire.WireFound | None:
    reference = delivery.claim_file.reference if delivery.claim_file else None
    if not reference:
        return None
    answer = await http.request("GET", wire.CLAIMS, query={wire.REFERENCE: reference})
    return next(iter(answer.decode(wire.WireLookUp).claims), None)


def _travelling(delivery: Delivery[Any], claim_file: ClaimFile) -> list[OutgoingFile]:
    """List the files that the portal has not got as they are now; all of them when in doubt."""
    if delivery.notes.get(_SEND_ALL):
        return list(delivery.files)
    there = claim_file.standing.facts.get("manifest") or {}
    return [file for file in delivery.files if there.get(file.id) != file.sha256]


def _parts(
    claim_file: ClaimFile,
    manifest: Sequence[OutgoingFile],
    travelling: Sequence[OutgoingFile],
    *,
    event: str,
) -> list[Part]:
    document = pratica(claim_file, manifest, event=event)
    files = [
        Part(name=file.id, content=file, content_type=file.content_type, filename=name_of(file))
        for file in travelling
    ]
    return [Part(name=wire.PRATICA, content=document, content_type=wire.PRATICA_TYPE), *files]


# -- answers --------------------------------------------------------------------------------------


def _stored(answer: Response) -> Receipt:
    stored = answer.decode(wire.WireStored)
    is_incomplete = answer.status == _STORED_INCOMPLETE
    return Receipt(
        partner_ref=stored.number,
        incomplete=tuple(stored.missing) if is_incomplete else (),
        raw=answer.decode(dict[str, Any]),
    )


def _refusal(answer: Response) -> wire.WireRefused:
    """Read why; a body that says nothing readable still is a refusal."""
    try:
        return msgspec.json.decode(answer.body, type=wire.WireRefused)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return wire.WireRefused()


def _rejected(answer: Response, refused: wire.WireRefused) -> DeliveryRejectedError:
    words = " · ".join(word for word in (refused.code, refused.title, refused.detail) if word)
    text = f"The portal refused it: {words or f'HTTP status {answer.status}'}"
    if refused.number:
        text += f" (claim {refused.number})"
    facts = {"numeroDenuncia": refused.number} if refused.number else None
    there = refused.number if refused.code == wire.ALREADY_SENT else None
    return DeliveryRejectedError(text, partner_code=refused.code, facts=facts, partner_ref=there)
