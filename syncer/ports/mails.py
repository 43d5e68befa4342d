"""Mails to people as the services see them in the store."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from syncer.domain.mails import MailFilter, MailState, StoredMail


class Mails(Protocol):
    """The queue of mails, and the log of those that left."""

    async def add(self, mail: StoredMail) -> bool:
        """Store one; False when one was stored for the same ``once`` already."""
        ...

    async def get(self, id_: str) -> StoredMail | None: ...

    async def find(self, wanted: MailFilter, *, after: str | None, limit: int) -> list[StoredMail]:
        """List newest first (ids sort in time)."""
        ...

    async def count(self, wanted: MailFilter) -> int: ...

    async def due(self, now: datetime, *, too_late: datetime, limit: int) -> list[StoredMail]:
        """List what is to be sent now, longest due first.

        What is due after ``too_late`` was put off by a clock that was wrong; it is due as well.
        """
        ...

    async def next_attempt_at(self) -> datetime | None:
        """Give when the next one is due."""
        ...

    async def begin(self, id_: str, lease: str, *, until: datetime) -> bool:
        """Take one that waits for sending; False when somebody else did."""
        ...

    async def end(self, mail: StoredMail, lease: str) -> bool:
        """Write what an attempt came to; False when it is no longer this lease's."""
        ...

    async def abandoned(self, now: datetime) -> list[tuple[StoredMail, str]]:
        """List those whose lease is over while they are sent, each with its lease."""
        ...

    async def move(self, mail: StoredMail, *, before: Collection[MailState]) -> bool:
        """Write what a person decided; False when it is in none of these states any more."""
        ...

    async def last_reminder(self, claim_file: str) -> StoredMail | None:
        """Give the newest reminder of a claim file that was neither refused nor cancelled."""
        ...
