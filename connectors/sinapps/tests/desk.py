"""A repairer's desk: the claim file of one mission, and deliveries for it with durable notes."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from syncer_sinapps import Sinapps, SinappsSettings

from syncer.domain.links import LinkKey
from syncer.sdk import (
    ClaimFile,
    Delivery,
    Event,
    Kind,
    OutgoingFile,
    Receipt,
    Record,
    RecordKey,
    Standing,
    SyncerError,
)
from syncer.testing import START
from syncer.testing.reading import Read

LINK = LinkKey(repairer="garage-7", connector="sinapps")


def key_of(kind: Kind, ref: str) -> RecordKey:
    return RecordKey(kind=kind, partner_ref=ref)


def of_kind(read: Read, kind: Kind) -> list[Record]:
    return [record for record in read.records if record.kind is kind]


def told(read: Read) -> list[Event]:
    """Give the events of all claim files that a pass told, in order."""
    return [event for update in read.claim_updates for event in update.events]


def standing_after(events: Sequence[Event], standing: Standing | None = None) -> Standing:
    """Fold events as the host does: each key once."""
    lifecycle, seen = Sinapps.lifecycle, set[str]()
    found = standing or lifecycle.begin()
    for event in events:
        if event.key not in seen:
            found = lifecycle.apply(found, event) or found
            seen.add(event.key)
    return found


def file_of(id_: str, name: str = "devis.pdf", content: bytes = b"%PDF-1.4") -> OutgoingFile:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return OutgoingFile(
        id=id_,
        type="quote_pdf",
        name=name,
        content_type="application/pdf",
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        chunks=chunks,
    )


@dataclass(slots=True, kw_only=True)
class Desk:
    """Sends as the host does."""

    connector: Sinapps
    open_link: Callable[..., Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    claim_file: ClaimFile
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def delivery(
        self,
        operation: str,
        payload: Mapping[str, Any],
        *,
        id_: str = "d-1",
        files: Sequence[OutgoingFile] = (),
        **fields: Any,
    ) -> Delivery[Any]:
        found = next(one for one in self.connector.operations if one.name == operation)
        kept = self.notes.setdefault(id_, {})

        async def keep(step: str, value: Any) -> None:
            kept[step] = value

        return Delivery(
            id=id_,
            key=f"key-{id_}",
            operation=found,
            payload=found.payload.model_validate(payload),
            claim_file=self.claim_file,
            files=files,
            accepted_at=START,
            notes=dict(kept),
            keep_note=keep,
            **fields,
        )

    def validate(self, delivery: Delivery[Any]) -> None:
        self.connector.validate(delivery, SinappsSettings.model_validate(self.settings))

    async def send(self, delivery: Delivery[Any]) -> Receipt:
        """Check and send it, and move the claim file."""
        self.validate(delivery)
        if delivery.operation.is_local:
            receipt = Receipt()
        else:
            receipt = await self.connector.deliver(self.open_link(**self.settings), delivery)
        events = self.connector.delivery_events(delivery, receipt)
        standing = standing_after(events, self.claim_file.standing)
        self.claim_file = replace(self.claim_file, standing=standing)
        return receipt

    async def until_through(self, make: Callable[..., Delivery[Any]]) -> Receipt:
        """Attempt as the host does after each failure: look up first, then send again."""
        is_in_doubt = False
        for _ in range(10):
            delivery = make(in_doubt=is_in_doubt)
            link = self.open_link(**self.settings)
            try:
                found = await self.connector.look_up(link, delivery) if is_in_doubt else None
                return found or await self.connector.deliver(link, make(in_doubt=is_in_doubt))
            except SyncerError:
                is_in_doubt = True
        raise AssertionError("the delivery never came through")
