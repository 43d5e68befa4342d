"""RESTART on the wire: all that the portal's real description may turn out to name differently.

The format is our profile; see docs/partners/restart.md. The names of the pratica's elements and
attributes are in ``pratica.py``.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Raw, Struct

from syncer.sdk import ExpectedDocument

# -- requests -------------------------------------------------------------------------------------

PROFILE = "/profilo"
CENTRES = "/centri-asp"
CLAIMS = "/denunce"
FOLLOW_UPS = "/denunce/{}/seguiti"

REFERENCE = "riferimento"
CHANGED_SINCE, PAGE, PAGE_SIZE = "modificateDal", "pagina", "dimensione"
LONGEST_PAGE = 100
MOST_ITEMS = 1_000  # a portal that gives more than was asked for is borne with so far

PRATICA = "pratica"
PRATICA_TYPE = "application/xml"
LARGEST_FILE_BYTES = 50 * 1024 * 1024
TIME_ZONE = "Europe/Rome"

# -- words ----------------------------------------------------------------------------------------

CHANNEL = "RESTART"
EVENT_FIRST, EVENT_FOLLOW_UP = "Nuova", "Seguito"
ALREADY_SENT, CLAIM_CLOSED = "GIA_INVIATA", "DENUNCIA_CHIUSA"

RECEIVED, INCOMPLETE = "ricevuta", "incompleta"
STATES = {
    RECEIVED: "received",
    INCOMPLETE: "incomplete",
    "validata": "validated",
    "affidata": "entrusted",
    "rimborso_parziale": "partly_refunded",
    "rimborsato_chiuso": "refunded_closed",
    "chiuso": "closed",
    "senza_seguito": "no_follow_up",
}
"""The portal's words for a claim's status, in the order of a usual life, and ours."""
FINAL = frozenset({"rimborsato_chiuso", "chiuso", "senza_seguito"})

MANDATORY_KINDS = {
    "denuncia": "Claim report",
    "mandato": "Mandate",
    "cessione_credito": "Credit assignment",
    "richiesta_danni": "Damage request",
    "documento_identita": "Identity document",
}
"""The kinds of attachment that make a claim complete, with their names for people."""
QUOTE_KIND, PHOTO_KIND, OTHER_KIND = "preventivo", "foto", "altro"
KINDS = (*MANDATORY_KINDS, QUOTE_KIND, PHOTO_KIND, OTHER_KIND)
EXPECTED = (
    *(ExpectedDocument(id=kind, label=label) for kind, label in MANDATORY_KINDS.items()),
    ExpectedDocument(id=QUOTE_KIND, label="Quote", required=False),
    ExpectedDocument(id=PHOTO_KIND, label="Photos", required=False),
    ExpectedDocument(id=OTHER_KIND, label="Anything else", required=False),
)
"""What is expected of a claim file unless the operator says something else."""
KIND_OF_TYPE = {"photo": PHOTO_KIND, "quote_pdf": QUOTE_KIND}
"""Types of ours that have a kind at the portal; the portal's own kinds are types as they are."""

# -- answers --------------------------------------------------------------------------------------

Id = Annotated[str, Meta(min_length=1, max_length=255)]
DecimalText = Annotated[str, Meta(pattern=r"\A-?[0-9]{1,18}(\.[0-9]{1,9})?\Z")]
CurrencyText = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]

_CENTRE = {"vat_number": "piva", "name": "ragioneSociale"}
_STATUS = {
    "number": "numeroDenuncia",
    "reference": "riferimento",
    "status": "stato",
    "since": "statoDal",
    "centre": "centroAsp",
    "refunded": "rimborsato",
    "currency": "valuta",
}


class WireProfile(Struct, rename=_CENTRE):
    """The repairer that the credentials belong to."""

    vat_number: str
    name: str


class WireCentre(Struct, rename=_CENTRE):
    """An ASP centre."""

    vat_number: str
    name: str


class WireClaimCentre(Struct, rename=_CENTRE):
    """The ASP centre of a claim, as far as it is known."""

    vat_number: str | None = None
    name: str | None = None


class WireStored(Struct, rename={"number": "numeroDenuncia", "missing": "mancanti"}):
    """A sending that was stored; ``missing`` are the kinds that the portal still wants."""

    number: Id
    missing: list[str] = []


class WireRefused(Struct, rename={"number": "numeroDenuncia"}):
    """A sending that was refused, as far as the portal says why."""

    code: str | None = None
    title: str | None = None
    detail: str | None = None
    number: str | None = None


class WireFound(Struct, rename={"number": "numeroDenuncia", "status": "stato"}):
    """A claim that was looked up by our reference."""

    number: Id
    status: Id


class WireLookUp(Struct, rename={"claims": "denunce"}):
    """What the portal knows under a reference: one claim or none."""

    claims: list[WireFound]


class WireStatuses(Struct, rename={"claims": "denunce", "has_more": "altre"}):
    """A page of statuses; its rows are read one by one."""

    claims: list[Raw]
    has_more: bool


class WireStatus(Struct, rename=_STATUS):
    """Where a claim stands, and since when."""

    number: Id
    status: Id
    since: str
    reference: str | None = None
    centre: WireClaimCentre | None = None
    refunded: DecimalText | None = None
    currency: CurrencyText | None = None


PLACED_NAMES = frozenset(_STATUS[name] for name in ("number", "reference", "since", "centre"))
"""The members of a row that a claim file has a place of its own for."""
