"""Claim files: read, made by the planning system, and completed beside the partner's data."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncer.domain.claim_files import ClaimFile, Origin, differences, leaves, patch
from syncer.domain.completeness import Counts
from syncer.domain.errors import ConflictError, FieldError, InvalidError, NotFoundError
from syncer.domain.feed import ChangeType
from syncer.domain.instants import to_text
from syncer.domain.links import LinkKey
from syncer.domain.lives import LoggedEvent
from syncer.domain.stored import ClaimFileFilter
from syncer.ports.ambient import Clock, Ids
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.claim_data import ClaimData
from syncer.services.completeness import counts_view, recount
from syncer.services.guard import purely_guarded
from syncer.services.lifecycles import live_on, timeline_view
from syncer.services.opening import AnyConnector
from syncer.services.preconditions import Precondition
from syncer.services.record_json import Json, claim_file_change

Place = tuple[datetime, str]
Remember = Callable[[UnitOfWork, Json], Awaitable[None]]
"""Notes the answer within the write that brought it about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFilesFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: Place | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClaimFile:
    """What the planning system says of a claim file that it makes."""

    link: LinkKey
    reference: str
    claim_type: str | None
    data: ClaimData


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimFiles:
    """Shows, makes and completes claim files."""

    store: Store
    registry: ConnectorRegistry
    clock: Clock
    ids: Ids

    async def find(
        self, wanted: ClaimFileFilter, *, after: Place | None = None, limit: int = 50
    ) -> ClaimFilesFound:
        """List newest ``updated_at`` first, then by id; ``total`` is exact."""
        async with self.store.read() as uow:
            rows = await uow.claim_files.find(wanted, after=after, limit=limit + 1)
            total = await uow.claim_files.count(wanted)
            page = rows[:limit]
            items = await _shown(uow, page)
        last = page[-1] if len(rows) > limit else None
        place = (last.updated_at, last.id) if last else None
        return ClaimFilesFound(items=items, last=place, total=total)

    async def one(self, id_: str) -> Json:
        """Give one claim file.

        Raises:
            NotFoundError: there is none of that id.
        """
        async with self.store.read() as uow:
            return await shown_claim_file(uow, await stored_claim_file(uow, id_))

    async def assess(self, id_: str) -> Json:
        """Have the connector judge the data of a claim file; changes nothing.

        Raises:
            NotFoundError: there is no claim file of that id, or its connector judges nothing.
            ConflictError: ``connector_disabled``, ``link_unavailable``.
        """
        async with self.store.read() as uow:
            claim_file = await stored_claim_file(uow, id_)
        connector = self.registry.usable(claim_file.link.connector)
        return purely_guarded("assess", lambda: dict(connector.assess(claim_file)))

    async def make(self, new: NewClaimFile, *, remember: Remember | None = None) -> Json:
        """Make a claim file for work that did not come from the partner.

        ``remember`` runs inside the same write.

        Raises:
            InvalidError: unknown repairer or connector, or a reference too long for the partner.
            ConflictError: ``reference_known`` with the ``id`` of the file that has it,
                ``connector_disabled``, ``link_unavailable``.
        """
        connector = self._connector_for(new)
        claim_file = self._value_of(new)

        async def work(uow: UnitOfWork) -> Json:
            if await uow.repairers.get(new.link.repairer) is None:
                raise _unknown("/repairer", "There is no such repairer.")
            known = await uow.claim_files.make(claim_file)
            if known is not None:
                text = "There is a claim file with this reference on this link."
                raise ConflictError("reference_known", text, id=known)
            await live_on(uow, connector, [], begin=[claim_file.id], at=claim_file.created_at)
            await recount(uow, [claim_file], at=claim_file.created_at)
            begun = await stored_claim_file(uow, claim_file.id)
            self._tell(uow, ChangeType.CLAIM_FILE_CREATED, begun)
            view = await shown_claim_file(uow, begun)
            if remember is not None:
                await remember(uow, view)
            return view

        return await self.store.write(work)

    async def complete(
        self, id_: str, data: ClaimData, *, unless_stale: Precondition | None = None
    ) -> Json:
        """Lay what a person entered over what is there; null takes the person's value away.

        Entering what was entered before changes nothing.

        Raises:
            NotFoundError: there is none of that id.
            StaleError: the caller saw another version of it.
        """

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, id_)
            if unless_stale is not None:
                unless_stale(await shown_claim_file(uow, claim_file))
            person_data = patch(claim_file.person_data, data.entered())
            if person_data != claim_file.person_data:
                now = self.clock.now()
                set_at = _set_at(claim_file, person_data, now)
                await uow.claim_files.save_person_data(id_, person_data, set_at, at=now)
                self._tell(uow, ChangeType.CLAIM_FILE_UPDATED, claim_file)
                claim_file = replace(
                    claim_file, person_data=person_data, person_set_at=set_at, updated_at=now
                )
                uow.feed.append(await recount(uow, [claim_file], at=now), at=now)
            return await shown_claim_file(uow, claim_file)

        return await self.store.write(work)

    def _connector_for(self, new: NewClaimFile) -> AnyConnector:
        try:
            connector = self.registry.usable(new.link.connector)
        except NotFoundError:
            raise _unknown("/connector", "There is no such connector.") from None
        longest = connector.reference_max_length
        if len(new.reference) > longest:
            message = f"must have at most {longest} characters for {connector.title}"
            fault = FieldError(pointer="/reference", message=message)
            raise InvalidError("The partner does not take this reference.", [fault])
        return connector

    def _value_of(self, new: NewClaimFile) -> ClaimFile:
        now = self.clock.now()
        person_data = patch({}, new.data.entered())
        insurer = new.data.insurer
        return ClaimFile(
            id=self.ids.new(),
            link=new.link,
            origin=Origin.PLANNING,
            reference=new.reference,
            partner_ref=None,
            claim_number=insurer.claim_number if insurer else None,
            claim_type=new.claim_type,
            partner_data={},
            person_data=person_data,
            person_set_at={".".join(path): to_text(now) for path, _ in leaves(person_data)},
            created_at=now,
            updated_at=now,
        )

    def _tell(self, uow: UnitOfWork, type_: ChangeType, claim_file: ClaimFile) -> None:
        facts = {
            "state": claim_file.standing.state,
            "partner_ref": claim_file.partner_ref,
            "reference": claim_file.reference,
        }
        change = claim_file_change(type_, claim_file.link, claim_file.id, facts)
        uow.feed.append([change], at=self.clock.now())


def claim_file_view(
    claim_file: ClaimFile,
    records: Sequence[str],
    deliveries: Sequence[str],
    log: Sequence[LoggedEvent],
    counts: Counts,
) -> Json:
    """Give a claim file as the API shows it; ``log`` is in order of place."""
    standing = claim_file.standing
    return {
        "id": claim_file.id,
        "connector": claim_file.link.connector,
        "repairer": claim_file.link.repairer,
        "reference": claim_file.reference,
        "partner_ref": claim_file.partner_ref,
        "claim_number": claim_file.claim_number,
        "claim_type": claim_file.claim_type,
        "state": standing.state,
        "selectable": claim_file.selectable,
        "selectable_reason": claim_file.selectable_reason,
        "in_sales_document": standing.in_sales_document,
        "unassigned": standing.unassigned,
        "warnings": [
            {"text": warning.text, "since": to_text(warning.since)} for warning in standing.warnings
        ],
        "timeline": timeline_view(log),
        "data": claim_file.data,
        "conflicts": _conflicts(claim_file),
        "documents": counts_view(counts),
        "records": list(records),
        "deliveries": list(deliveries),
        "updated_at": to_text(claim_file.updated_at),
    }


def _conflicts(claim_file: ClaimFile) -> list[Json]:
    return [
        {
            "field": difference.field,
            "ours": difference.ours,
            "partner": difference.partner,
            "since": claim_file.person_set_at.get(difference.field),
        }
        for difference in differences(claim_file.person_data, claim_file.partner_data)
    ]


def _set_at(
    claim_file: ClaimFile, person_data: Mapping[str, object], now: datetime
) -> dict[str, str]:
    """Keep the instants of fields that stay as they were entered; the others are set now."""
    before = {".".join(path): value for path, value in leaves(claim_file.person_data)}
    instants = {}
    for path, value in leaves(person_data):
        field = ".".join(path)
        known = claim_file.person_set_at.get(field)
        instants[field] = known if known and before.get(field) == value else to_text(now)
    return instants


def _unknown(pointer: str, text: str) -> InvalidError:
    return InvalidError(text, [FieldError(pointer=pointer, message=text)])


async def stored_claim_file(uow: UnitOfWork, id_: str) -> ClaimFile:
    """Read a claim file.

    Raises:
        NotFoundError: there is none of that id.
    """
    claim_file = await uow.claim_files.get(id_)
    if claim_file is None:
        raise NotFoundError("There is no claim file of this id.")
    return claim_file


async def _shown(uow: UnitOfWork, claim_files: Sequence[ClaimFile]) -> list[Json]:
    ids = [one.id for one in claim_files]
    records = await uow.records.of_claim_files(ids)
    deliveries = await uow.deliveries.of_claim_files(ids)
    logs = await uow.lives.log_of(ids)
    counts = await uow.completeness.counts(ids)
    return [
        claim_file_view(
            one,
            records.get(one.id, ()),
            deliveries.get(one.id, ()),
            logs.get(one.id, ()),
            counts.get(one.id, Counts()),
        )
        for one in claim_files
    ]


async def shown_claim_file(uow: UnitOfWork, claim_file: ClaimFile) -> Json:
    """Give a claim file as the API shows it, with what belongs to it."""
    [view] = await _shown(uow, [claim_file])
    return view
