"""What the log and the states of services say of a mission's way, and of quotes and invoices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from syncer.sdk import (
    ClaimRef,
    Delivery,
    Event,
    Kind,
    NotFoundError,
    PayloadError,
    Receipt,
    Record,
    RecordWithdrawnError,
)
from syncer_sinapps import wire
from syncer_sinapps.events import Happening, amounts_of, state_of
from syncer_sinapps.lifecycle import STEP_OF_EVENT, STEP_OF_STATE, Step
from syncer_sinapps.mapping import amounts_record
from syncer_sinapps.missions import Mission, Part, Service, service_state
from syncer_sinapps.reading import instant_of, name_of
from syncer_sinapps.resources import OurLink, Resource, place_of, read_once, ref_of

_TRADE = {
    wire.QUOTE_DEPOSITED: Kind.QUOTE,
    wire.QUOTE_VALIDATED: Kind.QUOTE,
    wire.QUOTE_REFUSED: Kind.QUOTE,
    wire.INVOICE_DEPOSITED: Kind.INVOICE,
}
_SUFFIX = {Kind.QUOTE: "devis", Kind.INVOICE: "facture"}
_VALIDATION = {word: ours for ours, word in wire.VALIDATIONS.items()}


async def events_of(
    link: OurLink, mission: Mission, happenings: Sequence[Happening]
) -> list[Event]:
    """Give what happened to the mission, in order: the log first, then what the states say.

    Comments, documents and solicitations are records; they are no steps of the mission's way.
    """
    if mission.services is None:
        return []
    last = max((one.event_id for one in happenings), default=0)
    events = [
        await _event(link, mission, one)
        for one in happenings
        if Part.CORE in one.parts and one.is_known
    ]
    events += [_of_state(mission, service, last) for service in mission.services]
    if name_of(mission.wire.mission.statut) == "Annulee":
        events.append(_cancelled(mission, last))
    return _said_once(events)


def _said_once(events: Sequence[Event]) -> list[Event]:
    """Leave out what says a service's last step again, such as both sayings of a validation."""
    kept: list[Event] = []
    last: dict[Any, Any] = {}
    for event in events:
        step, service = event.data.get("step"), event.data.get("service")
        if step is None or last.get(service) != step:
            kept.append(event)
        if step is not None:
            last[service] = step
    return kept


async def _event(link: OurLink, mission: Mission, happening: Happening) -> Event:
    state = state_of(happening.data)
    step = STEP_OF_EVENT.get(happening.name) or STEP_OF_STATE.get(state or "")
    service = await service_of(link, mission, happening)
    data: dict[str, Any] = {"event": happening.name}
    if service is not None:
        data["service"] = service.id
    if step is not None:
        data["step"] = step.value
    if step is Step.DEPOSITED:
        data["validation"] = _validation(happening.data)
    if happening.name == "MissionAnnulee":
        data["mission"] = "cancelled"
    return Event(
        name=happening.spelled,
        key=f"event:{happening.key}",
        at=_at(mission, service),
        order=happening.event_id,
        note=state,
        data=data,
    )


def _of_state(mission: Mission, service: Service, order: int) -> Event:
    state = service_state(service.wire) or ""
    step = STEP_OF_STATE.get(state, Step.ASSIGNED)
    if step is Step.ASSIGNED and service.appointments:
        step = Step.APPOINTMENT
    if service.wire.cloturee:
        step = Step.CLOSED
    mark = service.wire.date_de_derniere_modification or ""
    return Event(
        name=f"state {state}" if state else "service",
        key=f"state:{service.id}:{state}:{step}:{mark}",
        at=_at(mission, service),
        order=order,
        data={"service": service.id, "step": step.value, "is_state": True},
    )


def _cancelled(mission: Mission, order: int) -> Event:
    return Event(
        name="state Annulee",
        key="state:Annulee",
        at=_at(mission, None),
        order=order,
        data={"mission": "cancelled"},
    )


def _validation(data: Mapping[str, Any]) -> str | None:
    wanted = data.get("validationManuelle")
    name = wanted.get("name") if isinstance(wanted, dict) else wanted
    return _VALIDATION.get(name) if isinstance(name, str) else None


def _at(mission: Mission, service: Service | None) -> datetime:
    changed = service.wire.date_de_derniere_modification if service else None
    if changed:
        return instant_of(changed, "prestation.dateDeDerniereModification")
    if mission.seen_at is not None:
        return mission.seen_at
    return instant_of(mission.wire.mission.date_de_missionnement or "", "dateDeMissionnement")


async def service_of(link: OurLink, mission: Mission, happening: Happening) -> Service | None:
    """Say which service an event is about; the only one when nothing says."""
    services = mission.services or []
    if happening.resource is not None:
        place = place_of(happening.resource)
        for service in services:
            hrefs = [service.resource.href, *(one.href for one in service.appointments)]
            if any(href is not None and place_of(href) == place for href in hrefs):
                return service
        named = await _service_named(link, happening)
        for service in services:
            if service.id == named:
                return service
    return services[0] if len(services) == 1 else None


async def _service_named(link: OurLink, happening: Happening) -> str | None:
    resource = await _resource(link, happening)
    if resource is None:
        return None
    plain = resource.plain
    return ref_of(plain.get("prestationId") or plain.get("id"))


async def _resource(link: OurLink, happening: Happening) -> Resource | None:
    if happening.resource is None:
        return None
    try:
        return await read_once(link, happening.resource)
    except (NotFoundError, RecordWithdrawnError, PayloadError):
        return None


# -- what we did ----------------------------------------------------------------------------------


_STEPS = {
    "appointment": Step.APPOINTMENT,
    "quote_received": Step.RECEIVED,
    "quote_refused_outside": Step.REFUSED_OUTSIDE,
    "quote": Step.DEPOSITED,
    "works_date": Step.PLANNED,
    "invoice": Step.INVOICED,
}
_DECISIONS = {"approve": Step.VALIDATED, "refuse": Step.REFUSED}


def delivery_events(delivery: Delivery[Any], receipt: Receipt, service: str | None) -> list[Event]:
    """Say what a delivery that is through does to the service it was for."""
    name, payload = delivery.operation.name, delivery.payload
    step = _STEPS.get(name) or _DECISIONS.get(getattr(payload, "decision", ""))
    if delivery.dry_run or step is None or service is None:
        return []
    said: dict[str, Any] = {"service": service, "step": step.value}
    number = getattr(payload, "number", None)
    if step is Step.DEPOSITED:
        said["validation"] = payload.validation
        if payload.validation == "none":
            said["step"] = Step.VALIDATED.value
    return [
        Event(
            name=name,
            key=f"delivery:{delivery.id}",
            at=receipt.at or delivery.accepted_at,
            note=f"{number}" if number else None,
            data=said,
        )
    ]


# -- quotes and invoices --------------------------------------------------------------------------


async def trade_records(
    link: OurLink, mission: Mission, happenings: Sequence[Happening]
) -> list[Record]:
    """Make the records of quotes and invoices, of which the log alone speaks.

    Where the event names an object of its own, or its data an id, that is the record's; else there
    is one of each kind for a service. The last that the page says of one counts; a state that says
    what an event of that name tells as well is no change of its own.
    """
    if mission.services is None:
        return []
    told = [
        (status, await service_of(link, mission, one), one)
        for one in happenings
        if (status := one.name if one.name in _TRADE else state_of(one.data)) in _TRADE
    ]
    events = {(one.name, service.id if service else None) for _, service, one in told}
    records: dict[tuple[Kind, str], Record] = {}
    for status, service, one in told:
        if one.name != status and (status, service.id if service else None) in events:
            continue
        record = await _trade_record(link, mission, service, one, status=status)
        records[record.kind, record.partner_ref] = record
    return list(records.values())


async def _trade_record(
    link: OurLink,
    mission: Mission,
    service: Service | None,
    happening: Happening,
    *,
    status: str,
) -> Record:
    kind = _TRADE[status]
    resource = await _resource(link, happening)
    of_service = service.id if service else mission.id
    extra: dict[str, Any] = {"prestationId": service.id if service else None}
    amounts, ref = amounts_of(happening.data), ref_of(happening.data.get("id"))
    if resource is not None and "montantHT" in resource.plain:
        amounts, ref = resource.properties(wire.WireAmounts), ref_of(resource.plain.get("id"))
        extra |= resource.plain
    return amounts_record(
        kind,
        ref or f"{of_service}:{_SUFFIX[kind]}",
        status=status,
        at=_at(mission, service),
        claim=ClaimRef(partner_ref=mission.id),
        plain={**extra, "_amounts": amounts},
    )
