"""Completing records at the partner: what the listing does not hold, and which files there are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from syncer.domain.errors import (
    ConnectorFailedError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    RecordWithdrawnError,
    RetryableError,
)
from syncer.domain.records import Attachment, Record, RecordKey
from syncer.domain.stored import ClaimFileRef, KnownRecord
from syncer.sdk import Connector, Event, Unreadable
from syncer.services.guard import guarded, plainly_guarded, together
from syncer.services.lifecycles import check_event
from syncer.services.opening import AnyConnector, AnyLink
from syncer.services.record_json import encode_record

MOST_DELAYED = 10
"""After so many records that could not be completed, the rest waits for the next pass unasked."""
OUTAGE = 3
"""When so many fail before one is completed, it is not the records that are at fault."""


@dataclass(slots=True, kw_only=True, eq=False)
class Draft:
    """A record on its way into the store.

    ``known`` is what is stored of it; ``claim_file`` names the claim file it joins when it is kept,
    and ``events`` are what it does to that file's life.
    A delayed one is not whole, so it is not stored; the next pass lists it again.
    """

    record: Record
    known: KnownRecord | None = None
    attachments: Sequence[Attachment] = ()
    claim_file: ClaimFileRef | None = None
    events: Sequence[Event] = ()
    is_withdrawn: bool = False
    is_delayed: bool = False


@dataclass(slots=True, kw_only=True)
class Completion:
    """What came up while completing.

    Drafts that failed, parts of others that could not be read, and other records that are gone;
    ``completed`` and ``delayed`` count drafts, ``trouble`` is what delayed the last one.
    """

    completed: int = 0
    delayed: int = 0
    trouble: RetryableError | None = None
    failed: list[tuple[Draft, Unreadable]] = field(default_factory=list)
    parts: list[Unreadable] = field(default_factory=list)
    withdrawn: list[RecordKey] = field(default_factory=list)

    @property
    def unreadable(self) -> list[Unreadable]:
        """All that is to be set aside."""
        return [*(bad for _, bad in self.failed), *self.parts]

    @property
    def is_outage(self) -> bool:
        """Say whether it is not single records that the partner fails on."""
        return self.delayed >= OUTAGE and not self.completed

    def delay(self, draft: Draft, trouble: RetryableError | None = None) -> None:
        """Leave a draft for the next pass."""
        draft.is_delayed = True
        self.delayed += 1
        self.trouble = trouble or self.trouble


async def complete_drafts(
    connector: AnyConnector,
    link: AnyLink,
    drafts: Sequence[Draft],
    *,
    through_outages: bool = False,
) -> Completion:
    """Complete drafts in place, as many at once as the partner allows a link.

    One that the partner fails on, while it answers for others, is delayed and holds up nobody;
    ``through_outages`` delays all of them when it answers for none.

    Raises:
        RetryableError, CredentialsRejectedError: the partner cannot be asked now.
        ConnectorFailedError: the connector is broken.
    """
    completion = Completion()
    if type(connector).complete is Connector.complete:
        return completion
    waiting = iter(drafts)
    at_once = min(connector.limits.concurrent, len(drafts))
    try:
        await together(_complete_each(connector, link, waiting, completion) for _ in range(at_once))
    finally:
        link.forget()
    trouble = completion.trouble
    if trouble is not None and not through_outages:
        is_held = trouble.retry_at is not None and not completion.completed
        if is_held or completion.is_outage:
            raise trouble
    return completion


async def _complete_each(
    connector: AnyConnector, link: AnyLink, waiting: Iterable[Draft], completion: Completion
) -> None:
    for draft in waiting:
        if completion.is_outage or completion.delayed >= MOST_DELAYED:
            completion.delay(draft)
            continue
        try:
            completed = await guarded(connector.complete(link, draft.record))
        except (PartnerUnavailableError, PartnerTimeoutError) as error:
            completion.delay(draft, error)
        except RecordWithdrawnError:
            draft.is_withdrawn = True
        except ConnectorFailedError:
            raise
        except PayloadError as error:
            completion.failed.append((draft, _unreadable(draft.record, error)))
        else:
            completion.completed += 1
            draft.record = completed.record
            draft.attachments = completed.attachments
            completion.parts.extend(completed.unreadable)
            completion.withdrawn.extend(completed.withdrawn)


def _unreadable(record: Record, error: PayloadError) -> Unreadable:
    return Unreadable(
        kind=record.kind,
        partner_ref=record.partner_ref,
        reason=str(error),
        raw=error.raw or encode_record(record),
    )


def claim_file_of(connector: AnyConnector, record: Record) -> ClaimFileRef | None:
    """Ask the connector what a record says of its claim file.

    Raises:
        ConnectorFailedError: the connector is broken.
    """
    if record.claim is None:
        return None
    data = plainly_guarded("claim_data", lambda: connector.claim_data(record))
    return ClaimFileRef(claim=record.claim, data=data, at=record.status_changed_at)


def events_of(connector: AnyConnector, record: Record) -> Sequence[Event]:
    """Ask the connector what a record does to its claim file's life.

    Raises:
        ConnectorFailedError: the connector is broken.
    """
    if record.claim is None or type(connector).events is Connector.events:
        return ()
    events = plainly_guarded("events", lambda: tuple(connector.events(record)))
    for event in events:
        check_event(event)
    return events
