"""The store as the services see it: units of work, and repositories named by domain verbs.

A write is one function over the unit of work: all of it is kept, or nothing. What it returns
is handed out after the commit. Functions do no I/O of their own and may be run again from the start
when the database asks for it, so they change nothing outside the unit of work.

Instants are aware UTC; the store keeps microseconds. Every ``find`` gives rows in a stated order,
and ``after`` is the sort key of the last row already seen.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from syncer.domain.claim_files import ClaimFile
from syncer.domain.feed import Change, ChangeType, FeedCursor, FeedEntry
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.domain.passes import Pass
from syncer.domain.records import Attachment, ClaimRef, Kind, RecordKey
from syncer.domain.stored import (
    AuditEntry,
    BreakerState,
    ClaimFileFilter,
    ClaimFileRef,
    DecisionWrite,
    KnownRecord,
    LinkFilter,
    LinkOutcome,
    QuarantinedItem,
    RecordFilter,
    RecordVersion,
    RecordWrite,
    RememberedAnswer,
    Repairer,
    SealedCredential,
    StoredAttachment,
    StoredRecord,
)
from syncer.ports.deliveries import Deliveries
from syncer.ports.documents import Completeness, DocumentRules, Documents
from syncer.ports.dwells import Dwells
from syncer.ports.lives import Lives
from syncer.ports.mails import Mails

T = TypeVar("T")


class Repairers(Protocol):
    """The businesses whose accounts we act for."""

    async def get(self, repairer: str) -> Repairer | None: ...

    async def find(self, *, after: str | None, limit: int) -> list[Repairer]:
        """List in order of id."""
        ...

    async def count(self) -> int: ...

    async def put(self, repairer: Repairer) -> bool:
        """Insert or replace; True when it is new."""
        ...

    async def keep_from_file(self, repairers: Sequence[Repairer]) -> None:
        """Make those of the file exist as given; ones no longer in it become ``api``."""
        ...


class Links(Protocol):
    """Links and their sync state. A row exists for every repairer and every enabled connector."""

    async def ensure(self, connectors: Collection[str], *, repairer: str | None = None) -> None:
        """Make the missing rows, ``unconfigured``, for one repairer or for all."""
        ...

    async def get(self, key: LinkKey) -> Link | None: ...

    async def with_credential(self, key: LinkKey) -> tuple[Link, SealedCredential | None] | None:
        """Give a link and its credentials, None where there are none; all that a pass opens."""
        ...

    async def find(self, wanted: LinkFilter, *, after: LinkKey | None, limit: int) -> list[Link]:
        """List in order of repairer, then connector."""
        ...

    async def count(self, wanted: LinkFilter) -> int: ...

    async def counts(self, keys: Sequence[LinkKey]) -> dict[LinkKey, dict[str, int]]:
        """Count what each link has.

        Names: records, queued, accepted, dismissed, excluded, taken_over, quarantined (unresolved),
        attachments_pending, attachments_refused, unknown_items.
        """
        ...

    async def due(
        self, now: datetime, *, connectors: Collection[str], limit: int
    ) -> list[tuple[Link, SealedCredential]]:
        """List active links that are due and not held, earliest first, with their credentials.

        ``has_leftovers`` is filled in here, in ``get`` and in ``with_credential``.
        """
        ...

    async def next_due_at(self, connectors: Collection[str]) -> datetime | None:
        """Give the earliest due time of the active links."""
        ...

    async def schedule(self, due: Mapping[LinkKey, datetime]) -> None:
        """Set due times."""
        ...

    async def scheduled(
        self, *, connectors: Collection[str], before: datetime | None, after: datetime | None
    ) -> list[Link]:
        """List active links whose due time is before, or after, an instant (start, clock jumps)."""
        ...

    async def finish(self, outcomes: Sequence[LinkOutcome]) -> None:
        """Write back what passes left on their links, many in one statement."""
        ...

    async def configured(
        self, key: LinkKey, *, generation: int, next_due_at: datetime, activation_cursor: str | None
    ) -> None:
        """Note that credentials were stored: the link becomes active."""
        ...

    async def settle_open(self, connector: str, *, closed_reason: str | None) -> None:
        """Put links that need no credentials where they belong.

        Without a reason the unconfigured ones become active; with one the active ones become
        unconfigured for it. Others stay.
        """
        ...

    async def note_activation(self, key: LinkKey, cursor: str) -> None:
        """Keep where the first pass starts, once it is known."""
        ...

    async def set_state(self, key: LinkKey, state: LinkState, reason: str | None) -> None: ...

    async def set_settings(
        self, key: LinkKey, settings: Mapping[str, Any], *, start_date: date | None
    ) -> None: ...

    async def reset(self, key: LinkKey) -> None:
        """Open the slot after a credentials reset; data, cursor and generation stay."""
        ...

    async def note_auth_failure(self, key: LinkKey, at: datetime) -> None: ...

    async def auth_failures_since(self, key: LinkKey, since: datetime) -> int: ...

    async def note_verification(self, key: LinkKey, at: datetime) -> None: ...

    async def verifications_since(self, key: LinkKey, since: datetime) -> list[datetime]:
        """Give the instants of verifications, oldest first."""
        ...


class Records(Protocol):
    """Inbound records, their versions and decisions."""

    async def known(
        self, link: LinkKey, keys: Collection[RecordKey]
    ) -> dict[RecordKey, KnownRecord]: ...

    async def add(self, rows: Sequence[RecordWrite]) -> None: ...

    async def replace(self, rows: Sequence[RecordWrite]) -> None:
        """Store new versions; those that were go to the history. Clears ``withdrawn``."""
        ...

    async def decide(self, rows: Sequence[DecisionWrite]) -> None: ...

    async def complete(self, id_: str, body: bytes, *, revision: str, version: int) -> None:
        """Replace the body of the present version by its completed form."""
        ...

    async def withdraw(self, ids: Collection[str]) -> None: ...

    async def take_over(self, id_: str, *, version: int, at: datetime) -> None: ...

    async def get(self, id_: str) -> StoredRecord | None: ...

    async def find(
        self, wanted: RecordFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[StoredRecord]:
        """List newest ``status_changed_at`` first, then id ascending."""
        ...

    async def count(self, wanted: RecordFilter) -> int: ...

    async def history(self, id_: str) -> list[RecordVersion]:
        """List the versions, newest first, the present one included."""
        ...

    async def of_link(self, link: LinkKey, *, after: str | None, limit: int) -> list[StoredRecord]:
        """Walk a link's records in order of id."""
        ...

    async def incomplete(self, link: LinkKey, *, limit: int) -> list[StoredRecord]:
        """List kept records that still have to be completed at the partner, oldest first."""
        ...

    async def refs(self, link: LinkKey, kind: Kind, *, but: Collection[str]) -> list[str]:
        """Give the partner_refs of what is held of a kind, in order.

        Withdrawn ones, and those whose status is one of ``but``, are left out.
        """
        ...

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[str]]:
        """Give the ids of the records of each claim file, excluded ones left out, oldest first."""
        ...


class ClaimFiles(Protocol):
    """Claim files."""

    async def ensure(
        self, link: LinkKey, refs: Sequence[ClaimFileRef], *, at: datetime
    ) -> dict[str, tuple[str, bool | None]]:
        """Make or complete the claim files that records name.

        Gives for each partner_ref the file's id and True when it was made, False when something
        in it changed, None when nothing did.
        """
        ...

    async def make(self, claim_file: ClaimFile) -> str | None:
        """Store one made by the planning system.

        Where another already has the reference, nothing is stored and that one's id is given.
        """
        ...

    async def save_person_data(
        self, id_: str, data: Mapping[str, Any], set_at: Mapping[str, str], *, at: datetime
    ) -> None: ...

    async def named(self, link: LinkKey, claim: ClaimRef) -> ClaimFile | None:
        """Give the file of a claim: by an id of the partner's, else by our reference."""
        ...

    async def name(self, id_: str, partner_ref: str, *, at: datetime) -> str | None:
        """Give a file the partner's id of its claim; one that has an id already gets it besides.

        One that a pull made for that id meanwhile is joined to it, with all that belongs to it but
        the log of its life, and its id is given. Where the planning system made both, nothing is
        done.
        """
        ...

    async def get(self, id_: str) -> ClaimFile | None: ...

    async def some(self, ids: Collection[str]) -> list[ClaimFile]:
        """Give those of the ids that there are, in order of id."""
        ...

    async def find(
        self, wanted: ClaimFileFilter, *, after: tuple[datetime, str] | None, limit: int
    ) -> list[ClaimFile]:
        """List newest ``updated_at`` first, then id ascending."""
        ...

    async def count(self, wanted: ClaimFileFilter) -> int: ...


class Attachments(Protocol):
    """Attachments of records; the content is in the blob store, under its SHA-256."""

    async def offer(
        self,
        link: LinkKey,
        attachments: Sequence[tuple[str, Attachment, str | None]],
        *,
        at: datetime,
    ) -> None:
        """Note announced attachments as (new id, attachment, claim file id).

        A known one (same owner and partner_ref) stays as it is, unless it was refused or its
        announced hash changed: then it is pending again. One whose announced hash is already stored
        for the same owner is stored at once with that content.
        """
        ...

    async def pending(self, link: LinkKey, *, limit: int) -> list[StoredAttachment]:
        """List what is still to be fetched, oldest first; only for records that are imported."""
        ...

    async def get(self, id_: str) -> StoredAttachment | None: ...

    async def stored(
        self, id_: str, *, sha256: str, bytes_: int, content_type: str, at: datetime
    ) -> None: ...

    async def refused(self, id_: str, reason: str, *, at: datetime) -> None: ...

    async def shown_on(self, records: Sequence[StoredRecord]) -> dict[str, list[StoredAttachment]]:
        """Give for each record id what is shown on it, in order of arrival.

        A file is shown on its owner. While the owner is not imported (unknown or excluded) it is
        shown on the other records of its claim file. Excluded records show none.
        """
        ...

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        """Say which contents are in use; for the sweep of orphaned files."""
        ...


class Quarantine(Protocol):
    """Items that could not be read."""

    async def add(self, items: Sequence[QuarantinedItem]) -> list[QuarantinedItem]:
        """Store items; gives those that were not already waiting with the same bytes."""
        ...

    async def get(self, id_: str) -> QuarantinedItem | None: ...

    async def find(
        self,
        *,
        repairers: tuple[str, ...] | None,
        connectors: tuple[str, ...] | None,
        unresolved_only: bool = False,
        after: str | None,
        limit: int,
    ) -> list[QuarantinedItem]:
        """List newest first (ids sort in time)."""
        ...

    async def count(
        self,
        *,
        repairers: tuple[str, ...] | None,
        connectors: tuple[str, ...] | None,
        unresolved_only: bool = False,
    ) -> int: ...

    async def resolve(self, link: LinkKey, keys: Collection[RecordKey], at: datetime) -> None:
        """Resolve the waiting items of objects that were read well since."""
        ...

    async def resolve_claims(self, link: LinkKey, refs: Collection[str], at: datetime) -> None:
        """Resolve the waiting items that are of no kind, of claims that were read well since."""
        ...

    async def note_unknown(
        self, link: LinkKey, items: Sequence[tuple[str, str | None, bytes]], *, at: datetime
    ) -> None:
        """Keep items of unknown type as (type, partner_ref, raw); the newest bytes of each."""
        ...


class Passes(Protocol):
    """Passes that are kept: refreshes, and scheduled ones that changed something or failed."""

    async def save(self, pass_: Pass) -> None:
        """Insert or update."""
        ...

    async def get(self, id_: str) -> Pass | None: ...

    async def find(
        self,
        *,
        repairers: tuple[str, ...] | None,
        connectors: tuple[str, ...] | None,
        states: tuple[str, ...] | None,
        after: str | None,
        limit: int,
    ) -> list[Pass]:
        """List newest first (ids sort in time)."""
        ...

    async def count(
        self,
        *,
        repairers: tuple[str, ...] | None,
        connectors: tuple[str, ...] | None,
        states: tuple[str, ...] | None,
    ) -> int: ...

    async def unended(self) -> list[Pass]:
        """List passes that an earlier process left queued or running."""
        ...


class Feed(Protocol):
    """The change feed. Entries get their place at commit, gapless and in order of commit."""

    def append(self, changes: Sequence[Change], *, at: datetime) -> None:
        """Add entries; they are numbered and written as the last statements of the write."""
        ...

    async def read(
        self, after: FeedCursor, *, limit: int, only: ChangeType | None = None
    ) -> list[FeedEntry]:
        """List entries after a cursor, in order.

        Raises:
            FeedResetError: the cursor is of another epoch, beyond the head, or was pruned.
        """
        ...

    async def head(self) -> FeedCursor: ...

    async def tail(self) -> FeedCursor:
        """Give the cursor before the oldest entry that is kept."""
        ...


class CredentialSlots(Protocol):
    """Sealed credentials. The database itself refuses a second one for a link."""

    async def get(self, link: LinkKey) -> SealedCredential | None: ...

    async def add(self, sealed: SealedCredential) -> None:
        """Insert; never replaces.

        Raises:
            ConflictError: ``credentials_already_set``.
        """
        ...

    async def reset(self, link: LinkKey, *, ticket: str, actor: str, at: datetime) -> bool:
        """Shred and remove the credential through the operator's procedure; False without one."""
        ...

    async def exist(self) -> bool: ...

    async def with_kid(
        self, kid: bytes, *, after: bytes = b"", limit: int
    ) -> list[SealedCredential]:
        """List what a root key wraps, in order of id."""
        ...

    async def rewrap(self, id_: bytes, *, old_kid: bytes, new_kid: bytes, wrapped: bytes) -> bool:
        """Swap the wrapped key if it is still under ``old_kid``; the credential never changes."""
        ...

    async def kids(self) -> dict[bytes, int]:
        """Count the wrapped keys under each root key."""
        ...


class Audit(Protocol):
    """The append-only audit chain."""

    async def last(self) -> AuditEntry | None: ...

    async def append(self, entry: AuditEntry) -> None: ...

    async def walk(self, *, after: int, limit: int) -> list[AuditEntry]:
        """List entries in order of seq."""
        ...


class Notes(Protocol):
    """Small durable facts: vault identity and canary, breakers, remembered answers."""

    async def get(self, name: str) -> bytes | None: ...

    async def put(self, name: str, value: bytes) -> None: ...

    async def breakers(self) -> list[BreakerState]: ...

    async def save_breaker(self, state: BreakerState) -> None: ...

    async def answer(self, route: str, key: str) -> RememberedAnswer | None: ...

    async def remember(
        self, route: str, key: str, answer: RememberedAnswer, *, at: datetime
    ) -> bool:
        """Keep an answer; False when the key is already taken and ``status`` was None."""
        ...

    async def forget(self, route: str, key: str) -> None: ...


class Pruning(Protocol):
    """Removal of what is older than its retention."""

    async def prune(
        self, *, passes: datetime, changes: datetime, history: datetime, answers: datetime
    ) -> dict[str, int]:
        """Remove what is older than the instants; gives the numbers of removed rows by name.

        One call removes a bounded batch of each; call again, in a new write, until none is left.
        """
        ...


class UnitOfWork(Protocol):
    """All repositories over one transaction (or one read-only snapshot)."""

    repairers: Repairers
    links: Links
    records: Records
    claim_files: ClaimFiles
    lives: Lives
    attachments: Attachments
    documents: Documents
    deliveries: Deliveries
    mails: Mails
    dwells: Dwells
    document_rules: DocumentRules
    completeness: Completeness
    quarantine: Quarantine
    passes: Passes
    feed: Feed
    credentials: CredentialSlots
    audit: Audit
    notes: Notes
    pruning: Pruning


class Store(Protocol):
    """Durable state."""

    async def write(self, work: Callable[[UnitOfWork], Awaitable[T]]) -> T:
        """Run a write and give its result after the commit.

        Cancelling the caller changes nothing half-way: the write is kept or rolled back as a whole.
        ``work`` awaits nothing but its unit of work and touches nothing that others change: it may
        run in a thread of the store.

        Raises:
            StorageFullError: the disk is full; nothing was kept.
            StoreBusyError: another program held the database beyond the bounded wait.
        """
        ...

    def read(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """Open a read-only snapshot; keep it short and do not await anything else in it."""
        ...

    async def checkpoint(self) -> None:
        """Leave no trace of removed rows in the database's log."""
        ...

    async def changed(self, after: FeedCursor, *, timeout_seconds: float) -> bool:
        """Wait until the feed has an entry after the cursor; False when the time is over."""
        ...
