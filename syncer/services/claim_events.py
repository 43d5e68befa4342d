"""What the planning system reports of claim files: judged, logged, and answered with the file."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.domain.errors import FieldError, InvalidError, TransitionRefusedError
from syncer.domain.feed import Change, ChangeType
from syncer.domain.lifecycles import Event, LocalEvent, Stage
from syncer.ports.ambient import Clock, Ids
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.claim_files import Remember, shown_claim_file, stored_claim_file
from syncer.services.lifecycles import Happening, live_on
from syncer.services.opening import AnyConnector
from syncer.services.preconditions import Precondition
from syncer.services.record_json import Json, claim_file_change

CLOCKS_DIFFER_BY = timedelta(minutes=5)
"""An event may be so far in the future, as its reporter's clock may run ahead of ours."""

_STAGES = {LocalEvent.CONVERTED: Stage.CONVERTED, LocalEvent.ARCHIVED: Stage.ARCHIVED}
_ORDER = list(Stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """An event as the planning system reports it; ``at`` None: now."""

    event: LocalEvent
    sales_document: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvents:
    """Takes what the planning system reports."""

    store: Store
    registry: ConnectorRegistry
    clock: Clock
    ids: Ids

    async def report(
        self,
        id_: str,
        reported: Reported,
        *,
        unless_stale: Precondition | None = None,
        remember: Remember | None = None,
    ) -> Json:
        """Let a reported event happen to a claim file; gives the file.

        ``remember`` runs inside the same write.

        Raises:
            NotFoundError: there is no claim file of that id.
            InvalidError: ``at`` is in the future.
            TransitionRefusedError: the event cannot happen to a file that stands like this.
            ConflictError: ``connector_disabled``, ``link_unavailable``.
            StaleError: the caller saw another version of it.
        """
        now = self.clock.now()
        event = self._event_of(reported, now)

        async def work(uow: UnitOfWork) -> Json:
            claim_file = await stored_claim_file(uow, id_)
            if unless_stale is not None:
                unless_stale(await shown_claim_file(uow, claim_file))
            await self._happen(uow, claim_file, reported.event, event, now)
            view = await shown_claim_file(uow, await stored_claim_file(uow, id_))
            if remember is not None:
                await remember(uow, view)
            return view

        return await self.store.write(work)

    def _event_of(self, reported: Reported, now: datetime) -> Event:
        at = reported.at or now
        if at > now + CLOCKS_DIFFER_BY:
            fault = FieldError(pointer="/at", message="must not be in the future")
            raise InvalidError("The event has not happened yet.", [fault])
        named = reported.sales_document
        data: dict[str, Any] = {} if named is None else {"sales_document": named}
        return Event(name=reported.event.value, key=self.ids.new(), at=at, note=named, data=data)

    async def _happen(
        self, uow: UnitOfWork, file: ClaimFile, kind: LocalEvent, event: Event, now: datetime
    ) -> None:
        connector = self.registry.usable(file.link.connector)
        stage = _STAGES.get(kind)
        if stage is not None and not _moves(file, stage):
            return
        if stage is None:
            _require_lifecycle(connector)
        happening = Happening(claim_file=file.id, event=event, is_reported=True)
        lived = await live_on(uow, connector, [happening], at=now)
        changes = list(lived.changes)
        if stage is not None:
            await uow.lives.reach(file.id, stage, at=now)
            changes.append(_stage_change(file, stage))
        uow.feed.append(changes, at=now)


def _moves(file: ClaimFile, stage: Stage) -> bool:
    """Say whether the file has yet to reach the stage; being told again changes nothing.

    Raises:
        TransitionRefusedError: it is past it.
    """
    if _ORDER.index(file.stage) > _ORDER.index(stage):
        raise TransitionRefusedError(f"The claim file is {file.stage} already.")
    return file.stage is not stage


def _require_lifecycle(connector: AnyConnector) -> None:
    if connector.lifecycle is None:
        text = f"Claim files of {connector.title} have no states; only their stage can be reported."
        raise TransitionRefusedError(text)


def _stage_change(file: ClaimFile, stage: Stage) -> Change:
    facts = {
        "state": file.standing.state,
        "stage": stage.value,
        "reference": file.reference,
        "partner_ref": file.partner_ref,
    }
    return claim_file_change(ChangeType.CLAIM_FILE_UPDATED, file.link, file.id, facts)
