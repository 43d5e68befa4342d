"""Who may ask whom what: the rule S4 as data."""

from __future__ import annotations

from collections.abc import Mapping

from syncer_sinapps import wire
from syncer_sinapps.reading import name_of

OUTSIDE = "outside_matrix"

ALLOWED: Mapping[tuple[str, str], frozenset[str]] = {
    (wire.INSURED, wire.CENTRE): frozenset({"Clarification"}),
    (wire.INSURER, wire.CENTRE): frozenset(
        {"Commentaire", "DemandeDocuments", "Correction", "Clarification"}
    ),
    (wire.SURVEYOR, wire.CENTRE): frozenset({"Correction"}),
    (wire.CENTRE, wire.SURVEYOR): frozenset({"Clarification"}),
    (wire.CENTRE, wire.INSURER): frozenset({"NouvelleIntervention", "Clarification"}),
}
ACTORS = {
    "insured": wire.INSURED,
    "insurer": wire.INSURER,
    "surveyor": wire.SURVEYOR,
    "centre": wire.CENTRE,
}
"""Whom the planning system may name, by the partner's words."""


def is_allowed(emitter: str | None, addressee: str | None, type_: str | None) -> bool:
    """Say whether one actor may ask another a thing of this type."""
    return type_ in ALLOWED.get((emitter or "", addressee or ""), frozenset())


def actor_of(party: wire.WireParty | None) -> str | None:
    """Give the type of actor that a party is."""
    return name_of(party.type_acteur) if party else None


def why_not(emitter: str, to: str, type_: str) -> tuple[str, str] | None:
    """Say which field of a solicitation is refused and why; None when it may be sent."""
    addressee, wanted = ACTORS[to], wire.SOLICITATION_TYPES[type_]
    types = ALLOWED.get((emitter, addressee))
    if types is None:
        others = sorted(other for one, other in ALLOWED if one == emitter)
        may = f"only {' and '.join(others)}" if others else "nobody"
        return "/payload/to", f"{emitter} may not ask {addressee}; it may ask {may}"
    if wanted not in types:
        allowed = " and ".join(sorted(types))
        return "/payload/type", f"{emitter} may ask {addressee} for {allowed} only"
    return None
