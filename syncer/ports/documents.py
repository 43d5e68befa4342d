"""Documents of claim files and what is expected of them, as the services see them in the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import By, Counts, Incomplete, Mark, MissingFilter, RuleSet
from syncer.domain.documents import Document


class Documents(Protocol):
    """Documents of claim files; the content is in the blob store, under its SHA-256.

    A claim file has one content only once for each type: who adds or saves looks first.
    """

    async def get(self, id_: str) -> Document | None: ...

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[Document]]:
        """List in order of arrival; every id is a key."""
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


class DocumentRules(Protocol):
    """Rule sets, one for each connector and type of claim; either may be ``*``."""

    async def get(self, connector: str, claim_type: str) -> RuleSet | None: ...

    async def all(self) -> list[RuleSet]:
        """List in order of connector, then type."""
        ...

    async def of_connectors(self, connectors: Collection[str]) -> dict[tuple[str, str], RuleSet]:
        """Give what may apply to claim files of these connectors, by connector and type."""
        ...

    async def put(self, rule_set: RuleSet) -> bool:
        """Insert or replace; True when it is new."""
        ...

    async def remove(self, connector: str, claim_type: str) -> None: ...


class Completeness(Protocol):
    """What is said of expected documents, and how many of them each claim file has and misses.

    A claim file without counts misses nothing.
    """

    async def marks(self, ids: Collection[str]) -> dict[str, list[Mark]]:
        """Give what is said of the documents of claim files; every id is a key."""
        ...

    async def mark(self, claim_file_id: str, mark: Mark) -> None:
        """Write what somebody says of a type, over what the same one said before."""
        ...

    async def unmark(self, claim_file_id: str, type_: str, by: By) -> bool:
        """Take back what somebody said; False when nothing was said."""
        ...

    async def counts(self, ids: Collection[str]) -> dict[str, Counts]:
        """Give the counts of those claim files that have some."""
        ...

    async def save_counts(self, counts: Mapping[str, Counts], *, at: datetime) -> None: ...

    async def missing(
        self, wanted: MissingFilter, *, after: str | None, limit: int
    ) -> list[Incomplete]:
        """List the claim files that miss documents, in order of id."""
        ...

    async def count_missing(self, wanted: MissingFilter) -> int: ...

    async def open_files(
        self, connector: str | None, *, after: str | None, limit: int
    ) -> list[ClaimFile]:
        """Walk the claim files that are not archived, in order of id; None: of all connectors."""
        ...
