"""How long claim files stay in their states, as the services see it in the store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from syncer.domain.dwells import Dwell, Dwelling, Overdue
from syncer.domain.links import LinkKey


class Dwells(Protocol):
    """Stays of claim files in their states, and those that were too long."""

    async def stays(self, link: LinkKey, *, after: str | None, limit: int) -> list[Dwelling]:
        """Walk the claim files of a link that have a state and are not archived, by id."""
        ...

    async def of_link(self, link: LinkKey) -> list[Dwell]:
        """List what was told about the claim files of a link."""
        ...

    async def links(self) -> list[LinkKey]:
        """List the links that anything is told about."""
        ...

    async def save(self, dwells: Sequence[Dwell]) -> None:
        """Insert, or replace what stands for the same claim file."""
        ...

    async def remove(self, claim_files: Collection[str]) -> None: ...

    async def overdue(self, *, after: str | None, limit: int) -> list[Overdue]:
        """List claim files that are past their limit and have not moved since, by id."""
        ...

    async def count_overdue(self) -> int: ...
