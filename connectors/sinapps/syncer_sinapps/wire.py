"""Sinapps on the wire: every name that the partner's description may turn out to spell otherwise.

Rows marked V follow what the vendor published, rows marked N are our names since the published
files do not hold them; docs/partners/sinapps.md says which is which. Values may be null or absent
everywhere but where a field has no default.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct, field

TIME_ZONE = "Europe/Paris"
CURRENCY = "EUR"
DEFAULT_LOGIN_PATH = "/login"
LOGOUT = "/logout"
SESSION_COOKIE = "PLAY_SESSION"

# -- links and paging (V) -------------------------------------------------------------------------

EVENTS_OF_OTHERS, MISSIONS, PARTNER = "eventsNotCreatedByMe", "missions", "partenaire"
COMMANDS, EVENTS, RESOURCE, NEXT, RAW = "commands", "events", "resource", "next", "raw"
MISSION, SERVICES, CLAIM, APPOINTMENTS = "mission", "prestations", "dossierSinistre", "rendezVous"
DOCUMENTS = "piecesJointes"
SOLICITATIONS = "sollicitations"  # N
SUBMIT, TEST = "submit", "test"

SINCE, MOST_EVENTS = "since", "maxEvents"
PAGE, PAGE_SIZE = "nbPage", "nbElements"
LARGEST_PAGE = 90
EVENTS_AT_ONCE = 60
WALK_PAGE = 16
MOST_PAGES = 200
"""Of one list; a listing that is longer leads nowhere."""
WALK_INTERVAL = timedelta(days=7)

# -- words ----------------------------------------------------------------------------------------

COMMAND_ACCEPTED = "CommandeAcceptee"
COMMAND_TYPE = "commands"
"""The type of resource of events that are about a command, and about no part of a mission."""
CLOSED_STATUSES = frozenset({"Terminee", "Annulee"})
NO_APPOINTMENT_STATUSES = frozenset({"Annulee", "Bloquee", "Terminee"})
MISSION_TYPE_SPELLINGS = {"RechercheFuite": "RechercheDeFuite"}
EVENT_SPELLINGS = {
    "PrestationCree": "PrestationCreee",
    "CommentaireCree": "CommentaireAjoute",
    "PrestationQualifiee": "PrestationQualifee",
}
"""One change that is written in two ways; accents are taken away before."""

INSURED, INSURER, SURVEYOR, CENTRE, REPAIRER = (
    "Assure",
    "Assureur",
    "Expert",
    "Plateforme",
    "Reparateur",
)
APPOINTMENT_KINDS = {"site": "Site", "video": "Visio", "phone": "Telephonique"}
WINDOW, FIXED = "HorairePlage", "HoraireFixe"
REPLACE = "ReplaceWith"
LONGEST_WINDOW = timedelta(hours=2)
USUAL_MINUTES = 60

OPEN, ANSWERED, ENDED = "Ouverte", "Repondue", "Close"  # N
SOLICITATION_TYPES = {  # N
    "clarification": "Clarification",
    "comment": "Commentaire",
    "document_request": "DemandeDocuments",
    "correction": "Correction",
    "new_intervention": "NouvelleIntervention",
}
VALIDATIONS = {  # N
    "none": "Aucune",
    "insurer": INSURER,
    "surveyor": SURVEYOR,
    "centre": CENTRE,
}

SHARED_DOCUMENT = "PieceJointePartagee"  # N
QUOTE_DEPOSITED, QUOTE_VALIDATED, QUOTE_REFUSED = "DevisDepose", "DevisValide", "DevisRefuse"  # N
INVOICE_DEPOSITED = "FactureDeposee"  # N
STATE_CHANGED = "EtatPrestationModifie"

# -- commands -------------------------------------------------------------------------------------

TAKE_APPOINTMENT = "prendreRendezVous"
CHANGE_APPOINTMENT = "modifierRendezVous"
PLAN_WORKS = "planifierIntervention"
END_SERVICE = "demanderFinPrestation"
ADD_FILES = "ajouterPiecesJointes"
REPORT_DIFFICULTY = "signalerUneDifficulte"
CHANGE_ACTOR = "modifierActeur"
DEPOSIT_QUOTE = "deposerDevis"  # N
VALIDATE_QUOTE = "validerDevis"  # N
REFUSE_QUOTE = "refuserDevis"  # N
DEPOSIT_INVOICE = "deposerFacture"  # N
ASK = "creerSollicitation"  # N
ANSWER = "repondreSollicitation"  # N
COMMENT = "ajouterCommentaire"  # N

FILE_KEY_PART, FILE_PART = "nomCleFichier", "meta"
PHONES = ("telPortable", "telPersonnel", "telProfessionnel", "fax")
ADDRESS = (
    "adresse1",
    "adresse2",
    "adresse3",
    "adresse4",
    "codePostal",
    "localite",
    "codePays",
    "nomPays",
)

# -- answers --------------------------------------------------------------------------------------

Ref = Annotated[str, Meta(min_length=1, max_length=200)] | int
Number = Annotated[str, Meta(max_length=200)] | int
"""A number or reference for people; an empty one is none."""
Amount = Decimal


class Code(Struct):
    """A value of an enumeration; only ``name`` counts."""

    name: str
    label: str | None = None
    value: Any = None


class WireLink(Struct):
    """A link, or an action with its method."""

    rel: str | None = None
    href: str | None = None
    method: str | None = None


class WireResource(Struct):
    """Any resource; ``items`` where it is a list."""

    href: str | None = None
    properties: Raw = field(default_factory=lambda: Raw(b"{}"))
    links: list[WireLink] | None = None
    actions: list[WireLink] | None = None
    items: list[Raw] | None = None


class WireListProperties(Struct):
    """What a list says of itself; ``next_page`` is a number or a link, ``total`` of all pages."""

    next_page: str | int | None = field(default=None, name="nextPage")
    total: Any = field(default=None, name="totalNumberOfElements")


class WireUser(Struct):
    """The user that logged in."""

    id: Ref | None = None


class WireEventProperties(Struct):
    """An event of the log; ``id`` is a number, or digits."""

    id: Ref


class WireSubEvent(Struct, rename="camel"):
    """One of the things that an event consists of."""

    name: str
    resource_type: str | None = None
    user_id: Ref | None = None
    data: Any = None


class WireComment(Struct, rename="camel"):
    """A comment on a mission or a service."""

    message: str
    date: str | None = None
    auteur_id: Number | None = None


class WireMission(Struct, rename="camel"):
    """What a mission says of itself."""

    id: Ref
    numero: Number | None = None
    type_mission: Code | None = None
    statut: Code | None = None
    etape: Code | None = None
    date_de_missionnement: str | None = None
    date_de_derniere_modification: str | None = None
    reference: Number | None = None
    commentaires: list[Raw] | None = None


class WireMissionProperties(Struct, rename="camel"):
    """The properties of a mission resource."""

    mission: WireMission
    assureur_id: Number | None = None
    date_de_derniere_modification: str | None = None


class WireService(Struct, rename="camel"):
    """The properties of a service (``prestation``)."""

    id: Ref
    mission_id: Ref | None = None
    etat: Code | None = None
    cloturee: bool | None = None
    date_de_derniere_modification: str | None = None
    nouveaux_commentaires: list[Raw] | None = None
    planification: Any = None


class WireAddress(Struct, rename="camel"):
    """A postal address."""

    adresse1: str | None = None
    adresse2: str | None = None
    adresse3: str | None = None
    adresse4: str | None = None
    code_postal: str | None = None
    localite: str | None = None
    code_pays: str | None = None
    nom_pays: str | None = None


class WireContact(Struct, rename="camel"):
    """Phones and mail of a person."""

    tel_portable: str | None = None
    tel_personnel: str | None = None
    tel_professionnel: str | None = None
    email: str | None = None
    fax: str | None = None


class WirePerson(Struct):
    """A person or a company."""

    nom: str | None = None
    prenom: str | None = None
    adresse: WireAddress | None = None
    coordonnees: WireContact | None = None


class WireActor(Struct, rename="camel"):
    """Somebody on the claim."""

    type_acteur: Code | None = None
    id: Ref | None = None
    personne: WirePerson | None = None


class WireLoss(Struct, rename="camel"):
    """What happened."""

    reference: Number | None = None
    date: str | None = None
    adresse: WireAddress | None = None


class WireExcess(Struct):
    """An excess of a fixed amount, or one that is worked out."""

    name: str | None = None
    value: Any = None


class WireContract(Struct):
    """The contract; its number is a text, or a code with a label."""

    numero: Number | Code | None = None
    professionnel: bool | None = None
    franchise: Any = None


class WireClaim(Struct):
    """The properties of a claim resource (``dossierSinistre``)."""

    sinistre: WireLoss | None = None
    contrat: WireContract | None = None
    acteurs: list[WireActor] | None = None


class WireAppointment(Struct, rename="camel"):
    """The properties of an appointment (``rendezVous``)."""

    horaire: Code
    id: Ref | None = None
    type_rendez_vous: Code | None = None
    motif_de_modification_rendez_vous: Code | None = None


class WireParty(Struct, rename="camel"):
    """Who asked, who is asked, who deposited."""

    type_acteur: Code | None = None
    id: Ref | None = None


class WireSolicitation(Struct):
    """A question of one actor to another (N)."""

    id: Ref
    type: Code | None = None
    emetteur: WireParty | None = None
    destinataire: WireParty | None = None
    message: str | None = None
    etat: Code | None = None
    reponse: Any = None
    date: str | None = None


class WireDocument(Struct, rename="camel"):
    """A file on a mission (N)."""

    id: Ref
    nom: str | None = None
    cle: str | None = None
    type: Code | None = None
    depose_le: str | None = None
    depose_par: WireParty | None = None
    partage: bool | None = None


class WireAmounts(Struct, rename="camel"):
    """Amounts of a quote or an invoice, as JSON numbers."""

    montant_ht: Amount | None = field(default=None, name="montantHT")
    montant_ttc: Amount | None = field(default=None, name="montantTTC")
    numero: Number | None = None


class WireCommand(Struct):
    """What a command is called."""

    name: str
    label: str | None = None


class WireResult(Struct):
    """What an accepted command gives."""

    id: Ref | None = None
    name: str | None = None
    checksum: str | None = None


class WireError(Struct, rename="camel"):
    """An error; everything is text."""

    status: str | int | None = None
    error_type: str | None = None
    user_message: str | None = None
    forms_error: Any = None
