"""The lives of claim files as the services see them in the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from syncer.domain.lifecycles import Stage
from syncer.domain.lives import Life, LifeWrite, LoggedEvent


class Lives(Protocol):
    """The event log of each claim file, and where it left the file."""

    async def of(self, ids: Collection[str]) -> dict[str, Life]:
        """Read where claim files stand."""
        ...

    async def known(self, keys: Mapping[str, Collection[str]]) -> set[tuple[str, str]]:
        """Say which event keys, asked for by claim file, are in the log as (claim file, key)."""
        ...

    async def waiting(self, ids: Collection[str]) -> dict[str, list[LoggedEvent]]:
        """List the events that wait, in order of arrival; files without any are left out."""
        ...

    async def log(self, events: Sequence[LoggedEvent]) -> None:
        """Add events to the log.

        An event whose key the file's log has already breaks a constraint and fails the write.
        """
        ...

    async def place(self, events: Sequence[LoggedEvent]) -> None:
        """Note what events that waited came to."""
        ...

    async def save(self, lives: Sequence[LifeWrite], *, at: datetime) -> None:
        """Write where claim files stand."""
        ...

    async def reach(self, id_: str, stage: Stage, *, at: datetime) -> None:
        """Write how far the planning system has come with a file."""
        ...

    async def log_of(self, ids: Collection[str]) -> dict[str, list[LoggedEvent]]:
        """Give the logs in the order in which the events took effect, those that wait last."""
        ...
