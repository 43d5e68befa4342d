"""What the played partner holds: accounts with their missions, and a log of what happened."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from syncer_sinapps import wire

_PARIS = ZoneInfo(wire.TIME_ZONE)
INSURER_USER = "insurer-user"
_PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"


def code(name: str) -> dict[str, str]:
    """Write a code as the partner does, with a label that means nothing."""
    return {"name": name, "label": f"Libellé de {name}"}


@dataclass(slots=True, kw_only=True, eq=False)
class PlayedThing:
    """Anything that has a link: its kind, its id and its properties."""

    kind: str
    id: str
    properties: dict[str, Any]


@dataclass(slots=True, kw_only=True, eq=False)
class PlayedDocument(PlayedThing):
    """A file on a mission."""

    content: bytes = _PDF
    content_type: str = "application/pdf"


@dataclass(slots=True, kw_only=True, eq=False)
class PlayedService(PlayedThing):
    """A service with its appointments, and the quote that waits."""

    mission: PlayedMission
    appointments: list[PlayedThing] = field(default_factory=list)
    waits_for: str | None = None

    @property
    def state(self) -> str:
        """The name of its state."""
        return str(self.properties["etat"]["name"])

    def move(self, state: str) -> None:
        """Put it into a state."""
        self.properties["etat"] = code(state)


@dataclass(slots=True, kw_only=True, eq=False)
class PlayedMission(PlayedThing):
    """A mission with all that belongs to it."""

    claim: PlayedThing
    services: list[PlayedService] = field(default_factory=list)
    documents: list[PlayedDocument] = field(default_factory=list)
    solicitations: list[PlayedThing] = field(default_factory=list)

    @property
    def inner(self) -> dict[str, Any]:
        """What the mission says of itself."""
        return self.properties["mission"]  # type: ignore[no-any-return]  # JSON

    @property
    def status(self) -> str:
        """The name of its status."""
        return str(self.inner["statut"]["name"])

    def move(self, status: str) -> None:
        """Put it into a status."""
        self.inner["statut"] = code(status)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSubEvent:
    """One of the things that an event consists of."""

    name: str
    resource_type: str
    resource: PlayedThing
    user: str
    data: Mapping[str, Any]
    mission: PlayedMission | None


@dataclass(slots=True, kw_only=True)
class PlayedEvent:
    """An entry of the log."""

    id: int
    items: list[PlayedSubEvent]


class PlayedAccount:
    """A partner's account: its user, its missions and its log.

    ``role`` is the partner's word for it (``Reparateur``, ``Plateforme``). ``uses`` ends a session
    after so many requests; ``page_size`` is how many rows a list gives where nobody asks.
    """

    def __init__(
        self, login: str, role: str, now: Callable[[], datetime], *, password: str
    ) -> None:
        self.login = login
        self.password = password
        self.role = role
        self.user = f"user-{login}"
        self.missions: list[PlayedMission] = []
        self.log: list[PlayedEvent] = []
        self.sessions: dict[str, int] = {}
        self.logins = 0
        self.logouts = 0
        self.uses: int | None = None
        self.page_size = 16
        self.links_at_partner = False
        self.redirects_to: str | None = None
        self.withdrawn_commands: set[str] = set()
        self._now = now
        self._numbers = count(1)
        self._events = count(1)

    def now_text(self) -> str:
        """Give the present time as the partner writes it: every other time without an offset."""
        local = self._now().astimezone(_PARIS)
        pattern = "%Y-%m-%dT%H:%M:%S" if next(self._numbers) % 2 else "%Y-%m-%dT%H:%M:%S%z"
        return local.strftime(pattern)

    def new_id(self, seed: str = "") -> str:
        """Make an id as the partner's database does."""
        seed = seed or f"{self.login}/{next(self._numbers)}"
        return hashlib.sha256(seed.encode()).hexdigest()[:24]

    # -- the log ----------------------------------------------------------------------------------

    def happened(self, *items: PlayedSubEvent, skip: int = 0) -> None:
        """Put an event into the log; ``skip`` leaves out ids, as those of others do."""
        for _ in range(skip):
            next(self._events)
        self.log.append(PlayedEvent(id=next(self._events), items=list(items)))

    def tell(
        self,
        name: str,
        thing: PlayedThing,
        /,
        *,
        by: str = INSURER_USER,
        resource_type: str | None = None,
        **data: Any,
    ) -> PlayedSubEvent:
        """Make a sub-event."""
        return PlayedSubEvent(
            name=name,
            resource_type=resource_type or _TYPES.get(thing.kind, thing.kind),
            resource=thing,
            user=by,
            data=data,
            mission=self.mission_of(thing),
        )

    def mission_of(self, thing: PlayedThing) -> PlayedMission | None:
        """Say to which mission a thing belongs."""
        if isinstance(thing, PlayedMission):
            return thing
        return next((one for one in self.missions if thing in things_of(one)), None)

    def has(self, thing: PlayedThing) -> bool:
        """Say whether a thing is still there."""
        return self.mission_of(thing) in self.missions

    # -- what others do ---------------------------------------------------------------------------

    def assign(
        self, type_: str = "RenDirecte", *, services: int = 1, tells: bool = True
    ) -> PlayedMission:
        """Have an insurer assign a mission."""
        number = next(self._numbers)
        id_ = self.new_id()
        mission = PlayedMission(
            kind="mission",
            id=id_,
            properties=_mission_properties(self, id_, number, type_),
            claim=PlayedThing(
                kind="claim", id=self.new_id(), properties=_claim_properties(self, number)
            ),
        )
        self.missions.append(mission)
        for _ in range(services):
            self.add_service(mission)
        if tells:
            made = [self.tell("PrestationCree", one) for one in mission.services]
            self.happened(self.tell("MissionCreee", mission), *made)
        return mission

    def add_service(self, mission: PlayedMission) -> PlayedService:
        """Give a mission a further service."""
        id_ = self.new_id()
        service = PlayedService(
            kind="service",
            id=id_,
            mission=mission,
            properties={
                "id": id_,
                "missionId": mission.id,
                "etat": code("PrestationRecue"),
                "cloturee": False,
            },
        )
        mission.services.append(service)
        return service

    def add_document(
        self,
        mission: PlayedMission,
        name: str,
        *,
        by: str = wire.INSURER,
        type_: str = "Rapport",
        shared: bool = False,
        key: str | None = None,
        content: bytes | None = None,
        content_type: str = "application/pdf",
    ) -> PlayedDocument:
        """Put a file on a mission."""
        id_ = int(self.new_id()[:7], 16)
        body = _PDF + f"% {name}\n".encode() if content is None else content
        document = PlayedDocument(
            kind="document",
            id=str(id_),
            content=body,
            content_type=content_type,
            properties={
                "id": id_,
                "nom": name,
                "cle": key or secrets.token_hex(6),
                "type": code(type_),
                "taille": len(body),
                "deposeLe": self.now_text(),
                "deposePar": {"typeActeur": code(by), "id": self.new_id()},
                "partage": shared,
            },
        )
        mission.documents.append(document)
        return document

    def ask(
        self,
        mission: PlayedMission,
        message: str,
        *,
        type_: str = "Clarification",
        emitter: str = wire.INSURER,
        to: str = wire.CENTRE,
        by: str = INSURER_USER,
    ) -> PlayedThing:
        """Have somebody ask something."""
        id_ = self.new_id()
        asked = PlayedThing(
            kind="solicitation",
            id=id_,
            properties={
                "id": id_,
                "type": code(type_),
                "emetteur": {"typeActeur": code(emitter)},
                "destinataire": {"typeActeur": code(to)},
                "message": message,
                "etat": code(wire.OPEN),
                "reponse": None,
                "date": self.now_text(),
            },
        )
        mission.solicitations.append(asked)
        self.happened(self.tell("SollicitationCreee", asked, by=by))
        return asked

    def comment(self, mission: PlayedMission, message: str, *, by: str = INSURER_USER) -> None:
        """Say something on a mission."""
        said = {"message": message, "date": self.now_text(), "auteurId": by}
        mission.inner["commentaires"].append(said)
        name = "CommentaireCree" if len(mission.inner["commentaires"]) % 2 else "CommentaireAjoute"
        self.happened(self.tell(name, mission, by=by))

    def decide(self, service: PlayedService, *, is_good: bool, by: str = INSURER_USER) -> None:
        """Validate or refuse the quote that waits; both spellings of the one change are told."""
        state = wire.QUOTE_VALIDATED if is_good else wire.QUOTE_REFUSED
        service.waits_for = None
        service.move(state)
        changed = self.tell(wire.STATE_CHANGED, service, by=by, status=state)
        self.happened(self.tell(state, service, by=by), changed)

    def add_actor(self, mission: PlayedMission, type_: str, name: str) -> dict[str, Any]:
        """Put an actor on a claim."""
        actor = actor_of(self.new_id(), type_, name)
        mission.claim.properties["acteurs"].append(actor)
        self.happened(self.tell("ActeurAjoute", mission.claim))
        return actor


_TYPES = {
    "mission": "missions",
    "service": "prestations",
    "claim": "dossiersSinistres",
    "appointment": "rendezVous",
    "document": "piecesJointes",
    "solicitation": "sollicitations",
    "command": "commands",
}


def things_of(mission: PlayedMission) -> Iterator[PlayedThing]:
    """Walk all that belongs to a mission."""
    yield mission
    yield mission.claim
    for service in mission.services:
        yield service
        yield from service.appointments
    yield from mission.documents
    yield from mission.solicitations


def actor_of(id_: str, type_: str, name: str) -> dict[str, Any]:
    """Write an actor."""
    return {
        "id": id_,
        "typeActeur": code(type_),
        "personne": {
            "civilite": code("Madame"),
            "nom": name,
            "prenom": "Camille",
            "adresse": {
                "adresse1": "12 rue des Halles",
                "codePostal": "79000",
                "localite": "Niort",
                "codePays": "FR",
                "nomPays": "France",
            },
            "coordonnees": {
                "telPortable": "0612345678",
                "telPersonnel": "0549000000",
                "email": "camille@example.org",
            },
        },
    }


def _mission_properties(
    account: PlayedAccount, id_: str, number: int, type_: str
) -> dict[str, Any]:
    return {
        "assureurId": "insurer-1",
        "mission": {
            "id": id_,
            "numero": f"M{2026_0000 + number}",
            "typeMission": code(type_),
            "statut": code("Ouverte"),
            "etape": code("MissionRecue"),
            "dateDeMissionnement": account.now_text(),
            "reference": f"REF-{number}",
            "commentaires": [],
        },
    }


def _claim_properties(account: PlayedAccount, number: int) -> dict[str, Any]:
    day = (account._now() - timedelta(days=9)).date()  # noqa: SLF001  of this module
    return {
        "sinistre": {
            "reference": f"2026SIN{number:05}",
            "date": day.isoformat(),
            "adresse": {"adresse1": "3 quai du Port", "codePostal": "17000", "localite": "Niort"},
            "dommagesDeclares": "Parquet gondolé",
            "circonstancesDeclarees": "Rupture d'une canalisation",
            "caracteristiques": {
                "nature": code("DegatDesEaux"),
                "cause": code("Fuite"),
                "detail": code("Canalisation"),
            },
        },
        "contrat": {
            "numero": f"C-{number:06}",
            "professionnel": False,
            "franchise": {"name": "Fixe", "value": {"montant": 150.5}},
        },
        "acteurs": [
            actor_of(account.new_id(), wire.INSURED, "Martin"),
            actor_of(account.new_id(), wire.INSURER, "Mutuelle du Port"),
        ],
        "risques": [{"typeRisque": code("Maison")}],
    }
