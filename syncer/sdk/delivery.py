"""A delivery as a connector sees it, and what a connector says of one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import MarkState
from syncer.domain.records import RecordKey
from syncer.sdk.operation import Operation, Payload

P = TypeVar("P", bound=Payload)
Json = Any


async def _nothing_noted(_step: str, _value: Json) -> None:
    """Keep nothing: while a delivery is only validated there is nothing to keep."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingFile:
    """A file that goes along: a document of the claim file, or an attachment of its records.

    ``type`` is the document type, or the attachment's kind. ``sha256`` is lowercase hex. ``name``
    is text from outside: never a path. The content does not change while the delivery lives.
    """

    id: str
    type: str
    name: str
    content_type: str
    size_bytes: int
    sha256: str
    chunks: Callable[[], AsyncIterator[bytes]] = field(repr=False, compare=False)
    """Opens the content anew with each call and yields it piece by piece."""

    async def read(self) -> bytes:
        """Give the whole content; for partners that take no stream."""
        return b"".join([chunk async for chunk in self.chunks()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(Generic[P]):
    """One durable intention to do one operation.

    ``id`` is ours; ``key`` is a UUID that stays the same for the delivery's whole life and is made
    for partners that honour an idempotency key. ``in_doubt`` says that an earlier attempt may have
    taken effect without our learning of it; it stays true for the attempt that follows a look-up
    that found nothing. ``was_sent``: an earlier attempt sent something, even if it was refused or
    failed. ``notes`` is what earlier attempts noted, step by
    step. ``claim_file`` is None only while a file is still to be made. ``dry_run``: nothing may
    happen at the partner. ``records`` are those that the payload names, by field.
    """

    id: str
    key: str
    operation: Operation
    payload: P
    claim_file: ClaimFile | None
    files: Sequence[OutgoingFile] = ()
    records: Mapping[str, RecordKey] = field(default_factory=dict)
    in_doubt: bool = False
    was_sent: bool = False
    dry_run: bool = False
    accepted_at: datetime
    notes: Mapping[str, Json] = field(default_factory=dict)
    keep_note: Callable[[str, Json], Awaitable[None]] = field(
        default=_nothing_noted, repr=False, compare=False
    )

    async def note(self, step: str, value: Json) -> None:
        """Keep durably that a step is through, so that no later attempt does it again.

        Returns after the commit. What was sent before the note counts as settled: the delivery is
        no longer in doubt because of it. ``value`` is JSON; the same step again replaces it.
        """
        await self.keep_note(step, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """How an expected document stands at the partner; ``state`` None: it misses it.

    A ``reason`` that is None leaves the one that was given before, while the state is the same.
    """

    type: str
    state: MarkState | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What the partner said of a delivery that took effect.

    ``partner_ref`` is the partner's own id of the claim when it gave one; it is stored on the claim
    file. ``incomplete`` are the document types that the partner still misses. ``at`` None: now.
    ``is_final`` False: the partner confirms later (``Page.confirmations``); the delivery is *sent*.
    ``pieces`` are expected documents of the claim file that stand otherwise by it. ``raw`` are JSON
    values as the partner gave them.
    """

    partner_ref: str | None = None
    at: datetime | None = None
    incomplete: Sequence[str] = ()
    pieces: Sequence[Piece] = ()
    raw: Mapping[str, Json] = field(default_factory=dict)
    is_final: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What a partner says later of a delivery that was sent; ``delivery_id`` is ours.

    ``order`` is where it stands among the events of the page's records (``Event.order``).
    A connector with ``fixed_records`` gives ``partner_ref`` and ``revision`` of the message that
    says it, and its bytes as ``original``: one that contradicts what is known is set aside.
    """

    delivery_id: str
    is_accepted: bool
    at: datetime
    order: int = 0
    reason: str | None = None
    raw: Mapping[str, Json] = field(default_factory=dict)
    partner_ref: str | None = None
    revision: str = ""
    original: bytes = field(default=b"", repr=False)
