"""Changing an actor: the partner wants all of a person, so it is read before it is written.

It is read just before it is sent, and again afterwards: what others changed stays, and when one
of them wrote over ours in the meantime it is written anew, on what is there then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from syncer.sdk import (
    AnswerLostError,
    Delivery,
    DeliveryBlockedError,
    Receipt,
)
from syncer_sinapps import wire
from syncer_sinapps.commands import submit
from syncer_sinapps.missions import services_of
from syncer_sinapps.resources import OurLink, Resource, read, ref_of

MOST_ROUNDS = 3


async def change_actor(link: OurLink, delivery: Delivery[Any], mission: Resource) -> Receipt:
    """Set the named fields of an actor, and leave all others as they are.

    Raises:
        DeliveryBlockedError: the mission has no claim, or its claim no such actor.
        AnswerLostError: others wrote over it again and again.
    """
    actor, fields = delivery.payload.actor, delivery.payload.fields.model_dump(exclude_none=True)

    async def body() -> Mapping[str, Any]:
        id_, person = _actor(await _claim(link, mission), actor)
        return {"id": id_, "personne": changed(person, fields)}

    receipt: Receipt | None = None
    for _ in range(MOST_ROUNDS):
        claim = await _claim(link, mission)
        _, person = _actor(claim, actor)
        if changed(person, fields) == person and not delivery.dry_run:
            return receipt or Receipt(raw={"found": "unchanged"})
        receipt = await submit(link, claim, wire.CHANGE_ACTOR, body, dry_run=delivery.dry_run)
        if delivery.dry_run:
            return receipt
    raise AnswerLostError("Others change the actor at the same time.")


def changed(person: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the named fields over a person."""
    contact = {**(person.get("coordonnees") or {}), **fields.get("phones", {})}
    if "email" in fields:
        contact["email"] = fields["email"]
    address = {**(person.get("adresse") or {}), **fields.get("address", {})}
    return {**person, "coordonnees": contact, "adresse": address}


async def _claim(link: OurLink, mission: Resource) -> Resource:
    """Read the claim resource as it stands now."""
    for service in await services_of(link, mission):
        href = service.resource.link(wire.CLAIM)
        if href is not None:
            return await read(link, href)
    raise DeliveryBlockedError("The partner gives no claim for the mission.")


def _actor(claim: Resource, wanted: str) -> tuple[Any, Mapping[str, Any]]:
    """Find an actor by its id, or by its type where there is one of it; gives id and person.

    Raises:
        DeliveryBlockedError: there is none.
    """
    actors = [one for one in claim.plain.get("acteurs") or () if isinstance(one, dict)]
    found = [one for one in actors if ref_of(one.get("id")) == wanted]
    found = found or [one for one in actors if (one.get("typeActeur") or {}).get("name") == wanted]
    if len(found) != 1:
        raise DeliveryBlockedError("The claim has no such actor (any more).")
    person = found[0].get("personne")
    return found[0].get("id"), person if isinstance(person, dict) else {}
