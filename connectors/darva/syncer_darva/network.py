"""What both connectors have in common: the messages, what they do, and what can be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Generic, TypeVar

from pydantic import Field

from syncer.sdk import (
    ClaimRef,
    Confirmation,
    Connector,
    Credentials,
    Delivery,
    Event,
    Payload,
    PayloadError,
    Receipt,
    Record,
    Settings,
    UnknownItem,
    Unreadable,
)
from syncer_darva import sending
from syncer_darva.lifecycle import ClaimLife
from syncer_darva.mapping import (
    KIND_OF_TYPE,
    Mapped,
    claim_data,
    claim_ref,
    events_of,
    identify,
    map_message,
    require_addressee,
)
from syncer_darva.message import Message, read_message

SubscriberNo = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,10}$",
        title="Subscriber number",
        description="The repairer's number at the network: 1 to 10 digits.",
    ),
]
StationNo = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,4}$",
        title="Station number",
        description="The number of the repairer's mailbox: 1 to 4 digits.",
    ),
]


class Subscription(Credentials):
    """A repairer's subscription to a network."""

    subscriber_no: SubscriberNo
    station_no: StationNo


Su = TypeVar("Su", bound=Subscription)


@dataclass(slots=True, kw_only=True)
class Messages:
    """The messages of a page, sorted by what they are to us."""

    records: list[Record] = field(default_factory=list)
    originals: list[bytes] = field(default_factory=list)
    confirmations: list[Confirmation] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def take(self, mapped: Mapped, raw: bytes) -> None:
        """Put a message where it belongs."""
        if isinstance(mapped, Record):
            self.records.append(mapped)
            self.originals.append(raw)
        elif isinstance(mapped, Confirmation):
            self.confirmations.append(mapped)
        else:
            self.unknown.append(mapped)

    def set_aside(self, raw: bytes, error: PayloadError, *, listed_as: str | None = None) -> None:
        """Keep a message that cannot be read; if need be known by the id it was listed under."""
        kind, ref = identify(raw)
        self.unreadable.append(
            Unreadable(kind=kind, partner_ref=ref or listed_as, reason=str(error), raw=raw)
        )


class ClaimsNetwork(Connector[Su, Settings], Generic[Su]):
    """A network of motor-claims messages; what a subclass adds is how they travel."""

    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset(KIND_OF_TYPE.values())
    fixed_records = True
    operations = sending.OPERATIONS
    lifecycle = ClaimLife()

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        """Give the insurer's code, the claim number and the vehicle."""
        return claim_data(record)

    def events(self, record: Record) -> Sequence[Event]:
        """Give the message itself, in order of its ``seq``."""
        return events_of(record)

    def validate(self, delivery: Delivery[Any], settings: Settings) -> None:  # noqa: ARG002
        """Send an opening request while there is no file, all else from a linked one."""
        sending.validate(delivery)

    def claim_of(self, payload: Payload) -> ClaimRef:
        """Name the claim file that an opening request makes."""
        assert isinstance(payload, sending.OpeningPayload)
        return claim_ref(payload.insurer, payload.claim_number)

    def delivery_events(self, delivery: Delivery[Any], receipt: Receipt) -> Sequence[Event]:
        """Say that what we sent was accepted."""
        return sending.confirmed(delivery, receipt)


def read_for(subscription: Subscription, raw: bytes) -> tuple[Message, Mapped]:
    """Read a message that came to a mailbox, and say what it is to us.

    Raises:
        PayloadError: it cannot be read, or is addressed to another mailbox.
    """
    message = read_message(raw)
    require_addressee(message, subscription.subscriber_no, subscription.station_no)
    return message, map_message(message, raw)


def message_of(delivery: Delivery[Any], subscription: Subscription) -> bytes:
    """Write the message of a delivery, as it leaves from a mailbox."""
    return sending.message_of(
        delivery, subscriber=subscription.subscriber_no, station=subscription.station_no
    )
