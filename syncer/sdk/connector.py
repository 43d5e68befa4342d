"""The connector: one class per partner, and the hook that hands it to the host."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Literal

import pluggy

from syncer.domain.errors import NotFoundError
from syncer.domain.records import Attachment, Kind, Record, RecordKey
from syncer.sdk.http import Download, PartnerLimits
from syncer.sdk.link import C, Link, S
from syncer.sdk.models import Credentials, Settings
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
    credentials: ClassVar[type[Credentials]]
    settings: ClassVar[type[Settings]] = Settings
    settings_group: ClassVar[str | None] = None
    """Settings group used when the configuration names none."""
    supersedes: ClassVar[frozenset[str]] = frozenset()
    """Connectors that send nothing any more once this one is enabled."""
    limits: ClassVar[PartnerLimits]
    reference_max_length: ClassVar[int] = 255
    """Longest claim-file reference that the partner takes."""

    @abstractmethod
    def auth_headers(self, credentials: C) -> Mapping[str, str]:
        """Give the headers that prove who we are; sent with every request of the link."""

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
