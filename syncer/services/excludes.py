"""Deciding a link's stored records again: what exclude rules would do, and doing it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from syncer.domain.errors import NotFoundError
from syncer.domain.feed import Change, ChangeType
from syncer.domain.intake import (
    Decision,
    ExcludeRule,
    IntakeState,
    Queueing,
    Standing,
    decide_again,
    parse_exclude_rules,
)
from syncer.domain.links import LinkKey
from syncer.domain.records import ClaimRef, Record
from syncer.domain.stored import ClaimFileRef, DecisionWrite, StoredRecord
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Connector, Settings
from syncer.services.completeness import recount_some
from syncer.services.completing import events_of
from syncer.services.lifecycles import Happening, JoinedFile, live_on
from syncer.services.opening import AnyConnector
from syncer.services.record_json import Json, decode_record, stored_record_change
from syncer.services.settings import SettingsInForce

BATCH = 200
"""Records looked at in one read or decided in one write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reapplied:
    """What came of deciding again; ``matched`` counts the records that were decided on."""

    matched: int = 0
    changed: int = 0

    def plus(self, batch: _Batch) -> Reapplied:
        """Add what came of one batch."""
        return Reapplied(matched=self.matched + batch.matched, changed=self.changed + batch.changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """How a link decides, and the connector that knows what its records need."""

    queueing: Queueing
    excludes: Sequence[ExcludeRule]
    connector: AnyConnector

    def decide(self, record: Record, standing: Standing) -> Decision:
        return decide_again(record, standing, self.queueing, self.excludes)

    @property
    def completes(self) -> bool:
        """Whether a record needs more than its listing."""
        return type(self.connector).complete is not Connector.complete


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    matched: int
    changed: int
    must_complete: bool
    last: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Excludes:
    """Previews and applies exclude rules over the stored records of one link.

    ``wake`` makes a link due at once.
    """

    store: Store
    registry: ConnectorRegistry
    settings: SettingsInForce
    clock: Clock
    wake: Callable[[LinkKey], None]

    async def preview(self, key: LinkKey, rules: object) -> list[Json]:
        """Say which records these rules would decide otherwise; changes nothing.

        A taken-over record that they would decide otherwise is listed with ``kept`` true.

        Raises:
            NotFoundError: there is no such repairer or connector.
            ConflictError: ``connector_disabled``, or ``link_unavailable`` when it is quarantined.
            InvalidError: a rule cannot be read.
        """
        settings, connector = await self._in_force(key)
        tried = _Rules(
            queueing=settings.queueing_rule(),
            excludes=parse_exclude_rules(rules),
            connector=connector,
        )
        items = []
        async for batch in self._walk(key):
            items += [item for record in batch if (item := _previewed(record, tried))]
        return items

    async def apply(self, key: LinkKey) -> Reapplied:
        """Decide the link's records again by the rules in force, a bounded batch in each write.

        Records that are let in again and lack what the listing does not hold are completed by a
        pass that starts at once.

        Raises:
            NotFoundError: there is no such repairer or connector.
            ConflictError: ``connector_disabled``, or ``link_unavailable`` when it is quarantined.
        """
        settings, connector = await self._in_force(key)
        rules = _Rules(
            queueing=settings.queueing_rule(),
            excludes=settings.exclude_rules(),
            connector=connector,
        )
        done, last, must_complete = Reapplied(), None, False
        while True:
            batch = await self._apply_batch(key, rules, last)
            done = done.plus(batch)
            must_complete |= batch.must_complete
            last = batch.last
            if last is None:
                break
        if must_complete:
            self.wake(key)
        return done

    async def _in_force(self, key: LinkKey) -> tuple[Settings, AnyConnector]:
        connector = self.registry.usable(key.connector)
        async with self.store.read() as uow:
            link = await uow.links.get(key)
        if link is None:
            raise NotFoundError("There is no such repairer.")
        installed = self.registry.get(key.connector)
        return self.settings.of(installed, link.settings).model, connector

    async def _walk(self, key: LinkKey) -> AsyncIterator[list[StoredRecord]]:
        last: str | None = None
        while True:
            async with self.store.read() as uow:
                rows = await uow.records.of_link(key, after=last, limit=BATCH)
            yield rows
            if len(rows) < BATCH:
                return
            last = rows[-1].id

    async def _apply_batch(self, key: LinkKey, rules: _Rules, after: str | None) -> _Batch:
        async def work(uow: UnitOfWork) -> _Batch:
            rows = await uow.records.of_link(key, after=after, limit=BATCH)
            open_rows = [row for row in rows if row.taken_over_at is None]
            redecision = _Redecision(uow=uow, rules=rules, at=self.clock.now())
            for row in open_rows:
                await redecision.consider(row)
            await redecision.finish()
            return _Batch(
                matched=len(open_rows),
                changed=len(redecision.writes),
                must_complete=redecision.must_complete,
                last=rows[-1].id if len(rows) == BATCH else None,
            )

        return await self.store.write(work)


@dataclass(slots=True, kw_only=True)
class _Redecision:
    """Decides records of one batch again within its write."""

    uow: UnitOfWork
    rules: _Rules
    at: datetime
    writes: list[DecisionWrite] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    happenings: list[Happening] = field(default_factory=list)
    joined: dict[str, JoinedFile] = field(default_factory=dict)
    must_complete: bool = False

    async def consider(self, row: StoredRecord) -> None:
        record = decode_record(row.body)
        decision = self.rules.decide(record, row.standing)
        if decision == row.decision:
            return
        was_excluded = row.decision.state is IntakeState.EXCLUDED
        is_let_in = was_excluded and decision.state is not IntakeState.EXCLUDED
        is_wanting = is_let_in and self.rules.completes and not row.withdrawn
        claim_file = None
        if is_let_in and record.claim is not None and row.claim_file_id is None:
            claim_file = await self._join(row.link, record, record.claim)
        file = claim_file or row.claim_file_id
        if is_let_in and not is_wanting and file is not None and not row.withdrawn:
            self.happenings += [
                Happening(claim_file=file, event=event, record=row.id)
                for event in events_of(self.rules.connector, record)
            ]
        write = DecisionWrite(
            id=row.id,
            decision=decision,
            person_state=row.person_state,
            decided_at=self.at,
            incomplete=row.incomplete or is_wanting,
            claim_file_id=claim_file,
        )
        self.must_complete |= is_wanting
        self.writes.append(write)
        self.changes.append(stored_record_change(ChangeType.RECORD_DECIDED, row, decision=decision))

    async def finish(self) -> None:
        """Write the decisions, and let happen what the records do that are let in again.

        One that is still to be completed does so once it is.
        """
        await self.uow.records.decide(self.writes)
        lived = await live_on(
            self.uow, self.rules.connector, self.happenings, begin=self.joined, at=self.at
        )
        files = [joined.change(id_, lived) for id_, joined in self.joined.items()]
        connector = self.rules.connector.name
        documents = await recount_some(self.uow, connector, self.joined, at=self.at)
        self.uow.feed.append([*files, *self.changes, *lived.changes, *documents], at=self.at)

    async def _join(self, link: LinkKey, record: Record, claim: ClaimRef) -> str:
        """Find or make the claim file that the record names."""
        data = self.rules.connector.claim_data(record)
        ref = ClaimFileRef(claim=claim, data=data, at=record.status_changed_at)
        files = await self.uow.claim_files.ensure(link, [ref], at=self.at)
        id_, is_new = files[claim.partner_ref]
        if is_new is not None:
            joined = JoinedFile(link=link, partner_ref=claim.partner_ref, is_new=is_new)
            self.joined.setdefault(id_, joined)
        return id_


def _previewed(row: StoredRecord, rules: _Rules) -> Json | None:
    standing = row.standing
    free = Standing(decision=standing.decision, person_state=standing.person_state)
    would_be = rules.decide(decode_record(row.body), free)
    if would_be == standing.decision:
        return None
    return {
        "record": row.id,
        "kind": row.key.kind,
        "partner_ref": row.key.partner_ref,
        "current": {"state": standing.decision.state, "rule": standing.decision.rule},
        "would_be": {"state": would_be.state, "rule": would_be.rule},
        "kept": standing.taken_over,
    }
