"""Attachments: fetched as streams, verified, kept by content, never trusted by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from syncer.domain.errors import (
    EgressRefusedError,
    NotFoundError,
    PayloadError,
    RecordWithdrawnError,
    RetryableError,
    TooLargeError,
    UnexpectedAnswerError,
)
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.filetypes import agrees, sniff
from syncer.domain.links import LinkKey
from syncer.domain.records import Attachment
from syncer.domain.stored import AttachmentState, StoredAttachment
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.blobs import Blob, BlobStore, BlobWriter
from syncer.ports.store import Store, UnitOfWork
from syncer.services.guard import guarded, together
from syncer.services.opening import AnyConnector, AnyLink

AT_ONCE = 100
LONGEST_FETCHING_SECONDS = 600
"""For the attachments of one pass; what is left waits for the next one."""
_GONE = frozenset({404, 410})


@dataclass(slots=True, kw_only=True)
class Fetched:
    """What became of the attachments of a pass; ``is_whole`` unless one is refused or pending.

    ``until`` is when, on the monotonic clock, no more are begun.
    """

    until: float
    stored: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A stored content with the name and type to hand it out under."""

    id: str
    name: str | None
    content_type: str | None
    path: Path


class _RefusedContentError(PayloadError):
    """The content is not what we keep; the text is the reason that people see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentService:
    """Fetches what records announced, and gives out what is stored. ``max_bytes`` bounds a file."""

    store: Store
    blobs: BlobStore
    clock: Clock
    max_bytes: int

    async def content(self, id_: str) -> Content:
        """Give the content of a stored attachment, or of a document of a claim file.

        Raises:
            NotFoundError: there is no such attachment or document, or its content is not stored.
        """
        async with self.store.read() as uow:
            found = await uow.documents.get(id_) or await _stored(uow, id_)
        path = await self.blobs.open(found.sha256 or "")
        if path is None:
            raise NotFoundError("The content of the attachment is missing on the disk.")
        return Content(id=id_, name=found.name, content_type=found.content_type, path=path)

    async def fetch_pending(self, key: LinkKey, connector: AnyConnector, link: AnyLink) -> Fetched:
        """Fetch what is pending on a link; what fails for now stays pending for the next pass.

        Raises:
            CredentialsRejectedError: the partner refused the credentials.
            RetryableError: what was refused could not be noted.
        """
        fetched = Fetched(until=self.clock.monotonic() + LONGEST_FETCHING_SECONDS)
        tried: set[str] = set()
        while True:
            async with self.store.read() as uow:
                pending = await uow.attachments.pending(key, limit=AT_ONCE + len(tried))
            waiting = [one for one in pending if one.id not in tried]
            if not waiting or self.clock.monotonic() > fetched.until:
                return fetched
            tried.update(one.id for one in waiting)
            await self._fetch_all(connector, link, waiting, fetched)

    async def _fetch_all(
        self,
        connector: AnyConnector,
        link: AnyLink,
        waiting: list[StoredAttachment],
        fetched: Fetched,
    ) -> None:
        each = iter(waiting)
        at_once = min(connector.limits.concurrent, len(waiting))
        await together(self._fetch_each(connector, link, each, fetched) for _ in range(at_once))

    async def _fetch_each(
        self,
        connector: AnyConnector,
        link: AnyLink,
        waiting: Iterator[StoredAttachment],
        fetched: Fetched,
    ) -> None:
        for stored in waiting:
            if self.clock.monotonic() > fetched.until:
                fetched.is_whole = False
                return
            try:
                await guarded(self._fetch(connector, link, stored))
            except RetryableError:
                fetched.is_whole = False
            except (PayloadError, RecordWithdrawnError, NotFoundError, EgressRefusedError) as error:
                fetched.is_whole = False
                await self._refuse(stored, _reason(error))
            else:
                fetched.stored += 1

    async def _fetch(
        self, connector: AnyConnector, link: AnyLink, stored: StoredAttachment
    ) -> None:
        async with self.blobs.receive() as writer:
            async with connector.fetch(link, stored.attachment) as download:
                announced_type = download.headers.get("content-type")
                received = 0
                async for chunk in download.chunks():
                    received += len(chunk)
                    self._check_size(received)
                    await writer.write(chunk)
            blob = await writer.finish()
            content_type = _verified(stored.attachment, blob, announced_type)
            await self._keep(stored, writer, blob, content_type)

    def _check_size(self, received: int) -> None:
        if received > self.max_bytes:
            raise _RefusedContentError("too large")

    async def _keep(
        self, stored: StoredAttachment, writer: BlobWriter, blob: Blob, content_type: str
    ) -> None:
        await writer.keep()
        at = self.clock.now()

        async def write(uow: UnitOfWork) -> None:
            await uow.attachments.stored(
                stored.id, sha256=blob.sha256, bytes_=blob.bytes, content_type=content_type, at=at
            )
            data = {"kind": stored.attachment.kind, "sha256": blob.sha256, "bytes": blob.bytes}
            _append(uow, ChangeType.ATTACHMENT_STORED, stored, data, at)

        await self.store.write(write)
        crash_point("attachment-stored")

    async def _refuse(self, stored: StoredAttachment, reason: str) -> None:
        at = self.clock.now()

        async def write(uow: UnitOfWork) -> None:
            await uow.attachments.refused(stored.id, reason, at=at)
            data = {"kind": stored.attachment.kind, "reason": reason}
            _append(uow, ChangeType.ATTACHMENT_REFUSED, stored, data, at)

        await self.store.write(write)


async def _stored(uow: UnitOfWork, id_: str) -> Attachment:
    stored = await uow.attachments.get(id_)
    if stored is None or stored.state is not AttachmentState.STORED:
        raise NotFoundError("There is no stored attachment or document of that id.")
    return stored.attachment


def _verified(attachment: Attachment, blob: Blob, announced_type: str | None) -> str:
    """Check a received content against what was announced; gives its real type."""
    if attachment.sha256 is not None and blob.sha256 != attachment.sha256.lower():
        raise _RefusedContentError("hash differs")
    if attachment.bytes is not None and blob.bytes != attachment.bytes:
        raise _RefusedContentError("size differs")
    content_type = sniff(blob.head)
    if content_type is None:
        raise _RefusedContentError("type not allowed")
    if not (agrees(attachment.content_type, content_type) and agrees(announced_type, content_type)):
        raise _RefusedContentError("type differs")
    return content_type


def _reason(error: Exception) -> str:
    if isinstance(error, _RefusedContentError):
        return str(error)
    if isinstance(error, EgressRefusedError):
        return "blocked destination"
    gone = isinstance(error, UnexpectedAnswerError) and error.status in _GONE
    if gone or isinstance(error, RecordWithdrawnError | NotFoundError):
        return "gone at the partner"
    if isinstance(error, TooLargeError):
        return "too large"
    return f"unreadable: {error}"


def _append(
    uow: UnitOfWork,
    type_: ChangeType,
    stored: StoredAttachment,
    data: Mapping[str, object],
    at: datetime,
) -> None:
    owner = stored.attachment.owner
    change = Change(
        type=type_,
        repairer=stored.link.repairer,
        connector=stored.link.connector,
        subject_type=SubjectType.ATTACHMENT,
        subject_id=stored.id,
        data={"owner": owner.partner_ref, **data},
    )
    uow.feed.append([change], at=at)
