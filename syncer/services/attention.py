"""Everything that needs a person now; an entry goes when its cause goes.

Each kind of cause is a section of its own; the list goes through them in the order in which they
are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from syncer.domain.errors import FieldError, InvalidError
from syncer.ports.store import Store, UnitOfWork
from syncer.services.record_json import Json

Place = tuple[str, str]
Entry = tuple[str, Json]
"""An entry with its key, by which it is found again within its section."""


class Section(Protocol):
    """One kind of cause."""

    @property
    def name(self) -> str:
        """Its name in the list's cursors."""
        ...

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List entries after a key, in a stated order."""
        ...

    async def count(self, uow: UnitOfWork) -> int:
        """Count them all."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttentionFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: Place | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Gathers what needs a person, section by section."""

    store: Store
    sections: Sequence[Section]

    async def find(self, *, after: Place | None = None, limit: int = 50) -> AttentionFound:
        """List what needs a person.

        Raises:
            InvalidError: ``after`` is no place of this list.
        """
        names = [section.name for section in self.sections]
        if after is not None and after[0] not in names:
            fault = FieldError(pointer="/after", message="is not a cursor of this list")
            raise InvalidError("The cursor is not one of this list.", [fault])
        async with self.store.read() as uow:
            entries = await self._entries(uow, after, limit + 1)
            total = sum([await section.count(uow) for section in self.sections])
        page = entries[:limit]
        last = page[-1][0] if len(entries) > limit else None
        return AttentionFound(items=[entry for _, entry in page], last=last, total=total)

    async def _entries(
        self, uow: UnitOfWork, after: Place | None, limit: int
    ) -> list[tuple[Place, Json]]:
        entries: list[tuple[Place, Json]] = []
        start, key = after or (self.sections[0].name, None)
        is_reached = False
        for section in self.sections:
            is_first = section.name == start
            is_reached |= is_first
            room = limit - len(entries)
            if is_reached and room > 0:
                found = await section.find(uow, after=key if is_first else None, limit=room)
                entries += [((section.name, own), entry) for own, entry in found]
        return entries
