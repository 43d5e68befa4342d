"""The files of a delivery: which ones, and whether its operation takes them."""

from __future__ import annotations

from collections.abc import Sequence

from syncer.domain.deliveries import DeliveryFile
from syncer.domain.documents import Document
from syncer.domain.errors import FieldError, InvalidError
from syncer.ports.store import UnitOfWork
from syncer.sdk import FileRule

NONE = FileRule(most=0)
_FIELD = "/attachments"


async def resolve_files(
    uow: UnitOfWork, claim_file_id: str | None, ids: Sequence[str] | None, rule: FileRule | None
) -> list[DeliveryFile]:
    """Give the named documents and attachments of a claim file as they are now, in that order.

    Without names it is all documents of the file, where the rule says so.

    Raises:
        InvalidError: one is unknown, named twice, or not what the rule takes.
    """
    rule = rule or NONE
    if ids is None and rule.default_all and claim_file_id is not None:
        found = (await uow.documents.of_claim_files([claim_file_id]))[claim_file_id]
    else:
        found = await _named(uow, claim_file_id, ids or ())
    faults = [*_faults_of_number(found, rule), *_faults_of_files(found, rule)]
    if faults:
        raise InvalidError("These files cannot be sent.", faults)
    return [_file(document) for document in found]


async def _named(uow: UnitOfWork, claim_file_id: str | None, ids: Sequence[str]) -> list[Document]:
    known = {} if claim_file_id is None else await uow.documents.sendable(claim_file_id, ids)
    faults = []
    for place, id_ in enumerate(ids):
        if id_ in ids[:place]:
            faults.append(_fault(place, "is named twice"))
        elif id_ not in known:
            faults.append(_fault(place, "is no document or stored attachment of the claim file"))
    if faults:
        raise InvalidError("Not all files are there.", faults)
    return [known[id_] for id_ in ids]


def _faults_of_number(found: Sequence[Document], rule: FileRule) -> list[FieldError]:
    if len(found) < rule.least:
        message = f"must name at least {rule.least}"
    elif rule.most is not None and len(found) > rule.most:
        message = f"must name at most {rule.most}" if rule.most else "must name none"
    else:
        return []
    return [FieldError(pointer=_FIELD, message=message)]


def _faults_of_files(found: Sequence[Document], rule: FileRule) -> list[FieldError]:
    faults = []
    for place, document in enumerate(found):
        types = rule.content_types
        if types is not None and document.content_type not in types:
            faults.append(_fault(place, f"must be one of {', '.join(sorted(types))}"))
        if rule.most_bytes is not None and document.bytes > rule.most_bytes:
            faults.append(_fault(place, f"must have at most {rule.most_bytes} bytes"))
    return faults


def _fault(place: int, message: str) -> FieldError:
    return FieldError(pointer=f"{_FIELD}/{place}", message=message)


def _file(document: Document) -> DeliveryFile:
    return DeliveryFile(
        id=document.id,
        type=document.type,
        name=document.name,
        content_type=document.content_type,
        size_bytes=document.bytes,
        sha256=document.sha256,
    )
