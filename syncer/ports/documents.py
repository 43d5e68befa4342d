"""Documents of claim files, as the services see them in the store."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from syncer.domain.documents import Document


class Documents(Protocol):
    """Documents of claim files; the content is in the blob store, under its SHA-256.

    A claim file has one content only once for each type: who adds or saves looks first.
    """

    async def get(self, id_: str) -> Document | None: ...

    async def of_claim_file(self, claim_file_id: str) -> list[Document]:
        """List in order of arrival."""
        ...

    async def alike(self, claim_file_id: str, sha256: str) -> list[Document]:
        """List the documents of a claim file that have this content, in order of arrival."""
        ...

    async def attachment(self, claim_file_id: str, id_: str) -> Document | None:
        """Give a stored attachment of the claim file's records as the document that it could be.

        Its ``type`` is the attachment's kind. None when it has no content yet, or belongs to
        another file.
        """
        ...

    async def sendable(self, claim_file_id: str, ids: Collection[str]) -> dict[str, Document]:
        """Give those of the ids that are documents or stored attachments of the claim file."""
        ...

    async def add(self, document: Document) -> None: ...

    async def save(self, document: Document) -> None:
        """Write what is new of a known one; its claim file stays."""
        ...

    async def remove(self, id_: str) -> None: ...

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        """Say which contents are in use; for the sweep of orphaned files."""
        ...
