"""Documents of claim files: handed in, classified, replaced, removed, and shown."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import Row
from syncer.domain.documents import UNCLASSIFIED, Document
from syncer.domain.errors import ConflictError, FieldError, InvalidError, NotFoundError
from syncer.domain.filenames import safe_name
from syncer.domain.filetypes import KEPT_TYPES, agrees, sniff
from syncer.domain.instants import to_text
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.blobs import ReceivedFile
from syncer.ports.store import Store, UnitOfWork
from syncer.services.claim_files import stored_claim_file
from syncer.services.completeness import count_and_tell, rows_on
from syncer.services.preconditions import Precondition
from syncer.services.record_json import Json

Remember = Callable[[UnitOfWork, Json, bool], Awaitable[None]]
"""Notes the answer within the write that brought it about; says whether the document is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentService:
    """The documents of claim files. ``unless_stale`` looks at the list as ``rows`` gives it."""

    store: Store
    clock: Clock
    ids: Ids

    async def rows(self, claim_file_id: str) -> Json:
        """List the documents of a claim file by type.

        Raises:
            NotFoundError: there is no such claim file.
        """
        async with self.store.read() as uow:
            return await list_view(uow, await stored_claim_file(uow, claim_file_id))

    async def hand_in(
        self,
        claim_file_id: str,
        file: ReceivedFile,
        type_: str | None,
        *,
        remember: Remember | None = None,
    ) -> tuple[Json, bool]:
        """Keep a file as a document of the claim file; True when it is new.

        A content that the file already has under this type, or that comes without a type, is the
        document that is there; one that was not classified yet is classified now.

        Raises:
            NotFoundError: there is no such claim file.
            InvalidError: the content is not of a kind that is kept, or not what it is called.
        """
        type_ = None if type_ == UNCLASSIFIED else type_
        content_type = _checked(file)
        async with self.store.read() as uow:
            await stored_claim_file(uow, claim_file_id)
        await file.keep()
        crash_point("document-received")

        async def work(uow: UnitOfWork) -> tuple[Json, bool]:
            claim_file = await stored_claim_file(uow, claim_file_id)
            alike = await uow.documents.alike(claim_file_id, file.blob.sha256)
            document = _known_as(alike, type_)
            is_new = document is None
            if document is None:
                document = self._made(claim_file_id, file, content_type, type_)
                await uow.documents.add(document)
                await count_and_tell(uow, claim_file, at=self.clock.now())
            elif type_ is not None and document.type != type_:
                document = replace(document, type=type_)
                await uow.documents.save(document)
                await count_and_tell(uow, claim_file, at=self.clock.now())
            view = document_view(document)
            if remember is not None:
                await remember(uow, view, is_new)
            return view, is_new

        done = await self.store.write(work)
        crash_point("document-stored")
        return done

    async def classify(
        self,
        claim_file_id: str,
        id_: str,
        type_: str,
        *,
        unless_stale: Precondition | None = None,
    ) -> Json:
        """Say which document type it is; an attachment of the claim file becomes a document.

        Raises:
            NotFoundError: there is no such claim file, or nothing of that id on it.
            ConflictError: ``document_known``: the same content is there under this type.
            StaleError: the caller saw another list.
        """

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, claim_file_id)
            await check_list(uow, claim_file, unless_stale)
            known = await _of(uow, claim_file_id, id_)
            document = known or await uow.documents.attachment(claim_file_id, id_)
            if document is None:
                raise NotFoundError("The claim file has no document or stored attachment of it.")
            if known is None or document.type != type_:
                document = replace(document, type=type_)
                await _refuse_twin(uow, document)
                await (uow.documents.add if known is None else uow.documents.save)(document)
                await count_and_tell(uow, claim_file, at=self.clock.now())
            return document_view(document)

        return await self.store.write(work)

    async def replace(
        self,
        claim_file_id: str,
        id_: str,
        file: ReceivedFile,
        *,
        unless_stale: Precondition | None = None,
    ) -> Json:
        """Give a document another content; its id and type stay.

        Raises:
            NotFoundError: there is no such claim file, or no such document on it.
            InvalidError: the content is not of a kind that is kept, or not what it is called.
            ConflictError: ``document_known``: the content is there under this type;
                ``attachment_content``: an attachment's content is the partner's.
            StaleError: the caller saw another list.
        """
        content_type = _checked(file)
        async with self.store.read() as uow:
            await _document(uow, claim_file_id, id_)
        await file.keep()

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, claim_file_id)
            await check_list(uow, claim_file, unless_stale)
            document = await _document(uow, claim_file_id, id_)
            if document.is_attachment:
                text = "It is an attachment of a record; only the partner changes its content."
                raise ConflictError("attachment_content", text)
            if document.sha256 != file.blob.sha256:
                document = replace(
                    self._made(claim_file_id, file, content_type, document.type), id=id_
                )
                await _refuse_twin(uow, document)
                await uow.documents.save(document)
                await count_and_tell(uow, claim_file, at=self.clock.now())
            return document_view(document)

        return await self.store.write(work)

    async def remove(
        self, claim_file_id: str, id_: str, *, unless_stale: Precondition | None = None
    ) -> None:
        """Take a document away; an attachment is only no document any more.

        Deliveries that were accepted with it keep its content.

        Raises:
            NotFoundError: there is no such claim file, or no such document on it.
            StaleError: the caller saw another list.
        """

        async def work(uow: UnitOfWork) -> None:
            claim_file = await stored_claim_file(uow, claim_file_id)
            await check_list(uow, claim_file, unless_stale)
            await _document(uow, claim_file_id, id_)
            await uow.documents.remove(id_)
            await count_and_tell(uow, claim_file, at=self.clock.now())

        await self.store.write(work)

    def _made(
        self, claim_file_id: str, file: ReceivedFile, content_type: str, type_: str | None
    ) -> Document:
        return Document(
            id=self.ids.new(),
            claim_file_id=claim_file_id,
            type=type_ or UNCLASSIFIED,
            name=safe_name(file.name) or f"document.{KEPT_TYPES[content_type]}",
            content_type=content_type,
            bytes=file.blob.bytes,
            sha256=file.blob.sha256,
            at=self.clock.now(),
        )


def document_view(document: Document) -> Json:
    """Give one document as the API shows it."""
    return {"type": document.type, **_file_view(document)}


def _file_view(document: Document) -> Json:
    return {
        "id": document.id,
        "name": document.name,
        "content_type": document.content_type,
        "bytes": document.bytes,
        "sha256": document.sha256,
        "at": to_text(document.at),
    }


def row_view(row: Row) -> Json:
    """Give one document type of a claim file as the API shows it."""
    waiver = row.waiver
    return {
        "type": row.type,
        "label": row.label,
        "required": row.required,
        "state": row.state,
        "waiver": waiver and {"reason": waiver.reason, "by": waiver.by, "at": to_text(waiver.at)},
        "documents": [_file_view(document) for document in row.documents],
    }


async def list_view(uow: UnitOfWork, claim_file: ClaimFile) -> Json:
    """Give the list of a claim file's documents as the API shows it."""
    rows = [row_view(row) for row in (await rows_on(uow, [claim_file]))[claim_file.id]]
    return {"items": rows, "next": None, "total": len(rows)}


async def check_list(
    uow: UnitOfWork, claim_file: ClaimFile, unless_stale: Precondition | None
) -> None:
    """Look at the list that the caller saw.

    Raises:
        StaleError: it is another one now.
    """
    if unless_stale is not None:
        unless_stale(await list_view(uow, claim_file))


async def _of(uow: UnitOfWork, claim_file_id: str, id_: str) -> Document | None:
    document = await uow.documents.get(id_)
    return document if document is not None and document.claim_file_id == claim_file_id else None


async def _document(uow: UnitOfWork, claim_file_id: str, id_: str) -> Document:
    document = await _of(uow, claim_file_id, id_)
    if document is None:
        raise NotFoundError("The claim file has no document of this id.")
    return document


async def _refuse_twin(uow: UnitOfWork, document: Document) -> None:
    alike = await uow.documents.alike(document.claim_file_id, document.sha256)
    twins = (one for one in alike if one.type == document.type and one.id != document.id)
    twin = next(twins, None)
    if twin is not None:
        text = "The claim file has this content as a document of this type already."
        raise ConflictError("document_known", text, id=twin.id)


def _known_as(alike: Sequence[Document], type_: str | None) -> Document | None:
    """Find the document that a content is already, when it comes under a type or without one."""
    if type_ is None:
        return alike[0] if alike else None
    by_type = {document.type: document for document in alike}
    return by_type.get(type_) or by_type.get(UNCLASSIFIED)


def _checked(file: ReceivedFile) -> str:
    """Tell the type from the content; names and what is declared are not trusted."""
    content_type = sniff(file.blob.head)
    if content_type is None:
        kinds = ", ".join(sorted(ending.upper() for ending in KEPT_TYPES.values()))
        raise _bad_file(f"must be one of {kinds} by its content")
    if not agrees(file.content_type, content_type):
        raise _bad_file(f"is {content_type} by its content, not what it is declared as")
    return content_type


def _bad_file(message: str) -> InvalidError:
    fault = FieldError(pointer="/file", message=message)
    return InvalidError("The file is not valid.", [fault])
