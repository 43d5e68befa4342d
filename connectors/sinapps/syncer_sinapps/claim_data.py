"""What a mission says about its claim, in the shape of a claim file's ``data``; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from syncer.sdk import Insurer, Record
from syncer_sinapps import wire
from syncer_sinapps.reading import amount_of, name_of, person_name, place_of, text_of


def claim_data(record: Record) -> Mapping[str, Any]:
    """Give nested JSON values; what the partner did not give is None.

    Beside the fields that persons may enter there are the actors, with the partner's names for
    phones and address since these are what ``actor_change`` takes, and the services.
    """
    claim = msgspec.convert(record.extra.get("dossierSinistre") or {}, wire.WireClaim, strict=False)
    actors = claim.acteurs or ()
    loss, contract = claim.sinistre or wire.WireLoss(), claim.contrat or wire.WireContract()
    insured, insurer = record.insured, record.insurer or Insurer()
    profile = {True: "company", False: "private"}.get(contract.professionnel or False)
    return {
        "client": {
            "name": insured.name if insured else None,
            "phone": insured.phone if insured else None,
            "email": insured.email if insured else None,
            "profile": profile if contract.professionnel is not None else None,
        },
        "loss": {
            "date": record.loss_date.isoformat() if record.loss_date else None,
            "place": place_of(loss.adresse),
        },
        "insurer": {
            "name": insurer.name,
            "code": text_of(record.extra.get("assureurId")),
            "claim_number": insurer.claim_number,
        },
        "contract": {"number": insurer.policy_number, "excess": _excess(contract.franchise)},
        "centre": {"name": _name_of_type(actors, wire.CENTRE)},
        "mission": {"status": record.status},
        "actors": [_actor(one) for one in actors] or None,
        "services": [_service(one) for one in record.extra.get("prestations") or ()] or None,
    }


def _name_of_type(actors: Sequence[wire.WireActor], type_: str) -> str | None:
    found = next((one for one in actors if name_of(one.type_acteur) == type_), None)
    return person_name(found.personne) if found else None


def _actor(actor: wire.WireActor) -> dict[str, Any]:
    person = actor.personne or wire.WirePerson()
    contact: dict[str, Any] = msgspec.to_builtins(person.coordonnees or wire.WireContact())
    return {
        "id": text_of(actor.id),
        "type": name_of(actor.type_acteur),
        "name": person_name(person),
        "email": contact.pop("email"),
        "phones": contact,
        "address": msgspec.to_builtins(person.adresse) if person.adresse else None,
    }


def _service(plain: Mapping[str, Any]) -> dict[str, Any]:
    state = plain.get("etat")
    return {
        "id": text_of(plain.get("id")),
        "state": state.get("name") if isinstance(state, dict) else None,
        "closed": plain.get("cloturee"),
    }


def _excess(excess: Any) -> dict[str, str] | None:
    """Give the excess when it is an amount; a share of the damage is none."""
    value = excess.get("value", excess.get("montant")) if isinstance(excess, dict) else excess
    if isinstance(value, dict):
        value = value.get("montant")
    amount = amount_of(value)
    return {"amount": str(amount), "currency": wire.CURRENCY} if amount is not None else None
