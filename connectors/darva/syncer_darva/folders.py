"""The connector ``darva``: messages as files, which the network's program brings and takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncer.sdk import (
    Delivery,
    Link,
    Page,
    PartnerLimits,
    Receipt,
    Settings,
    Transport,
    hookimpl,
    take_ready,
)
from syncer_darva import wire
from syncer_darva.message import seq_of
from syncer_darva.network import ClaimsNetwork, Messages, Subscription, message_of, read_for

__all__ = ["Darva", "DarvaCredentials"]


class DarvaCredentials(Subscription):
    """What the network gives a repairer."""


OurLink = Link[DarvaCredentials, Settings]


class Darva(ClaimsNetwork[DarvaCredentials]):
    """Reads what the network's program put into the folder, and puts there what it is to take."""

    name = "darva"
    title = "DARVA (motor claims)"
    credentials = DarvaCredentials
    transports = frozenset({Transport.FOLDER})
    limits = PartnerLimits(source="folders have no limits")

    def folder_of(self, credentials: DarvaCredentials) -> str:
        """Name the mailbox's folder: ``<subscriber>-<station>``."""
        return f"{credentials.subscriber_no}-{credentials.station_no}"

    async def check(self, link: OurLink) -> None:
        """See that the network's program has made the mailbox's folder."""
        await link.folder.check(wire.INBOX)

    async def pull(self, link: OurLink, cursor: str | None) -> Page:  # noqa: ARG002
        """Read what lies ready, in order of ``seq``."""
        found = Messages()

        def read(raw: bytes) -> str:
            message, mapped = read_for(link.credentials, raw)
            found.take(mapped, raw)
            return f"{wire.ARCHIVE}/{message.month}"

        taken = await take_ready(
            link.folder, wire.INBOX, read=read, reject=wire.REJECT, order=seq_of
        )
        for raw, error in taken.unreadable:
            found.set_aside(raw, error)
        return Page(
            records=found.records,
            originals=found.originals,
            confirmations=found.confirmations,
            unknown=found.unknown,
            unreadable=found.unreadable,
            files=taken.files,
            next_cursor=taken.cursor,
            has_more=taken.has_more,
        )

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Put the message in place; the network drops one whose id it knows."""
        message = message_of(delivery, link.credentials)
        await link.folder.write(wire.OUTBOX, f"{delivery.id}.xml", message)
        return Receipt(is_final=False)


@hookimpl
def register_connectors(register: Callable[[type[Darva]], None]) -> None:
    """Hand the connector to the host."""
    register(Darva)
