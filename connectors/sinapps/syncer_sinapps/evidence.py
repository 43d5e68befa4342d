"""Whether a command took effect whose answer was lost: by what it makes, or by what it moves.

What has content of its own (an appointment, a comment, a solicitation) is counted before and after,
so that the same content from elsewhere is not taken for ours. The other commands move a state, and
the mission's events tell of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from syncer.sdk import (
    Delivery,
    DeliveryBlockedError,
    NotFoundError,
    PayloadError,
    RecordWithdrawnError,
)
from syncer_sinapps import bodies, wire
from syncer_sinapps.events import Happening, read_events, read_log
from syncer_sinapps.lifecycle import STEP_OF_STATE, Step
from syncer_sinapps.missions import Service, service_state
from syncer_sinapps.reading import name_of
from syncer_sinapps.resources import (
    OurLink,
    Resource,
    comment_of,
    list_of,
    read,
    readable,
    remembered,
)

Trace = Callable[[OurLink, Resource, Service | None, Delivery[Any]], Awaitable[dict[str, Any]]]
COUNT, STATE, EVENT = "count", "state", "event"

_REACHED: Mapping[str, Collection[Step]] = {
    "works_date": {Step.PLANNED, Step.INVOICED},
    "quote": {Step.DEPOSITED, Step.VALIDATED, Step.REFUSED},
    "quote_decision:approve": {Step.VALIDATED},
    "quote_decision:refuse": {Step.REFUSED},
    "invoice": {Step.INVOICED},
}
_EVENT_OF_COMMAND = {
    wire.DEPOSIT_QUOTE: wire.QUOTE_DEPOSITED,
    wire.VALIDATE_QUOTE: wire.QUOTE_VALIDATED,
    wire.REFUSE_QUOTE: wire.QUOTE_REFUSED,
    wire.DEPOSIT_INVOICE: wire.INVOICE_DEPOSITED,
    wire.END_SERVICE: "FinDePrestationDemandee",
}
_HELD_UP = frozenset({"Bloquee", "EnAttente"})


async def took_effect(
    link: OurLink,
    mission: Resource,
    command: str,
    *,
    before: Mapping[str, Any],
    now: Mapping[str, Any],
) -> str | None:
    """Say by what it shows that a command took effect; None when nothing does."""
    if now[COUNT] > before[COUNT]:
        return "listed"
    if STATE not in now:
        return None
    if now[COUNT] and now[STATE] != before[STATE]:
        return "state"
    last = before.get(EVENT)
    if last is None:
        return None
    for one in await events_since(link, mission, last):
        is_it = one.name == _EVENT_OF_COMMAND.get(command) or await _is_command(link, one, command)
        if is_it and await _is_ours(link, one):
            return f"event {one.event_id}"
    return None


async def _is_ours(link: OurLink, happening: Happening) -> bool:
    """Say whether we made an event; one of another author stands in the log of others' events.

    The id that an event gives its author need not be the one of the account we signed in with.
    """
    user_id = (await remembered(link)).user_id
    if user_id and happening.user_id == user_id:
        return True
    others = await read_log(link, happening.event_id - 1)
    return all(one.event_id != happening.event_id for one in others.happenings)


async def _is_command(link: OurLink, happening: Happening, command: str) -> bool:
    """Say whether an event tells that this command was accepted."""
    if happening.name != wire.COMMAND_ACCEPTED:
        return False
    named = happening.data.get("name")
    if isinstance(named, str):
        return named == command
    if happening.resource is None:
        return False
    try:
        resource = await read(link, happening.resource)
        return resource.properties(wire.WireResult).name == command
    except (NotFoundError, RecordWithdrawnError, PayloadError):
        return False


async def events_since(link: OurLink, mission: Resource, since: int) -> list[Happening]:
    """Read the mission's own events after one; none where it has no such link."""
    href = mission.link(wire.EVENTS)
    found: list[Happening] = []
    for _ in range(wire.MOST_PAGES if href else 0):
        assert href is not None, "there is a link"
        query = {wire.SINCE: since, wire.MOST_EVENTS: wire.EVENTS_AT_ONCE}
        log = read_events(await read(link, href, **query), since)
        if log.last_id is None:
            break
        since = log.last_id
        found += log.happenings
    return found


async def last_event(link: OurLink, mission: Resource) -> int | None:
    """Give the id of the mission's last event; None where its events cannot be read."""
    if mission.link(wire.EVENTS) is None:
        return None
    return max((one.event_id for one in await events_since(link, mission, 0)), default=0)


# -- how things stand ------------------------------------------------------------------------------


async def of_state(
    _link: OurLink, _mission: Resource, service: Service | None, delivery: Delivery[Any]
) -> dict[str, Any]:
    """Look at the state of the service; one that is not known is taken for a further one."""
    state = service_state(service.wire) if service else None
    name = delivery.operation.name
    reached = _REACHED.get(name) or _REACHED.get(
        f"{name}:{getattr(delivery.payload, 'decision', '')}", ()
    )
    step = STEP_OF_STATE.get(state or "")
    is_there = step in reached or (step is None and bool(reached))  # a state of another name
    if service is not None and name == "end_of_work":
        is_there = service.resource.plain.get("finPrestation") is not None
    return {COUNT: int(is_there), STATE: state}


async def of_mission(
    _link: OurLink, mission: Resource, _service: Service | None, _delivery: Delivery[Any]
) -> dict[str, Any]:
    """Look at the status of the mission."""
    status = name_of(mission.properties(wire.WireMissionProperties).mission.statut)
    return {COUNT: int(status in _HELD_UP), STATE: status}


async def of_appointment(
    _link: OurLink, _mission: Resource, service: Service | None, delivery: Delivery[Any]
) -> dict[str, Any]:
    """Count the appointments of the service at the time in question."""
    wanted = bodies.schedule(delivery.payload.start, delivery.payload.end)
    taken = [one.plain.get("horaire") for one in (service.appointments if service else ())]
    return {COUNT: sum(_is_same_time(one, wanted) for one in taken)}


def _is_same_time(given: Any, wanted: Mapping[str, Any]) -> bool:
    value = given.get("value") if isinstance(given, dict) else None
    if not isinstance(value, dict):
        return False
    return all(str(value.get(name, "")).startswith(text) for name, text in wanted["value"].items())


async def of_comment(
    _link: OurLink, mission: Resource, _service: Service | None, delivery: Delivery[Any]
) -> dict[str, Any]:
    """Count the comments that say the same."""
    said = mission.properties(wire.WireMissionProperties).mission.commentaires or ()
    return {COUNT: sum(_says(bytes(one), delivery.payload.message) for one in said)}


def _says(comment: bytes, message: str) -> bool:
    try:
        return comment_of(comment).message == message
    except PayloadError:
        return False


async def of_solicitation(
    link: OurLink, mission: Resource, _service: Service | None, delivery: Delivery[Any]
) -> dict[str, Any]:
    """Count the solicitations that ask the same."""
    wanted = bodies.solicitation(delivery.payload)
    count = 0
    listed = await list_of(link, mission.link(wire.SOLICITATIONS))
    for _, asked in readable(listed, wire.WireSolicitation):
        addressee = name_of(asked.destinataire.type_acteur) if asked.destinataire else None
        count += (
            asked.message == wanted["message"]
            and name_of(asked.type) == wanted["type"]["name"]
            and addressee == wanted["destinataire"]["typeActeur"]["name"]
        )
    return {COUNT: count}


def asked_in(delivery: Delivery[Any]) -> str:
    """Give the partner's id of the solicitation that a reply is for.

    Raises:
        DeliveryBlockedError: its record is gone.
    """
    asked = delivery.records.get("solicitation")
    if asked is None:
        raise DeliveryBlockedError("The solicitation is not there any more.")
    return asked.partner_ref


async def of_reply(
    link: OurLink, mission: Resource, _service: Service | None, delivery: Delivery[Any]
) -> dict[str, Any]:
    """Say whether the solicitation has an answer."""
    asked = await solicitation(link, mission, asked_in(delivery))
    return {COUNT: int(asked is not None and name_of(asked.etat) not in {None, wire.OPEN})}


async def solicitation(
    link: OurLink, mission: Resource, wanted: str
) -> wire.WireSolicitation | None:
    """Find a solicitation of the mission by its id; None where it is not listed."""
    listed = await list_of(link, mission.link(wire.SOLICITATIONS))
    for _, asked in readable(listed, wire.WireSolicitation):
        if str(asked.id) == wanted:
            return asked
    return None
