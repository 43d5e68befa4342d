"""Waivers: a person says why an expected document is not asked for any more."""

from __future__ import annotations

from dataclasses import dataclass

from syncer.domain.claim_files import ClaimFile
from syncer.domain.completeness import By, Mark, MarkState, Row
from syncer.domain.errors import NotFoundError
from syncer.domain.lifecycles import Event
from syncer.ports.ambient import Clock, Ids
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.claim_files import Remember, stored_claim_file
from syncer.services.completeness import count_and_tell, rows_on
from syncer.services.documents import check_list, row_view
from syncer.services.lifecycles import UNWAIVED_EVENT, WAIVED_EVENT, Happening, live_on
from syncer.services.preconditions import Precondition
from syncer.services.record_json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Waivers:
    """Waives expected documents and takes waivers back; ``unless_stale`` as for documents."""

    store: Store
    registry: ConnectorRegistry
    clock: Clock
    ids: Ids

    async def waive(
        self,
        claim_file_id: str,
        type_: str,
        reason: str,
        *,
        unless_stale: Precondition | None = None,
        remember: Remember | None = None,
    ) -> Json:
        """Waive an expected document; gives its row. The same reason again changes nothing.

        Raises:
            NotFoundError: there is no such claim file, or the document is not expected on it.
            StaleError: the caller saw another list.
        """
        mark = Mark(
            type=type_, by=By.PERSON, state=MarkState.WAIVED, reason=reason, at=self.clock.now()
        )

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, claim_file_id)
            await check_list(uow, claim_file, unless_stale)
            row = await _row(uow, claim_file, type_)
            waiver = row.waiver
            if waiver is None or (waiver.by, waiver.reason) != (By.PERSON, reason):
                await uow.completeness.mark(claim_file_id, mark)
                await count_and_tell(uow, claim_file, at=mark.at)
                await self._log(uow, claim_file, WAIVED_EVENT, f"{row.label}: {reason}")
            view = row_view(await _row(uow, claim_file, type_))
            if remember is not None:
                await remember(uow, view)
            return view

        return await self.store.write(work)

    async def take_back(
        self, claim_file_id: str, type_: str, *, unless_stale: Precondition | None = None
    ) -> Json:
        """Ask for a waived document again; gives its row. The partner's waivers stay.

        Raises:
            NotFoundError: there is no such claim file, or nobody here waived that document.
            StaleError: the caller saw another list.
        """

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, claim_file_id)
            await check_list(uow, claim_file, unless_stale)
            if not await uow.completeness.unmark(claim_file_id, type_, By.PERSON):
                raise NotFoundError("Nobody here waived this document.")
            await count_and_tell(uow, claim_file, at=self.clock.now())
            row = await _row(uow, claim_file, type_)
            await self._log(uow, claim_file, UNWAIVED_EVENT, row.label)
            return row_view(row)

        return await self.store.write(work)

    async def _log(self, uow: UnitOfWork, claim_file: ClaimFile, name: str, note: str) -> None:
        """Keep it in the timeline; one whose connector cannot be used has none for now."""
        connector = self.registry.get(claim_file.link.connector).connector
        if connector is None:
            return
        now = self.clock.now()
        event = Event(name=name, key=self.ids.new(), at=now, note=note)
        await live_on(uow, connector, [Happening(claim_file=claim_file.id, event=event)], at=now)


async def _row(uow: UnitOfWork, claim_file: ClaimFile, type_: str) -> Row:
    rows = (await rows_on(uow, [claim_file]))[claim_file.id]
    found = next((row for row in rows if row.type == type_ and row.is_expected), None)
    if found is None:
        raise NotFoundError("No document of this type is expected on this claim file.")
    return found
