"""The life of a mission: each of its services goes from the appointment to the invoice (S5).

What the partner says is a fact and is never refused here; what may leave is checked before it does,
by ``why_not``. Two sayings of one change (``DevisValide``, and the state of that name) are one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from syncer.sdk import Event, Lifecycle, LocalEvent, Standing, TransitionRefusedError


class Step(StrEnum):
    """What can happen to a service; the value stands in an event's data."""

    ASSIGNED = "assigned"
    APPOINTMENT = "appointment"
    RECEIVED = "quote_received"
    REFUSED_OUTSIDE = "quote_refused_outside"
    DEPOSITED = "quote_deposited"
    VALIDATED = "quote_validated"
    REFUSED = "quote_refused"
    PLANNED = "works_planned"
    INVOICED = "invoiced"
    CLOSED = "closed"
    CANCELLED = "cancelled"


ORDER = (
    "assigned",
    "appointment",
    "quote_refused",
    "quote_received",
    "quote_pending",
    "quote_validated",
    "works_planned",
    "invoiced",
    "closed",
    "cancelled",
)
"""Stages of a service, and states of a claim file, in the order of a usual life."""
_RANK = {stage: rank for rank, stage in enumerate(ORDER)}

_STAGE_AFTER = {
    Step.ASSIGNED: "assigned",
    Step.APPOINTMENT: "appointment",
    Step.RECEIVED: "quote_received",
    Step.DEPOSITED: "quote_pending",
    Step.VALIDATED: "quote_validated",
    Step.REFUSED: "quote_refused",
    Step.REFUSED_OUTSIDE: "quote_refused",
    Step.PLANNED: "works_planned",
    Step.INVOICED: "invoiced",
    Step.CLOSED: "closed",
    Step.CANCELLED: "cancelled",
}

STEP_OF_STATE: Mapping[str, Step] = {
    "MissionRecue": Step.ASSIGNED,
    "PrestationRecue": Step.ASSIGNED,
    "RendezVousPris": Step.APPOINTMENT,
    "RendezVousChiffragePris": Step.APPOINTMENT,
    "DevisDepose": Step.DEPOSITED,
    "ChiffrageEnAttenteDeValidation": Step.DEPOSITED,
    "DevisEnAttenteDeValidation": Step.DEPOSITED,
    "DevisValide": Step.VALIDATED,
    "ChiffrageValide": Step.VALIDATED,
    "DevisRefuse": Step.REFUSED,
    "ChiffrageRefuse": Step.REFUSED,
    "TravauxPlanifies": Step.PLANNED,
    "FactureTravauxDeposee": Step.INVOICED,
    "FactureDeposee": Step.INVOICED,
    "FactureGestionDeposee": Step.INVOICED,
    "Annulee": Step.CANCELLED,
    "MissionAnnulee": Step.CANCELLED,
}
"""What the partner's states of a service say of its way; other states say nothing of it."""

STEP_OF_EVENT: Mapping[str, Step] = {
    "PrestationCreee": Step.ASSIGNED,
    "RendezVousPris": Step.APPOINTMENT,
    "DevisDepose": Step.DEPOSITED,
    "DevisValide": Step.VALIDATED,
    "DevisRefuse": Step.REFUSED,
    "FactureDeposee": Step.INVOICED,
    "PrestationCloturee": Step.CLOSED,
    "PrestationAnnulee": Step.CANCELLED,
}

Facts = Mapping[str, Any]
_NEW: Facts = {"stage": "assigned", "quotes": 0, "refused": 0}
_NEEDED = {
    "quote_received": ("appointment", "an appointment"),
    "quote": ("appointment", "an appointment"),
    "works_date": ("quote_validated", "a validated quote"),
    "invoice": ("works_planned", "a works date"),
}
_WAITS = {"insurer": "the insurer", "surveyor": "the expert", "centre": "the management centre"}


class SinappsLifecycle(Lifecycle):
    """Keeps a stage for each service; the claim file shows the one that is furthest behind."""

    states = ORDER

    def begin(self) -> Standing:
        """Give the standing of a mission without services."""
        return Standing(state=ORDER[0], facts={"services": {}})

    def apply(self, standing: Standing, event: Event) -> Standing | None:
        """Move the service that the event is about."""
        if event.name in set(LocalEvent):
            return _local(standing, event)
        if event.data.get("mission") == "cancelled":
            return replace(standing, state="cancelled", facts={**standing.facts, "cancelled": True})
        step, service = event.data.get("step"), event.data.get("service")
        if step is None or service is None:
            return standing
        services = dict(standing.facts.get("services", {}))
        before = services.get(service)
        services[service] = _moved(before or _NEW, Step(step), event.data)
        if services[service] == before:
            return standing
        facts = {**standing.facts, "services": services}
        return replace(standing, state=_state_of(facts), facts=facts)

    def why_not_selectable(self, standing: Standing) -> str | None:
        """A mission can be invoiced unless it was cancelled."""
        return "The mission was cancelled." if standing.state == "cancelled" else None


def _local(standing: Standing, event: Event) -> Standing:
    """Follow the sales documents of the planning system.

    Raises:
        TransitionRefusedError: a mission is cancelled at the partner only.
    """
    if event.name == LocalEvent.CANCELLED_BY_HAND:
        raise TransitionRefusedError("A mission is cancelled at the partner, not here.")
    if event.name == LocalEvent.WARNING_ACKNOWLEDGED:
        return replace(standing, warnings=())
    moves = {
        LocalEvent.LINKED_TO_SALES_DOCUMENT: True,
        LocalEvent.CREDIT_NOTE_DELETED: True,
        LocalEvent.REMOVED_FROM_SALES_DOCUMENT: False,
        LocalEvent.CREDIT_NOTE_CREATED: False,
    }
    is_linked = moves.get(LocalEvent(event.name), standing.in_sales_document)
    return replace(standing, in_sales_document=is_linked)


def _moved(facts: Facts, step: Step, data: Mapping[str, Any]) -> Facts:
    """Say where a service stands after a step; what is said again changes nothing."""
    stage, after = facts["stage"], _STAGE_AFTER[step]
    if stage == after or not _may_follow(stage, step, is_state=bool(data.get("is_state"))):
        return facts
    moved = {**facts, "stage": after}
    quotes, refused = facts["quotes"], facts["refused"]
    if step is Step.RECEIVED or (step is Step.DEPOSITED and stage != "quote_received"):
        moved["quotes"] = quotes + 1
    if step is Step.DEPOSITED:
        moved["validation"] = data.get("validation")
    elif step in {Step.REFUSED, Step.REFUSED_OUTSIDE}:
        moved.update(refused=refused + 1, quotes=max(quotes, refused + 1))
    elif step is Step.VALIDATED:
        moved["quotes"] = max(quotes, refused + 1)
    return moved


def _may_follow(stage: str, step: Step, *, is_state: bool) -> bool:
    """Say whether a step is news to a service; what the partner lists anew is not, once passed.

    ``is_state`` says that it was read from the state of the service, and not told by an event.
    """
    if stage in {"closed", "cancelled"}:
        return False
    if step is Step.REFUSED_OUTSIDE:
        return stage == "quote_received"
    if step is Step.REFUSED and not is_state:
        return _RANK[stage] < _RANK["works_planned"]
    if step is Step.REFUSED and stage == "quote_pending":
        return True
    return _RANK[_STAGE_AFTER[step]] > _RANK[stage]


def _state_of(facts: Facts) -> str:
    if facts.get("cancelled"):
        return "cancelled"
    stages: list[str] = [service["stage"] for service in facts["services"].values()]
    going = [stage for stage in stages if stage not in {"closed", "cancelled"}]
    return min(going or stages, key=_RANK.__getitem__)


# -- what may leave -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """How a service stands when something is to be sent for it, and by whom."""

    stage: str
    validation: str | None
    is_centre: bool


def why_not(operation: str, standing: Standing, service: str | None, *, is_centre: bool) -> str:
    """Say what is missing before an operation may leave; empty when nothing is."""
    if operation not in _IN_ORDER:
        return ""
    if standing.state == "cancelled":
        return "The mission was cancelled."
    facts = _facts_of(standing, service)
    stage: str = facts["stage"]
    if stage in {"closed", "cancelled"}:
        return f"The service is {stage}."
    needed = _NEEDED.get(operation)
    if needed and _RANK[stage] < _RANK[needed[0]]:
        return f"{needed[1].capitalize()} is missing before this can leave."
    asked = _Asked(stage=stage, validation=facts.get("validation"), is_centre=is_centre)
    rule = _RULES.get(operation)
    return rule(asked) if rule else ""


def _facts_of(standing: Standing, service: str | None) -> Facts:
    """Give what is known of a service; of the only one when none is named."""
    services: Mapping[str, Facts] = standing.facts.get("services", {})
    if service is None and len(services) == 1:
        return next(iter(services.values()))
    return services.get(service or "", _NEW)


def _not_again(asked: _Asked) -> str:
    if asked.stage == "quote_pending":
        who = _WAITS.get(asked.validation or "", "validation")
        return f"A quote was deposited and waits for {who}."
    if _RANK[asked.stage] >= _RANK["quote_validated"]:
        return "A quote was validated already."
    return ""


def _refused_outside(asked: _Asked) -> str:
    if asked.stage == "quote_received":
        return ""
    return "No quote was received that could be refused."


def _quote(asked: _Asked) -> str:
    again = _not_again(asked)
    if again or not asked.is_centre or asked.stage == "quote_received":
        return again
    return "A quote received from the craftsman is missing; report it with quote_received."


def _decision(asked: _Asked) -> str:
    if not asked.is_centre:
        return "Only a management centre decides on quotes."
    if asked.stage != "quote_pending":
        return "No quote waits for a decision."
    if asked.validation in {"insurer", "surveyor"}:
        return f"The quote waits for {_WAITS[asked.validation]}, not for the management centre."
    return ""


def _not_invoiced(asked: _Asked) -> str:
    return "The invoice was deposited already." if asked.stage == "invoiced" else ""


_RULES = {
    "quote_received": _not_again,
    "quote_refused_outside": _refused_outside,
    "quote": _quote,
    "quote_decision": _decision,
    "works_date": _not_invoiced,
    "invoice": _not_invoiced,
}
_IN_ORDER = {*_NEEDED, *_RULES, "appointment", "appointment_change"}
