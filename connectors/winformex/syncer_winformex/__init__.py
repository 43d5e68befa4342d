"""Winformex II, the predecessor of Claims360: missions that its program drops into a folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from syncer.sdk import (
    Connector,
    Credentials,
    Delivery,
    Kind,
    Link,
    LostAnswer,
    Operation,
    Page,
    PartnerLimits,
    Payload,
    PayloadError,
    Receipt,
    Record,
    Settings,
    Transport,
    Unreadable,
    XmlElement,
    hookimpl,
    take_ready,
    write_xml,
)
from syncer_winformex import wire
from syncer_winformex.mapping import changed_micros, claim_data, identify, read_mission

__all__ = ["Winformex", "WinformexCredentials"]

_MOST_KM = 10_000_000


class WinformexCredentials(Credentials):
    """Where the program puts a repairer's missions."""

    mailbox: str = Field(
        pattern=r"^[0-9]{1,20}$",
        title="Mailbox",
        description="The number of the Informex mailbox: 1 to 20 digits.",
    )


def _printable(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("must be printable and not blank")
    return text


class VehicleUpdate(Payload):
    """Plate and mileage of the vehicle."""

    plate: Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_printable)]
    mileage_km: int = Field(ge=0, le=_MOST_KM)


VEHICLE_UPDATE = Operation(
    name="vehicle_update",
    title="Plate and mileage",
    payload=VehicleUpdate,
    lost_answer=LostAnswer.KEY,
)
OurLink = Link[WinformexCredentials, Settings]


class Winformex(Connector[WinformexCredentials, Settings]):
    """Reads what the legacy program dropped, and gives it plate and mileage."""

    name = "winformex"
    title = "Winformex II"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset({Kind.MISSION})
    credentials = WinformexCredentials
    settings_group = "informex"
    transports = frozenset({Transport.FOLDER})
    limits = PartnerLimits(source="folders have no limits")
    operations = (VEHICLE_UPDATE,)

    def folder_of(self, credentials: WinformexCredentials) -> str:
        """Name the mailbox's folder."""
        return credentials.mailbox

    async def check(self, link: OurLink) -> None:
        """See that the program's folder is there."""
        await link.folder.check(wire.INBOX)

    async def pull(self, link: OurLink, cursor: str | None) -> Page:  # noqa: ARG002
        """Read the missions that lie ready, in order of their status events."""
        records = []

        def read(raw: bytes) -> str:
            record, month = read_mission(raw)
            records.append(record)
            return f"{wire.ARCHIVE}/{month}"

        taken = await take_ready(
            link.folder, wire.INBOX, read=read, reject=wire.REJECT, order=changed_micros
        )
        return Page(
            records=records,
            unreadable=[_set_aside(raw, error) for raw, error in taken.unreadable],
            files=taken.files,
            next_cursor=taken.cursor,
            has_more=taken.has_more,
        )

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        """Give the vehicle, the insurer and the day of the loss."""
        return claim_data(record)

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Put the file in place; a repeat puts the same one there again."""
        await link.folder.write(wire.OUTBOX, f"{delivery.id}.xml", _update(delivery))
        return Receipt()


def _update(delivery: Delivery[VehicleUpdate]) -> bytes:
    file, payload = delivery.claim_file, delivery.payload
    named = {"mission": file.partner_ref, "number": file.reference} if file else {}
    attributes = {name: value for name, value in named.items() if value}
    vehicle = {"plate": payload.plate, "mileageKm": str(payload.mileage_km)}
    return write_xml(
        XmlElement(
            name=wire.VEHICLE_UPDATE,
            attributes={"id": delivery.id, **attributes},
            children=[XmlElement(name=wire.VEHICLE, attributes=vehicle)],
        )
    )


def _set_aside(raw: bytes, error: PayloadError) -> Unreadable:
    return Unreadable(kind=Kind.MISSION, partner_ref=identify(raw), reason=str(error), raw=raw)


@hookimpl
def register_connectors(register: Callable[[type[Winformex]], None]) -> None:
    """Hand the connector to the host."""
    register(Winformex)
