"""Files on a mission: each goes up under a key of ours, by which it is found again.

The key never changes for a file of a delivery, so looking for it before it is sent is all it takes
to send it once, wherever an earlier attempt broke off.
"""

from __future__ import annotations

import base64
from typing import Any

from syncer.sdk import AnswerLostError, Delivery, OutgoingFile, Part, Receipt
from syncer_sinapps import wire
from syncer_sinapps.commands import submit
from syncer_sinapps.resources import OurLink, Resource, list_of, readable


async def upload_all(link: OurLink, delivery: Delivery[Any], mission: Resource) -> Receipt:
    """Send the files of a delivery that consists of nothing else."""
    ids = await upload(link, delivery, mission)
    return Receipt(raw={"documents": ids})


async def all_there(link: OurLink, delivery: Delivery[Any], mission: Resource) -> Receipt | None:
    """Say whether all files of a delivery are on the mission."""
    there = await _there(link, mission)
    ids = [there.get(key_of(delivery, place)) for place in range(len(delivery.files))]
    found = [id_ for id_ in ids if id_ is not None]
    return Receipt(raw={"documents": found}) if len(found) == len(ids) else None


async def upload(link: OurLink, delivery: Delivery[Any], mission: Resource) -> list[wire.Ref]:
    """Send those files of a delivery that are not there; gives the partner's ids of all.

    Raises:
        AnswerLostError: a file was taken, and is not listed.
    """
    if not delivery.files:
        return []
    there = await _there(link, mission)
    for place, file in enumerate(delivery.files):
        key = key_of(delivery, place)
        if key not in there:
            await submit(
                link, mission, wire.ADD_FILES, parts=await _parts(link, delivery, key, file)
            )
            await delivery.note(key, "uploaded")
    if any(key_of(delivery, place) not in there for place in range(len(delivery.files))):
        there = await _there(link, mission)
    ids = [there.get(key_of(delivery, place)) for place in range(len(delivery.files))]
    if None in ids:
        raise AnswerLostError("The partner took a file, but does not list it yet.")
    return [id_ for id_ in ids if id_ is not None]


def key_of(delivery: Delivery[Any], place: int) -> str:
    """Give the key of a file, the same for the delivery's whole life."""
    return f"{delivery.id}-{place + 1}"


async def _there(link: OurLink, mission: Resource) -> dict[str, wire.Ref]:
    """List the files of the mission by their keys."""
    listed = await list_of(link, mission.link(wire.DOCUMENTS))
    documents = readable(listed, wire.WireDocument)
    return {document.cle: document.id for _, document in documents if document.cle}


async def _parts(
    link: OurLink, delivery: Delivery[Any], key: str, file: OutgoingFile
) -> list[Part]:
    type_ = getattr(delivery.payload, "type", None)
    name = f"{type_}_{file.name}" if isinstance(type_, str) else file.name
    content: bytes | OutgoingFile = file
    if link.settings.attachments_base64:
        content = base64.b64encode(await file.read())
    return [
        Part(name=wire.FILE_KEY_PART, content=key.encode()),
        Part(name=wire.FILE_PART, content=content, content_type=file.content_type, filename=name),
    ]
