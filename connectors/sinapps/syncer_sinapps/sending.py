"""Deliveries: which command each operation is, with which body, and on which resource.

Before a command leaves, what will tell later whether it took effect is noted: how often what it
makes was there, and the last event of the mission. After a lost answer the same is looked at again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from syncer.sdk import (
    Delivery,
    DeliveryBlockedError,
    NotFoundError,
    Receipt,
    RecordWithdrawnError,
)
from syncer_sinapps import bodies, evidence, uploads, wire
from syncer_sinapps.actors import change_actor
from syncer_sinapps.commands import find_command, submit
from syncer_sinapps.missions import Service, services_of
from syncer_sinapps.resources import OurLink, Resource, find_mission

BEFORE = "before"
"""The step under which is noted how things stood before the command left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One attempt at a delivery, with the mission that it is for."""

    link: OurLink
    delivery: Delivery[Any]
    mission: Resource
    service: Service | None = None

    @property
    def payload(self) -> Any:
        """What the caller said."""
        return self.delivery.payload

    @property
    def place(self) -> Resource:
        """The service where there is one to speak of, else the mission."""
        return self.service.resource if self.service else self.mission


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How an operation leaves.

    ``owner`` gives the resource whose command it is, ``body`` what is sent; ``trace`` says how to
    tell that it took effect.
    """

    command: Callable[[Any], str]
    owner: Callable[[Sending], Awaitable[Resource]]
    body: Callable[[Sending], Awaitable[Mapping[str, Any]]]
    trace: evidence.Trace


async def deliver(link: OurLink, delivery: Delivery[Any]) -> Receipt:
    """Make one attempt; see ``Connector.deliver`` for the errors."""
    sending = await _open(link, delivery)
    name = delivery.operation.name
    if name == "document":
        return await uploads.upload_all(link, delivery, sending.mission)
    if name == "actor_change":
        return await change_actor(link, delivery, sending.mission)
    way = WAYS[name]
    body = await way.body(sending)
    owner = await way.owner(sending)
    if not delivery.dry_run:
        await _note_before(sending, way)
    return await submit(link, owner, way.command(sending.payload), body, dry_run=delivery.dry_run)


async def look_up(link: OurLink, delivery: Delivery[Any]) -> Receipt | None:
    """Say whether a delivery whose answer was lost took effect."""
    sending = await _open(link, delivery)
    name = delivery.operation.name
    if name == "document":
        return await uploads.all_there(link, delivery, sending.mission)
    if name == "actor_change":
        return None  # what it sets can be set again: it reads before it writes
    before = delivery.notes.get(BEFORE)
    if before is None:
        return None  # nothing left but files, which are looked for by their keys
    way = WAYS[name]
    now = await _stand(sending, way)
    found = await evidence.took_effect(
        link,
        sending.mission,
        way.command(sending.payload),
        before=before,
        now=now,
    )
    return Receipt(raw={"found": found}) if found else None


async def _note_before(sending: Sending, way: Way) -> None:
    """Note how things stand, unless an attempt in doubt did so before."""
    delivery = sending.delivery
    if BEFORE in delivery.notes and delivery.in_doubt:
        return
    stand = await _stand(sending, way)
    last = await evidence.last_event(sending.link, sending.mission)
    await delivery.note(BEFORE, {**stand, "event": last})


async def _stand(sending: Sending, way: Way) -> dict[str, Any]:
    """Say how often what the operation makes is there, and the state it moves."""
    return await way.trace(sending.link, sending.mission, sending.service, sending.delivery)


async def _open(link: OurLink, delivery: Delivery[Any]) -> Sending:
    """Find the mission and the service that a delivery is for.

    Raises:
        DeliveryBlockedError: the partner does not list them (any more).
    """
    file = delivery.claim_file
    if file is None or file.partner_ref is None:
        raise DeliveryBlockedError("The claim file is no mission of the partner.")
    try:
        mission = await find_mission(link, file.partner_ref)
    except (NotFoundError, RecordWithdrawnError):
        raise DeliveryBlockedError("The partner does not list the mission any more.") from None
    sending = Sending(link=link, delivery=delivery, mission=mission)
    if not hasattr(delivery.payload, "service"):
        return sending
    return replace(sending, service=await _service(link, mission, delivery.payload.service))


async def _service(link: OurLink, mission: Resource, wanted: str | None) -> Service:
    services = await services_of(link, mission)
    found = [one for one in services if wanted in {None, one.id}]
    if len(found) != 1:
        which = f"has no service {wanted}" if wanted else f"has {len(found)} services"
        raise DeliveryBlockedError(f"The mission {which}; name the service it is for.")
    return found[0]


# -- how each operation leaves ---------------------------------------------------------------------


async def _mission(sending: Sending) -> Resource:
    return sending.mission


async def _place(sending: Sending) -> Resource:
    return sending.place


async def _last_appointment(sending: Sending) -> Resource:
    appointments = sending.service.appointments if sending.service else []
    if not appointments:
        raise DeliveryBlockedError("The partner lists no appointment that could be changed.")
    for one in reversed(appointments):
        if await find_command(sending.link, one, wire.CHANGE_APPOINTMENT) is not None:
            return one
    return appointments[-1]


def _plain(make: Callable[[Any], Mapping[str, Any]]) -> Callable[[Sending], Any]:
    """Take a body that is made of the payload alone."""

    async def body(sending: Sending) -> Mapping[str, Any]:
        return make(sending.payload)

    return body


async def _quote(sending: Sending) -> Mapping[str, Any]:
    return bodies.quote(sending.payload, await _file(sending))


async def _invoice(sending: Sending) -> Mapping[str, Any]:
    return bodies.invoice(sending.payload, await _file(sending))


async def _file(sending: Sending) -> wire.Ref:
    [found] = await uploads.upload(sending.link, sending.delivery, sending.mission)
    return found


async def _reply(sending: Sending) -> Mapping[str, Any]:
    files = await uploads.upload(sending.link, sending.delivery, sending.mission)
    wanted = evidence.asked_in(sending.delivery)
    asked = await evidence.solicitation(sending.link, sending.mission, wanted)
    return bodies.reply(sending.payload, asked.id if asked else wanted, files)


def _always(name: str) -> Callable[[Any], str]:
    return lambda _payload: name


def _decision(payload: Any) -> str:
    return wire.VALIDATE_QUOTE if payload.decision == "approve" else wire.REFUSE_QUOTE


def _way(
    command: str | Callable[[Any], str],
    owner: Callable[[Sending], Awaitable[Resource]],
    body: Callable[[Sending], Awaitable[Mapping[str, Any]]],
    trace: evidence.Trace,
) -> Way:
    name = _always(command) if isinstance(command, str) else command
    return Way(command=name, owner=owner, body=body, trace=trace)


WAYS: Mapping[str, Way] = {
    "appointment": _way(
        wire.TAKE_APPOINTMENT, _place, _plain(bodies.appointment), evidence.of_appointment
    ),
    "appointment_change": _way(
        wire.CHANGE_APPOINTMENT,
        _last_appointment,
        _plain(bodies.appointment_change),
        evidence.of_appointment,
    ),
    "works_date": _way(wire.PLAN_WORKS, _place, _plain(bodies.works_date), evidence.of_state),
    "quote": _way(wire.DEPOSIT_QUOTE, _place, _quote, evidence.of_state),
    "quote_decision": _way(_decision, _place, _plain(bodies.decision), evidence.of_state),
    "invoice": _way(wire.DEPOSIT_INVOICE, _place, _invoice, evidence.of_state),
    "solicitation": _way(wire.ASK, _mission, _plain(bodies.solicitation), evidence.of_solicitation),
    "solicitation_reply": _way(wire.ANSWER, _mission, _reply, evidence.of_reply),
    "comment": _way(wire.COMMENT, _mission, _plain(bodies.comment), evidence.of_comment),
    "end_of_work": _way(wire.END_SERVICE, _place, _plain(bodies.end_of_work), evidence.of_state),
    "difficulty": _way(
        wire.REPORT_DIFFICULTY, _mission, _plain(bodies.difficulty), evidence.of_mission
    ),
}
