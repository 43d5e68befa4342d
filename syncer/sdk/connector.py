"""The connector: one class per partner, and the hook that hands it to the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal

import pluggy

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import ExpectedDocument
from syncer.domain.errors import NotFoundError
from syncer.domain.lifecycles import Event
from syncer.domain.records import Attachment, ClaimRef, Kind, Record, RecordKey
from syncer.sdk.delivery import Delivery, Receipt
from syncer.sdk.http import Download, PartnerLimits
from syncer.sdk.lifecycle import Lifecycle
from syncer.sdk.link import C, Link, S, Transport
from syncer.sdk.login import Login
from syncer.sdk.models import Credentials, Settings
from syncer.sdk.operation import Operation, Payload
from syncer.sdk.page import Page, Unreadable

SDK_VERSION = 1
"""Raised when a connector written for the previous SDK would no longer run."""

hookimpl = pluggy.HookimplMarker("syncer")
"""Marks ``register_connectors(register)`` in a connector's module; it calls ``register(Class)``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A record with all that the listing did not hold, and the files that belong to it.

    ``withdrawn`` names other records that turned out to be gone on the way. ``unreadable`` are
    parts (one photo of many) that are set aside without their record.
    """

    record: Record
    attachments: Sequence[Attachment] = ()
    withdrawn: Sequence[RecordKey] = ()
    unreadable: Sequence[Unreadable] = ()


class Connector(ABC, Generic[C, S]):
    """The plugin for one partner. One instance serves all links and keeps no state of theirs.

    Only ``SyncerError`` subclasses may leave a method; which to raise when is a table in
    docs/connector-guide.md.
    """

    sdk_version: ClassVar[int] = SDK_VERSION
    name: ClassVar[str]
    """Slug; equals the entry point's name."""
    title: ClassVar[str]
    """Name for people."""
    version: ClassVar[str]
    wire_format: ClassVar[Literal["vendor", "profile"]]
    """Whether the partner's published format is spoken, or our own profile of it."""
    kinds: ClassVar[frozenset[Kind]]
    """Kinds of record that ``pull`` may give; any other is refused."""
    fixed_records: ClassVar[bool] = False
    """Whether a record never changes at the partner (a message). The same reference with another
    revision is then no new version: it is set aside with its bytes, ``Page.originals``."""
    credentials: ClassVar[type[Credentials]]
    """What a link needs once. Where no HTTP is spoken the model may have no fields: such links are
    active as soon as what they reach the partner by is configured."""
    settings: ClassVar[type[Settings]] = Settings
    settings_group: ClassVar[str | None] = None
    """Settings group used when the configuration names none."""
    supersedes: ClassVar[frozenset[str]] = frozenset()
    """Connectors that send nothing any more once this one is enabled."""
    limits: ClassVar[PartnerLimits]
    reference_max_length: ClassVar[int] = 255
    """Longest claim-file reference that the partner takes."""
    transports: ClassVar[frozenset[Transport]] = frozenset({Transport.HTTP})
    """What the link reaches the partner by; ``link`` holds these sessions and no others."""
    pulls: ClassVar[bool] = True
    """Whether there is anything to read; without it there are no passes."""
    operations: ClassVar[Sequence[Operation]] = ()
    """What can be sent."""
    lifecycle: ClassVar[Lifecycle | None] = None
    """The life of its claim files; None where they have no states."""
    document_rules: ClassVar[Mapping[str, Sequence[ExpectedDocument]]] = {}
    """Documents that are expected by type of claim (``*``: any), unless the operator says else."""
    waiting_statuses: ClassVar[frozenset[str]] = frozenset()
    """Statuses of solicitations that may want an answer of a person; see ``waits_for_person``."""
    any_claim_file: ClassVar[bool] = False
    """Whether it delivers for claim files of other connectors too."""

    def folder_of(self, credentials: C) -> str:
        """Name the link's folder below the connector's ``root``; for those with that transport."""
        raise NotFoundError("This connector exchanges no files.")

    def auth_headers(self, credentials: C) -> Mapping[str, str]:
        """Give the headers that prove who we are; sent with every request of the link."""
        return {}

    async def authenticate(self, link: Link[C, S]) -> Login:
        """Log in, at partners that want a session; override it and the host does the rest.

        Called when a request needs it, never twice at once for a link, and once more after the
        partner ended the login. What it gives is kept in memory between passes. Requests made here
        carry no login.

        Raises:
            CredentialsRejectedError: the partner refused the login.
        """
        raise NotFoundError("This connector does not log in.")

    def is_signed_out(self, settings: S, status: int, location: str | None) -> bool:
        """Say whether an answer means that the login has ended; ``location`` is its redirect."""
        return status in {401, 403}

    async def sign_out(self, link: Link[C, S]) -> None:
        """End the login at the partner; called when the host is done with it."""

    @abstractmethod
    async def check(self, link: Link[C, S]) -> None:
        """Ask the partner whether the credentials are good; at most a few requests.

        Raises:
            CredentialsRejectedError: when they are not.
        """

    @abstractmethod
    async def pull(self, link: Link[C, S], cursor: str | None) -> Page:
        """Read one page of what changed since ``cursor``; the host owns the loop.

        ``cursor`` is a text of ours: ``first_cursor``'s, or the last page's ``next_cursor``; None
        only when ``first_cursor`` gave None. One bad item is put under ``unreadable`` and the rest
        goes on.
        """

    async def first_cursor(self, link: Link[C, S]) -> str | None:
        """Say where the very first pass starts: at ``link.start_date`` if chosen, else now.

        Asked when credentials are stored, again when a start date was chosen, and at the first pass
        when it could not be asked before. None: from the beginning.
        """
        return None

    async def complete(self, link: Link[C, S], record: Record) -> Completed:
        """Load what the listing does not hold, for a record that the intake keeps.

        Called after the decision and before the page is stored, for new and changed records, and
        again when an excluded record comes back. Not called unless overridden.

        Raises:
            RecordWithdrawnError: the partner no longer has the object.
            PayloadError: this record cannot be read; it is set aside, the others go on.
        """
        return Completed(record=record)

    async def reread(self, link: Link[C, S], key: RecordKey) -> Record:
        """Read one object again, for ``retry`` of a quarantined item; the host completes it.

        Raises:
            NotFoundError: when this partner has no request for that, or does not know the object.
            RecordWithdrawnError: the partner no longer has the object.
        """
        raise NotFoundError("This partner cannot be asked for a single object.")

    def fetch(
        self, link: Link[C, S], attachment: Attachment
    ) -> AbstractAsyncContextManager[Download]:
        """Open the content of an attachment as a stream, usually ``link.http.download(path)``.

        Raises:
            RecordWithdrawnError: the partner no longer has the record that the file belongs to.
        """
        raise NotFoundError("This partner has no attachments.")

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        """Say what the record contributes to its claim file's ``data``, as nested JSON values."""
        return {}

    def waits_for_person(self, record: Record) -> str | None:
        """Say what a stored solicitation wants of a person, as one line of the attention list.

        Asked for those with one of ``waiting_statuses``. None: nothing.
        """
        return None

    def events(self, record: Record) -> Sequence[Event]:
        """Say what the record does to its claim file's life; pure.

        Asked for new and changed records once they are complete. The events count while the record
        is not excluded; those of one that is let in later count then.
        """
        return ()

    async def settle(self, link: Link[C, S], page: Page) -> None:
        """Tell the partner that a page is stored (acknowledge its messages).

        Called after each page's commit, and again when a crash or an error came between: it must
        be repeatable, and for records that were known before just the same. Not called for a page
        of which something could not be stored; that page comes again.

        Raises:
            RetryableError: the pass fails, and the next one pulls the page again.
        """

    # -- outbound ---------------------------------------------------------------------------------

    def validate(self, delivery: Delivery[Any], settings: S) -> None:
        """Check a delivery before it is accepted; pure. The host has checked payload and files.

        Raises:
            InvalidError: a field is missing or bad; pointers into ``/payload``, ``/attachments`` or
                ``/claim_file/data``.
            ConflictError: the claim file does not allow it now.
            TooLargeError: what is to be sent is larger than the partner takes.
        """

    async def deliver(self, link: Link[C, S], delivery: Delivery[Any]) -> Receipt:
        """Make one attempt at a delivery; never called twice at once for one delivery.

        When it raises after something was sent that was not clearly refused, the host takes the
        answer for lost and goes on as the operation's ``lost_answer`` says.

        Raises:
            DeliveryRejectedError: the partner refused it; a repeat changes nothing.
            DeliveryBlockedError: the partner does not offer the operation now.
            CredentialsRejectedError, RetryableError: as ``link.http`` raises them.
        """
        raise NotFoundError("This connector sends nothing.")

    async def look_up(self, link: Link[C, S], delivery: Delivery[Any]) -> Receipt | None:
        """Ask whether a delivery in doubt took effect; None: it did not, so it is sent again.

        Asked before anything is sent again, for operations whose lost answer is a ``lookup``.
        """
        return None

    def claim_of(self, payload: Payload) -> ClaimRef:
        """Name the claim file that an operation with ``makes_claim_file`` makes."""
        raise NotFoundError("This connector makes no claim files.")

    def delivery_events(self, delivery: Delivery[Any], receipt: Receipt) -> Sequence[Event]:
        """Say what a delivery that is through does to its claim file's life.

        The receipt has its instant: the partner's where it gave one, else when it came.
        """
        return ()

    async def choices(self, link: Link[C, S], field: str) -> Sequence[Mapping[str, Any]]:
        """List what the partner offers for a field of an operation or claim file, as JSON objects.

        Raises:
            NotFoundError: the field has no choices.
        """
        raise NotFoundError("This field has no choices.")

    def assess(self, claim_file: ClaimFile) -> Mapping[str, Any]:
        """Judge the data of a claim file, as far as the partner's rules are known; pure.

        Raises:
            NotFoundError: this connector has nothing to judge.
        """
        raise NotFoundError("This connector does not assess claim files.")
