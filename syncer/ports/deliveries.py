"""What the outbox needs of the store; one of the repositories of a unit of work."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from syncer.domain.deliveries import Attempt, DeliveryFilter, Lane, StoredDelivery
from syncer.domain.outbox import LaneEntry


class Deliveries(Protocol):
    """Deliveries with their files, notes and attempts.

    Whoever makes an attempt holds the delivery under a lease, a random text that is on the row
    while it is *sending*. Every write about that attempt names it and changes nothing once another
    has it.
    """

    async def add(self, delivery: StoredDelivery) -> None:
        """Store a new one with its files; ``number`` is given here."""
        ...

    async def get(self, id_: str) -> StoredDelivery | None: ...

    async def to_send(self, id_: str) -> StoredDelivery | None:
        """Give one as an attempt needs it: with its files and notes, without earlier attempts."""
        ...

    async def find(
        self, wanted: DeliveryFilter, *, after: str | None, limit: int
    ) -> list[StoredDelivery]:
        """List newest first (ids sort in time)."""
        ...

    async def count(self, wanted: DeliveryFilter) -> int: ...

    async def of_claim_files(self, ids: Collection[str]) -> dict[str, list[str]]:
        """Give the ids of the deliveries of each claim file, in order of acceptance."""
        ...

    async def due_connectors(self, now: datetime) -> set[str]:
        """Name the connectors that something is due for, whatever holds it up."""
        ...

    async def due(self, now: datetime, *, connector: str, limit: int) -> list[str]:
        """List the first of each lane that is due on a usable link, in order of acceptance.

        Usable is an active link that is not held.
        """
        ...

    async def next_of(self, lane: Lane, now: datetime) -> str | None:
        """Give the first of a lane, if it is due and on a usable link."""
        ...

    async def lease(self, id_: str, lease: str, *, until: datetime, at: datetime) -> bool:
        """Take a delivery that waits, for an attempt; False when it does not wait any more."""
        ...

    async def renew(self, leases: Mapping[str, str], *, until: datetime) -> set[str]:
        """Hold on to deliveries, by id and lease; gives the ids that are lost to others."""
        ...

    async def has_expired(self, before: datetime) -> bool:
        """Say whether anything is being sent under a lease that ended."""
        ...

    async def expired(self, before: datetime | None, *, limit: int) -> list[StoredDelivery]:
        """List what is being sent under a lease that ended before an instant; None: under any."""
        ...

    async def held(self, id_: str, lease: str) -> StoredDelivery | None:
        """Give one that is held under this lease, without files, notes and attempts."""
        ...

    async def save(
        self, delivery: StoredDelivery, *, lease: str | None, attempts: Sequence[Attempt] = ()
    ) -> bool:
        """Write where it stands and new attempts, if it is (not) held under this lease."""
        ...

    async def note(self, id_: str, lease: str, step: str, value: Any) -> bool:
        """Keep what a step came to and end the doubt so far; False when the lease is lost."""
        ...

    async def lane(self, lane: Lane) -> Sequence[LaneEntry]:
        """Give all deliveries of a lane in order of acceptance."""
        ...

    async def hold_up(self, waiting_for: Mapping[str, str | None]) -> None:
        """Set which parked delivery holds each of these up."""
        ...

    async def parked(self, *, after: str | None, limit: int) -> list[StoredDelivery]:
        """List what waits for a person, newest first.

        A rejected or blocked one no longer does once a newer one of its operation was accepted in
        its lane.
        """
        ...

    async def count_parked(self) -> int: ...

    async def move(self, claim_file_id: str, to_claim_file_id: str) -> None:
        """Hand the deliveries of one claim file to another."""
        ...

    async def referenced(self, sha256s: Collection[str]) -> set[str]:
        """Say which contents are in use; for the sweep of orphaned files."""
        ...
