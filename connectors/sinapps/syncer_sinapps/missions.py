"""Reading what belongs to a mission: as much as an event makes necessary, and each thing once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Flag, auto

from syncer.sdk import Href, NotFoundError, RecordWithdrawnError
from syncer_sinapps import wire
from syncer_sinapps.reading import text_of
from syncer_sinapps.resources import OurLink, Resource, list_of, read_once, remembered, together


class Part(Flag):
    """What of a mission is read, beside the mission itself."""

    NOTHING = 0
    CORE = auto()
    """Services, the claim and the appointments."""
    DOCUMENTS = auto()
    SOLICITATIONS = auto()
    ALL = CORE | DOCUMENTS | SOLICITATIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of a mission with its appointments."""

    id: str
    resource: Resource
    wire: wire.WireService
    appointments: list[Resource]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mission:
    """A mission, with the parts that were read; the others are None."""

    id: str
    resource: Resource
    wire: wire.WireMissionProperties
    seen_at: datetime | None
    services: list[Service] | None = None
    claim: Resource | None = None
    documents: list[Resource] | None = None
    solicitations: list[Resource] | None = None


async def read_mission(
    link: OurLink, resource: Resource, parts: Part, *, seen_at: datetime | None
) -> Mission:
    """Read the parts of a mission; what it does not link to is empty.

    Raises:
        PayloadError: the mission or one of its services cannot be read.
    """
    properties = resource.properties(wire.WireMissionProperties)
    id_ = str(properties.mission.id)
    memory = await remembered(link)
    memory.mission_at(id_, resource.href)
    memory.belongs(resource.href, id_)
    services, claim = await _core(link, resource, id_) if Part.CORE in parts else (None, None)
    documents = await _listed(link, resource, wire.DOCUMENTS, wanted=Part.DOCUMENTS in parts)
    asked = await _listed(link, resource, wire.SOLICITATIONS, wanted=Part.SOLICITATIONS in parts)
    for one in (*(documents or ()), *(asked or ())):
        memory.belongs(one.href, id_)
    return Mission(
        id=id_,
        resource=resource,
        wire=properties,
        seen_at=seen_at or resource.read_at,
        services=services,
        claim=claim,
        documents=documents,
        solicitations=asked,
    )


async def _listed(
    link: OurLink, mission: Resource, rel: str, *, wanted: bool
) -> list[Resource] | None:
    return await list_of(link, mission.link(rel)) if wanted else None


async def _core(
    link: OurLink, mission: Resource, mission_id: str
) -> tuple[list[Service], Resource | None]:
    services = await services_of(link, mission)
    memory = await remembered(link)
    claim = None
    for service in services:
        memory.belongs(service.resource.href, mission_id)
        for appointment in service.appointments:
            memory.belongs(appointment.href, mission_id)
        href = service.resource.link(wire.CLAIM)
        if href is not None and claim is None:
            claim = await _there(link, href)
            memory.belongs(href, mission_id)
            if claim is not None:
                memory.belongs(claim.href, mission_id)
    return services, claim


async def services_of(link: OurLink, mission: Resource) -> list[Service]:
    """Read the services of a mission with their appointments."""
    listed = await list_of(link, mission.link(wire.SERVICES))
    return await together(_service(link, each) for each in listed)


async def _service(link: OurLink, listed: Resource) -> Service:
    """Take a service from the list; one that is only named there is read."""
    resource = listed
    is_whole = all(listed.link(rel) for rel in (wire.CLAIM, wire.COMMANDS))
    is_named_only = "id" not in listed.plain or not is_whole
    if is_named_only and listed.href is not None:
        resource = await read_once(link, listed.href)
    service = resource.properties(wire.WireService)
    return Service(
        id=str(service.id),
        resource=resource,
        wire=service,
        appointments=await list_of(link, resource.link(wire.APPOINTMENTS)),
    )


async def _there(link: OurLink, href: Href) -> Resource | None:
    try:
        return await read_once(link, href)
    except (NotFoundError, RecordWithdrawnError):
        return None


def service_state(service: wire.WireService) -> str | None:
    """Give the name of the state a service is in."""
    return text_of(service.etat.name) if service.etat else None
