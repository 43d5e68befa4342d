"""Acceptance of a delivery: all that can be refused is refused now; what is accepted is stored."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn
from uuid import UUID, uuid5

from syncer.domain.claim_files import ClaimFile, Origin
from syncer.domain.completeness import Row
from syncer.domain.deliveries import (
    DeliveryFile,
    DeliveryState,
    Lane,
    StoredDelivery,
)
from syncer.domain.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    NotFoundError,
)
from syncer.domain.feed import ChangeType
from syncer.domain.lifecycles import Event
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.domain.records import ClaimRef
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock, Ids
from syncer.ports.plugins import ConnectorRegistry, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import INSTALL_ID_NOTE
from syncer.sdk import Delivery, Operation, Payload, Receipt
from syncer.services.admission import (
    as_seen,
    check,
    documents_left_out,
    require_in_vain,
    sending_connector,
)
from syncer.services.completeness import recount
from syncer.services.delivery_effects import events_of, hold_up_dependents, take_effect
from syncer.services.delivery_files import resolve_files
from syncer.services.delivery_json import delivery_change, delivery_view
from syncer.services.guard import purely_guarded
from syncer.services.lifecycles import INCOMPLETE_EVENT, Happening, live_on
from syncer.services.open_links import NO_MAIL
from syncer.services.opening import AnyConnector
from syncer.services.outgoing import operation_of, read_payload
from syncer.services.record_json import Json, claim_file_change
from syncer.services.settings import SettingsInForce
from syncer.services.verdicts import receipt_json

Remember = Callable[[UnitOfWork, Json], Awaitable[None]]
"""Notes the answer within the write that brought it about."""

_NO_MAIL_TEXT = "no mail server is configured; have the operator set one up under [mail]"
_WHY_NOT_ACTIVE = {
    LinkState.UNCONFIGURED: "it has no credentials yet; register them first",
    LinkState.PAUSED: "it is paused; resume it first",
    LinkState.CREDENTIALS_REJECTED: "the partner refused its credentials; resume the link or have "
    "them reset",
    LinkState.UNAVAILABLE: "it is unavailable; see the link's reason",
    LinkState.SUPERSEDED: "another connector has taken this one's place",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """What the planning system asks for."""

    operation: str
    payload: dict[str, Any]
    claim_file: str | None = None
    connector: str | None = None
    repairer: str | None = None
    attachments: Sequence[str] | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Over which link a delivery goes, and what it is there."""

    installed: Installed
    operation: Operation
    link: Link
    payload: Payload

    @property
    def connector(self) -> AnyConnector:
        assert self.installed.connector is not None
        return self.installed.connector


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Accepts deliveries: row, files and remembered answer in one write, or nothing."""

    store: Store
    registry: ConnectorRegistry
    settings: SettingsInForce
    clock: Clock
    ids: Ids
    nudge: Callable[[], None]

    async def accept(self, new: NewDelivery, *, remember: Remember | None = None) -> Json:
        """Accept a delivery; once this returns it will be sent once, or a person is told.

        Raises:
            NotFoundError: there is no such claim file.
            InvalidError: a name is unknown, or a field or file is not what the operation takes.
            ConflictError: ``superseded``, ``connector_disabled``, ``link_not_active``,
                ``documents_missing``, ``transition_refused``.
            TooLargeError: the partner takes no more at once.
        """

        async def work(uow: UnitOfWork) -> Json:
            view = await self._accept(uow, new)
            if remember is not None:
                await remember(uow, view)
            return view

        view = await self.store.write(work)
        crash_point("delivery-accepted")
        self.nudge()
        return view

    async def _accept(self, uow: UnitOfWork, new: NewDelivery) -> Json:
        claim_file = await self._named_file(uow, new)
        way = await self._way(uow, new, claim_file)
        if way.operation.makes_claim_file:
            claim_file = await self._file_to_make_of(uow, way)
        file_id = claim_file.id if claim_file is not None else None
        files = await resolve_files(uow, file_id, new.attachments, way.operation.files)
        ids = {file.id for file in files}
        missing = await documents_left_out(uow, way.operation, way.payload, claim_file, going=ids)
        stored = await self._value_of(uow, new, way, claim_file, files)
        delivery = await as_seen(uow, stored, way.installed, claim_file)
        check(delivery, way.installed, way.link, self.settings)
        if claim_file is None:
            await self._make_file(uow, stored, way)
        await uow.deliveries.add(stored)
        await self._note_missing(uow, stored, missing, connector=way.connector)
        if way.operation.is_local:
            stored = await self._done_at_once(uow, stored, delivery, way)
        uow.feed.append([delivery_change(stored)], at=self.clock.now())
        await hold_up_dependents(uow, stored.lane)
        kept = await uow.deliveries.get(stored.id)
        assert kept is not None
        return delivery_view(kept, {})

    # -- documents that are missing ---------------------------------------------------------------

    async def _note_missing(
        self,
        uow: UnitOfWork,
        stored: StoredDelivery,
        missing: Sequence[Row],
        *,
        connector: AnyConnector,
    ) -> None:
        """Keep in the timeline what a person sent without."""
        if not missing or stored.dry_run:
            return
        event = Event(
            name=INCOMPLETE_EVENT,
            key=f"incomplete:{stored.id}",
            at=stored.accepted_at,
            note=f"without {', '.join(row.label for row in missing)}",
        )
        happening = Happening(claim_file=stored.lane.claim_file_id, event=event, delivery=stored.id)
        await live_on(uow, connector, [happening], at=stored.accepted_at)

    # -- which way it goes ------------------------------------------------------------------------

    async def _named_file(self, uow: UnitOfWork, new: NewDelivery) -> ClaimFile | None:
        if new.claim_file is None:
            return None
        claim_file = await uow.claim_files.get(new.claim_file)
        if claim_file is None:
            raise NotFoundError("There is no claim file of this id.")
        return claim_file

    async def _way(self, uow: UnitOfWork, new: NewDelivery, claim_file: ClaimFile | None) -> _Way:
        installed = self._installed(new, claim_file)
        connector = installed.connector
        assert connector is not None
        operation = operation_of(connector, new.operation)
        if operation is None:
            known = ", ".join(one.name for one in connector.operations) or "nothing"
            _refuse("/operation", f"{connector.title} has no such operation; it sends {known}")
        link = await uow.links.get(self._link_key(new, claim_file, installed, operation))
        if link is None:
            _refuse("/repairer", "There is no such repairer.")
        if link.state is not LinkState.ACTIVE:
            why = _NO_MAIL_TEXT if link.reason == NO_MAIL else _WHY_NOT_ACTIVE[link.state]
            text = f"The link to {connector.title} cannot send: {why}."
            raise ConflictError("link_not_active", text, state=link.state.value)
        if new.dry_run and not operation.dry_run:
            _refuse("/dry_run", f"{operation.name} cannot be tried without effect")
        payload = read_payload(operation, new.payload)
        return _Way(installed=installed, operation=operation, link=link, payload=payload)

    def _installed(self, new: NewDelivery, claim_file: ClaimFile | None) -> Installed:
        name = new.connector or (claim_file.link.connector if claim_file else None)
        if name is None:
            _refuse("/claim_file", "name a claim file, or repairer and connector")
        try:
            return sending_connector(self.registry, name)
        except NotFoundError:
            _refuse("/connector", "There is no such connector.")

    def _link_key(
        self,
        new: NewDelivery,
        claim_file: ClaimFile | None,
        installed: Installed,
        operation: Operation,
    ) -> LinkKey:
        if operation.makes_claim_file:
            if claim_file is not None:
                _refuse("/claim_file", "this operation makes one; name repairer and connector")
            if new.repairer is None:
                _refuse("/repairer", "must be named for this operation")
            return LinkKey(new.repairer, installed.name)
        if claim_file is None:
            _refuse("/claim_file", "must be named for this operation")
        if new.repairer not in {None, claim_file.link.repairer}:
            _refuse("/repairer", "is not the claim file's")
        connector = installed.connector
        is_own = claim_file.link.connector == installed.name
        if not is_own and connector is not None and not connector.any_claim_file:
            _refuse("/connector", f"sends nothing for claim files of {claim_file.link.connector}")
        return LinkKey(claim_file.link.repairer, installed.name)

    # -- claim files that an operation makes ------------------------------------------------------

    async def _file_to_make_of(self, uow: UnitOfWork, way: _Way) -> ClaimFile | None:
        """Give the claim file that is there already for what the operation would make.

        Raises:
            ConflictError: ``transition_refused``: it was asked for before, and not in vain.
        """
        claim = _claim_of(way)
        known = await uow.claim_files.named(way.link.key, claim)
        if known is None:
            return None
        await require_in_vain(uow, known, way.operation)
        return known

    async def _make_file(self, uow: UnitOfWork, stored: StoredDelivery, way: _Way) -> None:
        claim = _claim_of(way)
        now = self.clock.now()
        made = ClaimFile(
            id=stored.lane.claim_file_id,
            link=way.link.key,
            origin=Origin.PLANNING,
            reference=claim.reference,
            partner_ref=claim.partner_ref,
            claim_number=claim.claim_number,
            claim_type=claim.claim_type,
            partner_data={},
            person_data={},
            person_set_at={},
            created_at=now,
            updated_at=now,
        )
        await uow.claim_files.make(made)
        await recount(uow, [made], at=now)
        lived = await live_on(uow, way.connector, [], begin=[made.id], at=now)
        standing = lived.standings.get(made.id, made.standing)
        facts = {
            "state": standing.state,
            "partner_ref": made.partner_ref,
            "reference": made.reference,
        }
        change = claim_file_change(ChangeType.CLAIM_FILE_CREATED, made.link, made.id, facts)
        uow.feed.append([change], at=now)

    # -- what is stored ---------------------------------------------------------------------------

    async def _value_of(
        self,
        uow: UnitOfWork,
        new: NewDelivery,
        way: _Way,
        claim_file: ClaimFile | None,
        files: Sequence[DeliveryFile],
    ) -> StoredDelivery:
        id_, now = self.ids.new(), self.clock.now()
        install_id = await uow.notes.get(INSTALL_ID_NOTE) or bytes(16)
        operation = way.operation
        return StoredDelivery(
            id=id_,
            key=str(uuid5(UUID(bytes=install_id), id_)),
            lane=Lane(claim_file.id if claim_file else self.ids.new(), way.link.key),
            operation=operation.name,
            payload=way.payload.model_dump(mode="json", exclude_unset=True),
            depends_on=operation.depends_on,
            lost_answer=operation.lost_answer,
            dry_run=new.dry_run,
            accepted_at=now,
            updated_at=now,
            next_attempt_at=now,
            files=tuple(files),
        )

    async def _done_at_once(
        self, uow: UnitOfWork, stored: StoredDelivery, delivery: Delivery[Any], way: _Way
    ) -> StoredDelivery:
        """Record a local step: nothing leaves, and it is through with its acceptance."""
        now = self.clock.now()
        receipt = Receipt(at=now)
        done = replace(
            stored,
            state=DeliveryState.DELIVERED,
            next_attempt_at=None,
            receipt=receipt_json(receipt, now=now),
        )
        await uow.deliveries.save(done, lease=None)
        events = events_of(way.connector, delivery, receipt)
        await take_effect(uow, done, receipt, events, connector=way.connector, at=now)
        return done


def _claim_of(way: _Way) -> ClaimRef:
    return purely_guarded("claim_of", lambda: way.connector.claim_of(way.payload))


def _refuse(pointer: str, message: str) -> NoReturn:
    raise InvalidError("The delivery is not valid.", [FieldError(pointer=pointer, message=message)])
