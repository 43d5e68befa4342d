"""A mission and what belongs to it as records and attachments; pure.

A revision is a digest of the properties: the partner names no version for most of what it lists.
Links, which may change with every answer, are no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncer.sdk import (
    Attachment,
    ClaimRef,
    Insured,
    Insurer,
    Kind,
    PayloadError,
    Record,
    Surveyor,
    Totals,
    Unreadable,
)
from syncer_sinapps import matrix, wire
from syncer_sinapps.missions import Mission, Service
from syncer_sinapps.reading import (
    day_of,
    digest,
    instant_of,
    money_of,
    name_of,
    person_name,
    text_of,
)
from syncer_sinapps.resources import Resource, comment_of, ref_of

_UNKNOWN_STATUS = "Inconnu"
_COMMENT_STATUS = "CommentaireAjoute"
_TAKEN, _CHANGED = "RendezVousPris", "RendezVousModifie"
_DEPOSITED, _SHARED = "PieceJointeAjoutee", wire.SHARED_DOCUMENT


@dataclass(slots=True, kw_only=True)
class Mapped:
    """What could be made of what was read."""

    records: list[Record] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)

    def add(self, other: Mapped) -> None:
        """Take in what was made of another mission."""
        self.records += other.records
        self.unreadable += other.unreadable


def map_mission(mission: Mission) -> Mapped:
    """Map a mission and all of its parts that were read; bad parts are set aside alone.

    Raises:
        PayloadError: the mission itself cannot be mapped.
    """
    found = Mapped()
    claim = _claim_ref(mission)
    if mission.services is not None:
        found.records.append(mission_record(mission, claim))
        for service in mission.services:
            for one in service.appointments:
                _map_one(found, Kind.APPOINTMENT, one, _appointment(mission, service, claim))
    _map_comments(found, mission, claim)
    for one in mission.documents or ():
        _map_one(found, Kind.DOCUMENT, one, _document(mission, claim))
    for one in mission.solicitations or ():
        _map_one(found, Kind.SOLICITATION, one, _solicitation(mission, claim))
    return found


def _map_one(found: Mapped, kind: Kind, resource: Resource, make: Any) -> None:
    try:
        found.records.append(make(resource))
    except PayloadError as error:
        found.unreadable.append(set_aside(kind, resource, error))


def set_aside(kind: Kind | None, resource: Resource, error: PayloadError) -> Unreadable:
    """Set a resource aside with the reason; its id as far as it can be read."""
    try:
        ref = ref_of(resource.plain.get("id"))
    except PayloadError:
        ref = None
    return Unreadable(kind=kind, partner_ref=ref, reason=str(error), raw=resource.raw)


# -- the mission -----------------------------------------------------------------------------------


def mission_record(mission: Mission, claim: ClaimRef) -> Record:
    """Map the mission, with its services and its claim."""
    inner = mission.wire.mission
    details = _claim_of(mission)
    plain = mission.resource.plain
    own = {k: v for k, v in plain["mission"].items() if k not in {"id", "numero", "commentaires"}}
    extra: dict[str, Any] = {**plain, "mission": own}
    extra["prestations"] = [service.resource.plain for service in mission.services or ()]
    if mission.claim is not None:
        extra["dossierSinistre"] = mission.claim.plain
    loss, contract = details.sinistre, details.contrat
    actors = {name_of(one.type_acteur): one for one in reversed(details.acteurs or ())}
    return Record(
        kind=Kind.MISSION,
        partner_ref=mission.id,
        revision=digest(extra),
        status=name_of(inner.statut) or _UNKNOWN_STATUS,
        status_changed_at=_instant_of_mission(mission),
        number=text_of(inner.numero),
        claim=claim,
        insurer=Insurer(
            name=_actor_name(actors, wire.INSURER),
            claim_number=text_of(loss.reference) if loss else None,
            policy_number=_contract_number(contract),
        ),
        insured=_insured(actors.get(wire.INSURED)),
        surveyor=_surveyor(actors),
        loss_date=day_of(loss.date, "sinistre.date") if loss else None,
        extra=extra,
    )


def _claim_ref(mission: Mission) -> ClaimRef:
    inner = mission.wire.mission
    loss = _claim_of(mission).sinistre
    type_ = name_of(inner.type_mission)
    return ClaimRef(
        partner_ref=mission.id,
        reference=text_of(inner.numero),
        claim_number=text_of(loss.reference) if loss else None,
        claim_type=wire.MISSION_TYPE_SPELLINGS.get(type_, type_) if type_ else None,
    )


def _claim_of(mission: Mission) -> wire.WireClaim:
    return mission.claim.properties(wire.WireClaim) if mission.claim else wire.WireClaim()


def _instant_of_mission(mission: Mission) -> datetime:
    inner = mission.wire.mission
    changed = inner.date_de_derniere_modification or mission.wire.date_de_derniere_modification
    if changed:
        return instant_of(changed, "mission.dateDeDerniereModification")
    if mission.seen_at is not None:
        return mission.seen_at
    return instant_of(inner.date_de_missionnement or "", "mission.dateDeMissionnement")


def _contract_number(contract: wire.WireContract | None) -> str | None:
    if contract is None:
        return None
    number = contract.numero
    return number.label or number.name if isinstance(number, wire.Code) else text_of(number)


def _actor_name(actors: Mapping[str | None, wire.WireActor], type_: str) -> str | None:
    actor = actors.get(type_)
    return person_name(actor.personne) if actor else None


def _surveyor(actors: Mapping[str | None, wire.WireActor]) -> Surveyor | None:
    name = _actor_name(actors, wire.SURVEYOR)
    return Surveyor(name=name) if name else None


def _insured(actor: wire.WireActor | None) -> Insured | None:
    if actor is None or actor.personne is None:
        return None
    contact = actor.personne.coordonnees or wire.WireContact()
    phones = (contact.tel_portable, contact.tel_personnel, contact.tel_professionnel)
    return Insured(
        name=person_name(actor.personne),
        phone=next((phone for phone in phones if phone), None),
        email=contact.email,
    )


# -- what belongs to it ----------------------------------------------------------------------------


def _appointment(mission: Mission, service: Service, claim: ClaimRef) -> Any:
    def make(resource: Resource) -> Record:
        taken = resource.properties(wire.WireAppointment)
        is_changed = taken.motif_de_modification_rendez_vous is not None
        plain = resource.plain
        return Record(
            kind=Kind.APPOINTMENT,
            partner_ref=ref_of(taken.id) or f"{service.id}:{digest(plain)}",
            revision=digest(plain),
            status=_CHANGED if is_changed else _TAKEN,
            status_changed_at=_instant_of_mission(mission),
            claim=claim,
            extra={**plain, "prestationId": service.id},
        )

    return make


def _document(mission: Mission, claim: ClaimRef) -> Any:
    def make(resource: Resource) -> Record:
        document = resource.properties(wire.WireDocument)
        plain = resource.plain
        at = document.depose_le
        return Record(
            kind=Kind.DOCUMENT,
            partner_ref=str(document.id),
            revision=digest(plain),
            status=_SHARED if document.partage else _DEPOSITED,
            status_changed_at=instant_of(at, "deposeLe") if at else _instant_of_mission(mission),
            number=document.nom,
            claim=claim,
            extra=plain,
        )

    return make


def _solicitation(mission: Mission, claim: ClaimRef) -> Any:
    def make(resource: Resource) -> Record:
        asked = resource.properties(wire.WireSolicitation)
        extra = dict(resource.plain)
        if not matrix.is_allowed(
            matrix.actor_of(asked.emetteur),
            matrix.actor_of(asked.destinataire),
            name_of(asked.type),
        ):
            extra["flag"] = matrix.OUTSIDE
        return Record(
            kind=Kind.SOLICITATION,
            partner_ref=str(asked.id),
            revision=digest(extra),
            status=name_of(asked.etat) or _UNKNOWN_STATUS,
            status_changed_at=instant_of(asked.date, "date")
            if asked.date
            else _instant_of_mission(mission),
            claim=claim,
            extra=extra,
        )

    return make


def _map_comments(found: Mapped, mission: Mission, claim: ClaimRef) -> None:
    """Map the comments, each once; one that cannot be read is set aside alone."""
    said = [*(mission.wire.mission.commentaires or ())]
    for service in mission.services or ():
        said += service.wire.nouveaux_commentaires or ()
    refs: set[str] = set()
    for raw in dict.fromkeys(bytes(one) for one in said):
        try:
            record = _comment(mission, claim, comment_of(raw))
        except PayloadError as error:
            found.unreadable.append(
                Unreadable(kind=Kind.COMMENT, partner_ref=None, reason=str(error), raw=raw)
            )
            continue
        if record.partner_ref not in refs:
            refs.add(record.partner_ref)
            found.records.append(record)


def _comment(mission: Mission, claim: ClaimRef, said: wire.WireComment) -> Record:
    """Map a comment, which has no id: it is known by what it says, when and by whom."""
    author, at = text_of(said.auteur_id), said.date
    ref = f"{mission.id}:{digest(said.message, at, author)}"
    return Record(
        kind=Kind.COMMENT,
        partner_ref=ref,
        revision=ref,
        status=_COMMENT_STATUS,
        status_changed_at=instant_of(at, "commentaires.date")
        if at
        else _instant_of_mission(mission),
        claim=claim,
        extra={"message": said.message, "date": at, "auteurId": author},
    )


def attachment_of(document: Record) -> Attachment:
    """Announce the content of a document; it is found again by mission and id."""
    mission = document.claim.partner_ref if document.claim else ""
    type_ = (document.extra.get("type") or {}).get("name") or ""
    name = document.number
    return Attachment(
        owner=document.key,
        partner_ref=f"{mission}/{document.partner_ref}",
        kind=_attachment_kind(type_, name or ""),
        name=name,
        taken_at=document.status_changed_at,
    )


def _attachment_kind(type_: str, name: str) -> str:
    word = type_.lower()
    if "photo" in word or name.lower().endswith((".jpg", ".jpeg", ".png")):
        return "photo"
    if "devis" in word or "chiffrage" in word:
        return "quote_pdf"
    return "report" if "rapport" in word else "document"


def amounts_record(
    kind: Kind, ref: str, *, status: str, at: datetime, claim: ClaimRef, plain: Mapping[str, Any]
) -> Record:
    """Make the record of a quote or an invoice from what an event says of it."""
    amounts = plain.get("_amounts") or wire.WireAmounts()
    extra = {name: value for name, value in plain.items() if name != "_amounts"}
    return Record(
        kind=kind,
        partner_ref=ref,
        revision=digest(status, extra, str(amounts.montant_ht), str(amounts.montant_ttc)),
        status=status,
        status_changed_at=at,
        number=text_of(amounts.numero),
        claim=claim,
        totals=Totals(net=money_of(amounts.montant_ht), gross=money_of(amounts.montant_ttc)),
        extra=extra,
    )
