"""The commands of the played partner: offered by state, with strict bodies and business rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any

from syncer_sinapps import wire
from syncer_sinapps.lifecycle import STEP_OF_STATE, Step
from syncer_sinapps.matrix import ALLOWED
from syncer_sinapps.played_world import (
    PlayedAccount,
    PlayedMission,
    PlayedService,
    PlayedSubEvent,
    PlayedThing,
    code,
)

_LONGEST_WINDOW = timedelta(hours=2)
Body = Mapping[str, Any]


class RuleError(Exception):
    """A business rule forbids it; answered as 400 with its code."""

    def __init__(self, rule: str, message: str) -> None:
        super().__init__(message)
        self.rule = rule
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A command that was sent: for whom, on what, with which body."""

    account: PlayedAccount
    owner: Any
    body: Any

    @property
    def user(self) -> str:
        """Who sends it."""
        return self.account.user

    def told(self, name: str, thing: PlayedThing, **data: Any) -> PlayedSubEvent:
        """Make the sub-event that follows."""
        return self.account.tell(name, thing, by=self.user, **data)


def offered(account: PlayedAccount, owner: PlayedThing) -> list[str]:
    """List the commands that are allowed on a thing now."""
    names: list[str] = []
    if isinstance(owner, PlayedMission):
        names = _of_mission(account, owner)
    elif isinstance(owner, PlayedService):
        names = _of_service(account, owner)
    elif owner.kind == "claim":
        names = [wire.CHANGE_ACTOR]
    elif owner.kind == "appointment":
        service = _service_of(account, owner)
        names = [wire.CHANGE_APPOINTMENT] if service.appointments[-1] is owner else []
    return [name for name in names if name not in account.withdrawn_commands]


def _of_mission(account: PlayedAccount, mission: PlayedMission) -> list[str]:
    if mission.status == "Annulee":
        return []
    names = [wire.ADD_FILES, wire.REPORT_DIFFICULTY, wire.COMMENT]
    if account.role == wire.CENTRE:
        names.append(wire.ASK)
    if any(one.properties["etat"]["name"] == wire.OPEN for one in mission.solicitations):
        names.append(wire.ANSWER)
    return names


def _of_service(account: PlayedAccount, service: PlayedService) -> list[str]:
    step = STEP_OF_STATE.get(service.state)
    if service.properties["cloturee"] or service.mission.status == "Annulee":
        return []
    names = [wire.END_SERVICE]
    if service.mission.status not in wire.NO_APPOINTMENT_STATUSES:
        names.append(wire.TAKE_APPOINTMENT)
    if step in {Step.APPOINTMENT, Step.REFUSED}:
        names.append(wire.DEPOSIT_QUOTE)
    if step is Step.DEPOSITED and account.role == wire.CENTRE and service.waits_for == wire.CENTRE:
        names += [wire.VALIDATE_QUOTE, wire.REFUSE_QUOTE]
    if step in {Step.VALIDATED, Step.PLANNED}:
        names.append(wire.PLAN_WORKS)
    if step is Step.PLANNED:
        names.append(wire.DEPOSIT_INVOICE)
    return names


def check(name: str, order: Order) -> None:
    """Check a body as a test does.

    Raises:
        RuleError: it breaks a rule.
    """
    _CHECKS.get(name, _no_rule)(order)


def carry_out(name: str, order: Order) -> list[PlayedSubEvent]:
    """Carry a command out; gives what the log tells of it."""
    check(name, order)
    return _EFFECTS[name](order)


# -- rules ----------------------------------------------------------------------------------------


def _keys(value: Any, wanted: set[str], optional: frozenset[str] = frozenset()) -> None:
    if not isinstance(value, dict) or not wanted <= set(value) <= wanted | optional:
        raise RuleError("RG_FORMAT_0001", f"Les champs attendus sont {', '.join(sorted(wanted))}.")


def _no_rule(_order: Order) -> None:
    return


def _horaire(order: Order, value: Any) -> None:
    _keys(value, {"name", "value"})
    if value["name"] == wire.FIXED:
        _keys(value["value"], {"date", "heure"})
        begins = ends = time.fromisoformat(value["value"]["heure"])
    else:
        _keys(value["value"], {"date", "heureDebut", "heureFin"})
        begins = time.fromisoformat(value["value"]["heureDebut"])
        ends = time.fromisoformat(value["value"]["heureFin"])
    day = date.fromisoformat(value["value"]["date"])
    length = timedelta(hours=ends.hour - begins.hour, minutes=ends.minute - begins.minute)
    if not timedelta() <= length <= _LONGEST_WINDOW:
        raise RuleError("RG_RENDEZVOUS_0007", "La plage horaire ne peut dépasser 2 heures.")
    mission = order.account.mission_of(order.owner)
    assert mission is not None, "what has an appointment has a mission"
    if day < date.fromisoformat(mission.claim.properties["sinistre"]["date"]):
        raise RuleError(
            "RG_RENDEZVOUS_0001", "La date de rendez-vous doit être postérieure à celle du sinistre"
        )


def _appointment(order: Order) -> None:
    _keys(order.body, {"horaire", "dureeRendezVous", "typeRendezVous"})
    if order.body["typeRendezVous"]["name"] not in wire.APPOINTMENT_KINDS.values():
        raise RuleError("RG_RENDEZVOUS_0003", "Le type de rendez-vous est inconnu.")
    _horaire(order, order.body["horaire"])


def _appointment_change(order: Order) -> None:
    _keys(
        order.body,
        {"motifDeModificationRendezVous", "referenceIntervenant"},
        frozenset({"horaire", "commentaire"}),
    )
    if "horaire" in order.body:
        _keys(order.body["horaire"], {"name", "value"})
        if order.body["horaire"]["name"] != wire.REPLACE:
            raise RuleError("RG_FORMAT_0002", "ReplaceWith est attendu.")
        _horaire(order, order.body["horaire"]["value"])


def _works(order: Order) -> None:
    _keys(order.body, {"planification"})
    _keys(order.body["planification"], {"name", "value"})
    date.fromisoformat(order.body["planification"]["value"]["horizon"]["date"])


def _amounts(order: Order, more: set[str]) -> None:
    _keys(order.body, {"montantHT", "montantTTC", "pieceJointe", *more})
    for name in ("montantHT", "montantTTC"):
        if isinstance(order.body[name], str | bool) or order.body[name] < 0:
            raise RuleError("RG_MONTANT_0001", "Le montant est un nombre.")
    documents = [one.properties["id"] for one in order.owner.mission.documents]
    if order.body["pieceJointe"] not in documents:
        raise RuleError("RG_PIECEJOINTE_STD_0013", "La pièce jointe est inconnue.")


def _quote(order: Order) -> None:
    _amounts(order, {"validationManuelle"})
    if order.body["validationManuelle"]["name"] not in wire.VALIDATIONS.values():
        raise RuleError("RG_DEVIS_0002", "La validation est inconnue.")


def _invoice(order: Order) -> None:
    _amounts(order, {"numero"})


def _refusal(order: Order) -> None:
    _keys(order.body, {"motif"})


def _approval(order: Order) -> None:
    _keys(order.body, set())


def _ask(order: Order) -> None:
    _keys(order.body, {"type", "destinataire", "message"})
    pair = (order.account.role, order.body["destinataire"]["typeActeur"]["name"])
    if order.body["type"]["name"] not in ALLOWED.get(pair, ()):
        raise RuleError("RG_SOLLICITATION_0001", "Cette sollicitation n'est pas permise.")


def _answer(order: Order) -> None:
    _keys(order.body, {"sollicitationId", "message", "piecesJointes"})
    _open_solicitation(order)


def _open_solicitation(order: Order) -> PlayedThing:
    for one in order.owner.solicitations:
        is_it = one.properties["id"] == order.body["sollicitationId"]
        if is_it and one.properties["etat"]["name"] == wire.OPEN:
            return one  # type: ignore[no-any-return]  # the mission's
    raise RuleError("RG_SOLLICITATION_0002", "La sollicitation n'est pas ouverte.")


def _comment(order: Order) -> None:
    _keys(order.body, {"message"})


def _end(order: Order) -> None:
    _keys(order.body, {"motif", "commentaire"})
    _keys(order.body["motif"], {"name"})


def _difficulty(order: Order) -> None:
    _keys(order.body, {"motif", "etape", "datePrevisionnelleReprise", "complement"})


def _actor(order: Order) -> None:
    _keys(order.body, {"id", "personne"})
    person = order.body["personne"]
    for one in order.owner.properties["acteurs"]:
        if one["id"] == order.body["id"]:
            if person == one["personne"]:
                raise RuleError("RG_MODIFACTEUR_0001", "La modification doit changer l'acteur.")
            for name in ("adresse", "coordonnees"):
                if not set(one["personne"][name]) <= set(person.get(name) or {}):
                    raise RuleError("RG_MODIFACTEUR_0007", f"{name} doit être complet.")
            return
    raise RuleError("RG_MODIFACTEUR_0006", "L'acteur doit exister.")


_CHECKS: Mapping[str, Callable[[Order], None]] = {
    wire.TAKE_APPOINTMENT: _appointment,
    wire.CHANGE_APPOINTMENT: _appointment_change,
    wire.PLAN_WORKS: _works,
    wire.DEPOSIT_QUOTE: _quote,
    wire.DEPOSIT_INVOICE: _invoice,
    wire.VALIDATE_QUOTE: _approval,
    wire.REFUSE_QUOTE: _refusal,
    wire.ASK: _ask,
    wire.ANSWER: _answer,
    wire.COMMENT: _comment,
    wire.END_SERVICE: _end,
    wire.REPORT_DIFFICULTY: _difficulty,
    wire.CHANGE_ACTOR: _actor,
}


# -- effects --------------------------------------------------------------------------------------


def _service_of(account: PlayedAccount, appointment: PlayedThing) -> PlayedService:
    mission = account.mission_of(appointment)
    assert mission is not None, "an appointment has a mission"
    return next(one for one in mission.services if appointment in one.appointments)


def _take(order: Order) -> list[PlayedSubEvent]:
    id_ = order.account.new_id()
    properties = {"id": id_, "prestationId": order.owner.id, **order.body}
    taken = PlayedThing(kind="appointment", id=id_, properties=properties)
    order.owner.appointments.append(taken)
    if STEP_OF_STATE.get(order.owner.state) in {None, Step.ASSIGNED}:
        order.owner.move("RendezVousPris")
    order.owner.mission.move("EnCours")
    return [order.told("RendezVousPris", taken)]


def _change(order: Order) -> list[PlayedSubEvent]:
    if "horaire" in order.body:
        order.owner.properties["horaire"] = order.body["horaire"]["value"]
    reason = order.body["motifDeModificationRendezVous"]
    order.owner.properties["motifDeModificationRendezVous"] = reason
    return [order.told("RendezVousExpertModifie", order.owner)]


def _plan(order: Order) -> list[PlayedSubEvent]:
    order.owner.properties["planification"] = order.body["planification"]
    order.owner.move("TravauxPlanifies")
    return [order.told(wire.STATE_CHANGED, order.owner, status="TravauxPlanifies")]


def _deposit(order: Order) -> list[PlayedSubEvent]:
    who = order.body["validationManuelle"]["name"]
    if who == "Aucune":
        order.owner.move(wire.QUOTE_VALIDATED)
        told = order.told(wire.STATE_CHANGED, order.owner, status=wire.QUOTE_VALIDATED)
        return [order.told(wire.QUOTE_DEPOSITED, order.owner), told]
    order.owner.waits_for = who
    order.owner.move(wire.QUOTE_DEPOSITED)
    return [order.told(wire.QUOTE_DEPOSITED, order.owner)]


def _bill(order: Order) -> list[PlayedSubEvent]:
    order.owner.move("FactureTravauxDeposee")
    return [order.told(wire.INVOICE_DEPOSITED, order.owner)]


def _decide(is_good: bool) -> Callable[[Order], list[PlayedSubEvent]]:  # noqa: FBT001  of a table
    def effect(order: Order) -> list[PlayedSubEvent]:
        state = wire.QUOTE_VALIDATED if is_good else wire.QUOTE_REFUSED
        order.owner.waits_for = None
        order.owner.move(state)
        return [order.told(state, order.owner)]

    return effect


def _asked(order: Order) -> list[PlayedSubEvent]:
    order.account.ask(
        order.owner,
        order.body["message"],
        type_=order.body["type"]["name"],
        emitter=order.account.role,
        to=order.body["destinataire"]["typeActeur"]["name"],
        by=order.user,
    )
    return []


def _answered(order: Order) -> list[PlayedSubEvent]:
    asked = _open_solicitation(order)
    asked.properties.update(etat=code(wire.ANSWERED), reponse=order.body["message"])
    return [order.told("SollicitationRepondue", asked)]


def _said(order: Order) -> list[PlayedSubEvent]:
    order.account.comment(order.owner, order.body["message"], by=order.user)
    return []


def _ended(order: Order) -> list[PlayedSubEvent]:
    order.owner.properties["finPrestation"] = order.body
    return [order.told("FinDePrestationDemandee", order.owner)]


def _held_up(order: Order) -> list[PlayedSubEvent]:
    order.owner.move("EnAttente")
    return [order.told("StatutModifie", order.owner)]


def _actor_changed(order: Order) -> list[PlayedSubEvent]:
    for one in order.owner.properties["acteurs"]:
        if one["id"] == order.body["id"]:
            one["personne"] = order.body["personne"]
    return [order.told("ActeurModifie", order.owner)]


_EFFECTS: Mapping[str, Callable[[Order], list[PlayedSubEvent]]] = {
    wire.TAKE_APPOINTMENT: _take,
    wire.CHANGE_APPOINTMENT: _change,
    wire.PLAN_WORKS: _plan,
    wire.DEPOSIT_QUOTE: _deposit,
    wire.DEPOSIT_INVOICE: _bill,
    wire.VALIDATE_QUOTE: _decide(True),
    wire.REFUSE_QUOTE: _decide(False),
    wire.ASK: _asked,
    wire.ANSWER: _answered,
    wire.COMMENT: _said,
    wire.END_SERVICE: _ended,
    wire.REPORT_DIFFICULTY: _held_up,
    wire.CHANGE_ACTOR: _actor_changed,
}
