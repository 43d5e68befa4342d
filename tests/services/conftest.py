"""Services over a real SQLite store, with a connector that only says what it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.feed import ChangeType, FeedEntry
from syncer.domain.intake import DecidedBy, Decision, IntakeState
from syncer.domain.links import LinkKey
from syncer.domain.records import (
    ClaimRef,
    Insured,
    Insurer,
    Kind,
    Record,
    RecordKey,
    Site,
    Surveyor,
    Vehicle,
)
from syncer.domain.stored import (
    ClaimFileRef,
    DecisionWrite,
    RecordWrite,
    Repairer,
    StoredRecord,
)
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Completed, Connector, Credentials, Link, Page, PartnerLimits, Settings
from syncer.services.changes import ChangeReading
from syncer.services.claim_files import ClaimFiles
from syncer.services.excludes import Excludes
from syncer.services.intake import Intake
from syncer.services.quarantine import QuarantineService
from syncer.services.record_json import encode_record
from syncer.services.records import RecordReading
from syncer.services.settings import SettingsInForce
from syncer.testing import FakeClock
from tests.stores import opened_store

LINK = LinkKey("garage-7", "paper")


class PaperConnector(Connector[Credentials, Settings]):
    """Needs details for its records; takes references of up to eight characters."""

    name = "paper"
    title = "Paper"
    version = "1"
    wire_format = "profile"
    kinds = frozenset(Kind)
    credentials = Credentials
    limits = PartnerLimits(source="none")
    reference_max_length = 8

    def auth_headers(self, credentials: Credentials) -> Mapping[str, str]:
        return {}

    async def check(self, link: Link[Credentials, Settings]) -> None:
        """All is well."""

    async def pull(self, link: Link[Credentials, Settings], cursor: str | None) -> Page:
        return Page()

    async def complete(self, link: Link[Credentials, Settings], record: Record) -> Completed:
        return Completed(record=record)

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        plate = record.vehicle.plate if record.vehicle else None
        return {"vehicle": {"plate": plate, "mileage_km": 84210}}


class PaperRegistry:
    """Installed: the paper connector, a disabled one and one that is set aside."""

    def __init__(self) -> None:
        self.installed = {
            "paper": _installed("paper", ConnectorState.READY, PaperConnector()),
            "off": _installed("off", ConnectorState.DISABLED),
            "odd": _installed("odd", ConnectorState.QUARANTINED, reason="import failed"),
        }

    def all(self) -> list[Installed]:
        return sorted(self.installed.values(), key=lambda one: one.name)

    def get(self, name: str) -> Installed:
        if name not in self.installed:
            raise NotFoundError("There is no such connector.")
        return self.installed[name]

    def usable(self, name: str) -> Connector[Any, Any]:
        installed = self.get(name)
        if installed.connector is None:
            is_off = installed.state is ConnectorState.DISABLED
            raise ConflictError("connector_disabled" if is_off else "link_unavailable", "not now")
        return installed.connector

    def quarantine(self, name: str, reason: str) -> None:
        self.installed[name] = _installed(name, ConnectorState.QUARANTINED, reason=reason)


def _installed(
    name: str,
    state: ConnectorState,
    connector: Connector[Any, Any] | None = None,
    reason: str | None = None,
) -> Installed:
    return Installed(
        name=name,
        enabled=state is not ConnectorState.DISABLED,
        state=state,
        reason=reason,
        connector=connector,
        table={},
    )


@dataclass
class House:
    """The services under test, their store, and ways to put things into it."""

    store: Store
    clock: FakeClock
    ids: UuidIds = field(default_factory=UuidIds)
    registry: PaperRegistry = field(default_factory=PaperRegistry)
    woken: list[LinkKey] = field(default_factory=list)
    reread: list[RecordKey] = field(default_factory=list)
    reread_error: Exception | None = None

    def __post_init__(self) -> None:
        settings = SettingsInForce(groups={}, from_env={}, default_interval=timedelta(minutes=15))
        self.intake = Intake(store=self.store, clock=self.clock)
        self.records = RecordReading(store=self.store)
        self.changes = ChangeReading(store=self.store)
        self.quarantine = QuarantineService(store=self.store, reread=self._reread)
        self.excludes = Excludes(
            store=self.store,
            registry=self.registry,
            settings=settings,
            clock=self.clock,
            wake=self.woken.append,
        )
        self.claim_files = ClaimFiles(
            store=self.store, registry=self.registry, clock=self.clock, ids=self.ids
        )

    async def _reread(self, link: LinkKey, key: RecordKey) -> None:
        if self.reread_error is not None:
            raise self.reread_error
        self.reread.append(key)
        now = self.clock.now()
        await self.store.write(lambda uow: uow.quarantine.resolve(link, [key], now))

    async def furnish(self) -> None:
        """Make the repairers and their links."""

        async def work(uow: UnitOfWork) -> None:
            for repairer in ("garage-7", "garage-8"):
                await uow.repairers.put(Repairer(id=repairer, name=repairer))
            await uow.links.ensure(["paper"])

        await self.store.write(work)

    def a_record(self, ref: str = "Q-1", **parts: Any) -> Record:
        """Make a quote with all that filters look at."""
        values: dict[str, Any] = {
            "kind": Kind.QUOTE,
            "partner_ref": ref,
            "revision": "1",
            "status": "submitted",
            "status_changed_at": datetime(2026, 3, 2, 9, tzinfo=UTC),
            "number": f"2026/{ref}",
            "site": Site(id="gent", name="Gent Noord"),
            "smart_expertise": True,
            "vehicle": Vehicle(plate="1-ABC-234", make="Renault", model="Mégane"),
            "insurer": Insurer(name="Demo Verzekeringen", claim_number="24/778-1"),
            "insured": Insured(name="Jansens An"),
            "surveyor": Surveyor(name="Bureau Demo"),
        }
        return Record(**{**values, **parts})

    async def add(
        self,
        record: Record | None = None,
        *,
        state: str = "queued",
        rule: str | None = "queueing = all",
        person: bool = False,
        taken_over: bool = False,
        link: LinkKey = LINK,
        version: int = 1,
    ) -> str:
        """Store a record with a decision on it; gives its id."""
        row = self._row(record or self.a_record(), link, version)
        now = self.clock.now()

        async def work(uow: UnitOfWork) -> None:
            file_id = None
            claim = row.record.claim
            if claim is not None and state != "excluded":
                ref = ClaimFileRef(claim=claim, data={}, at=now)
                file_id, _ = (await uow.claim_files.ensure(link, [ref], at=now))[claim.partner_ref]
            decision = Decision(
                state=IntakeState(state),
                rule=None if person else rule,
                decided_by=DecidedBy.PERSON if person else DecidedBy.RULE,
            )
            await uow.records.add([replace(row, decision=decision, claim_file_id=file_id)])
            if person:
                await uow.records.decide([_decided(row.id, decision, now)])
            if taken_over:
                await uow.records.take_over(row.id, version=version, at=now)

        await self.store.write(work)
        return row.id

    async def new_version(self, id_: str, *, version: int) -> None:
        """Give a stored record a new version, its decision kept."""
        row = await self.stored(id_)
        record = self.a_record(row.key.partner_ref, kind=row.key.kind, revision=str(version))
        new = replace(
            self._row(record, row.link, version),
            id=id_,
            decision=row.decision,
            person_state=row.person_state,
            claim_file_id=row.claim_file_id,
        )
        await self.store.write(lambda uow: uow.records.replace([new]))

    async def stored(self, id_: str) -> StoredRecord:
        """Read a record as the store holds it."""
        async with self.store.read() as uow:
            record = await uow.records.get(id_)
        assert record is not None
        return record

    async def told(self, *types: ChangeType) -> list[FeedEntry]:
        """Read the feed from its beginning, of some types or of all."""
        async with self.store.read() as uow:
            entries = await uow.feed.read(await uow.feed.tail(), limit=1000)
        return [entry for entry in entries if not types or entry.change.type in types]

    def _row(self, record: Record, link: LinkKey, version: int) -> RecordWrite:
        now = self.clock.now()
        return RecordWrite(
            id=self.ids.new(),
            link=link,
            record=record,
            body=encode_record(record),
            version=version,
            decision=Decision(
                state=IntakeState.QUEUED, rule="queueing = all", decided_by=DecidedBy.RULE
            ),
            person_state=None,
            decided_at=now,
            received_at=now,
            claim_file_id=None,
        )


def _decided(id_: str, decision: Decision, at: datetime) -> DecisionWrite:
    return DecisionWrite(
        id=id_, decision=decision, person_state=decision.state, decided_at=at, incomplete=False
    )


@pytest.fixture
def a_claim() -> ClaimRef:
    return ClaimRef(partner_ref="M-1", reference="2026/M-1", claim_number="24/778-1")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    async with opened_store(tmp_path / "syncer.db", clock) as store:
        house = House(store=store, clock=clock)
        await house.furnish()
        yield house
