"""Intake by persons and the planning system: accept, dismiss, take over, singly or in bulk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from syncer.domain.errors import ConflictError, FieldError, InvalidError
from syncer.domain.feed import ChangeType
from syncer.domain.intake import DecidedBy, Decision, IntakeState
from syncer.domain.stored import DecisionWrite, RecordFilter, StoredRecord
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.services.preconditions import Precondition
from syncer.services.record_json import Json, stored_record_change
from syncer.services.records import Place, shown_one, stored

BATCH = 200
"""Records decided in one write; keeps the writer free for others in between."""


class Action(StrEnum):
    """What can be done with a record."""

    ACCEPT = "accept"
    DISMISS = "dismiss"
    TAKE_OVER = "taken-over"


_STATE_AFTER = {
    Action.ACCEPT: IntakeState.ACCEPTED,
    Action.DISMISS: IntakeState.DISMISSED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOutcome:
    """What a bulk action came to; ``skipped`` are those it left as they were."""

    matched: int
    changed: int

    @property
    def skipped(self) -> int:
        """How many were left as they were: already so, or the action is not allowed on them."""
        return self.matched - self.changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Carries out decisions of persons and marks of the planning system."""

    store: Store
    clock: Clock

    async def accept(self, id_: str, *, unless_stale: Precondition | None = None) -> Json:
        """Accept a record; accepting an accepted one changes nothing.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``excluded``, or ``taken_over``.
            StaleError: the caller saw another version of it.
        """
        return await self._act(id_, Action.ACCEPT, unless_stale)

    async def dismiss(self, id_: str, *, unless_stale: Precondition | None = None) -> Json:
        """Dismiss a record; raises as ``accept`` does."""
        return await self._act(id_, Action.DISMISS, unless_stale)

    async def take_over(self, id_: str, *, unless_stale: Precondition | None = None) -> Json:
        """Mark the present version of a record as taken over; repeating it changes nothing.

        Raises:
            NotFoundError: there is none of that id.
            ConflictError: ``not_accepted``.
            StaleError: the caller saw another version of it.
        """
        return await self._act(id_, Action.TAKE_OVER, unless_stale)

    async def bulk(self, action: Action, wanted: RecordFilter) -> BulkOutcome:
        """Do the same with every record that the filter finds, in batches of one write each.

        Raises:
            InvalidError: the filter is empty.
        """
        if wanted == RecordFilter():
            fault = FieldError(pointer="/filter", message="must name at least one list parameter")
            raise InvalidError("A bulk action needs a filter.", [fault])
        matched = changed = 0
        place: Place | None = None
        while True:
            batch = await self._act_on_batch(action, wanted, place)
            matched, changed = matched + batch.matched, changed + batch.changed
            place = batch.last
            if place is None:
                return BulkOutcome(matched=matched, changed=changed)

    async def _act(self, id_: str, action: Action, unless_stale: Precondition | None) -> Json:
        async def work(uow: UnitOfWork) -> Json:
            record = await stored(uow, id_)
            if unless_stale is not None:
                unless_stale(await shown_one(uow, record))
            conflict = _conflict(record, action)
            if conflict is not None:
                raise conflict
            if await self._carry_out(uow, action, [record]):
                record = await stored(uow, id_)
            return await shown_one(uow, record)

        return await self.store.write(work)

    async def _act_on_batch(
        self, action: Action, wanted: RecordFilter, after: Place | None
    ) -> _Batch:
        async def work(uow: UnitOfWork) -> _Batch:
            rows = await uow.records.find(wanted, after=after, limit=BATCH)
            allowed = [record for record in rows if _conflict(record, action) is None]
            changed = await self._carry_out(uow, action, allowed)
            last = (rows[-1].status_changed_at, rows[-1].id) if len(rows) == BATCH else None
            return _Batch(matched=len(rows), changed=changed, last=last)

        return await self.store.write(work)

    async def _carry_out(
        self, uow: UnitOfWork, action: Action, records: Sequence[StoredRecord]
    ) -> int:
        """Do and tell what is not done already; gives how many records changed."""
        if action is Action.TAKE_OVER:
            return await self._take_over(uow, records)
        return await self._decide(uow, _STATE_AFTER[action], records)

    async def _decide(
        self, uow: UnitOfWork, state: IntakeState, records: Sequence[StoredRecord]
    ) -> int:
        now = self.clock.now()
        decision = Decision(state=state, rule=None, decided_by=DecidedBy.PERSON)
        others = [record for record in records if record.decision.state is not state]
        writes = [
            DecisionWrite(
                id=record.id,
                decision=decision,
                person_state=state,
                decided_at=now,
                incomplete=record.incomplete,
            )
            for record in others
        ]
        await uow.records.decide(writes)
        changes = [
            stored_record_change(ChangeType.RECORD_DECIDED, record, decision=decision)
            for record in others
        ]
        uow.feed.append(changes, at=now)
        return len(others)

    async def _take_over(self, uow: UnitOfWork, records: Sequence[StoredRecord]) -> int:
        now = self.clock.now()
        others = [record for record in records if record.taken_over_version != record.version]
        for record in others:
            await uow.records.take_over(record.id, version=record.version, at=now)
        changes = [stored_record_change(ChangeType.RECORD_TAKEN_OVER, record) for record in others]
        uow.feed.append(changes, at=now)
        return len(others)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    matched: int
    changed: int
    last: Place | None


def _conflict(record: StoredRecord, action: Action) -> ConflictError | None:
    state = record.decision.state
    if action is Action.TAKE_OVER:
        if state is IntakeState.ACCEPTED:
            return None
        return ConflictError("not_accepted", "Only an accepted record can be taken over.")
    if state is IntakeState.EXCLUDED:
        rule = record.decision.rule
        return ConflictError("excluded", f"The record is excluded by the rule {rule!r}.")
    if record.taken_over_at is not None and state is not _STATE_AFTER[action]:
        return ConflictError("taken_over", "The record was already taken over.")
    return None
