"""Claims360 on the wire: all that the partner's real description may turn out to name differently.

The format is our profile, written from the partner's users' guide; see docs/partners/claims360.md.
Values may be null or absent everywhere but where a field has no default.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from msgspec import Meta, Raw, Struct

# -- requests -------------------------------------------------------------------------------------

BODYSHOP = "/v1/bodyshops/{}"
CHANGES = BODYSHOP + "/changes"
MISSION = BODYSHOP + "/missions/{}"
QUOTE = BODYSHOP + "/quotes/{}"
PHOTOS = MISSION + "/photos"
PHOTO_CONTENT = BODYSHOP + "/photos/{}/content"
DOSSIERS = BODYSHOP + "/dossiers"
DOSSIER = DOSSIERS + "/{}"

BODYSHOP_KEY_HEADER = "X-Bodyshop-Api-Key"
PLANNING_KEY_HEADER = "X-Planning-Api-Key"

SINCE, CURSOR, LIMIT = "statusChangedSince", "cursor", "limit"
LONGEST_PAGE = 200
MOST_ITEMS = 1_000  # a partner that gives more than was asked for is borne with so far
MOST_PHOTOS = 5_000  # of one mission
CURSOR_EXPIRED = "CURSOR_EXPIRED"
CURSOR_LIFE = timedelta(hours=24)

REQUESTS_PER_SECOND = 20
REQUESTS_AT_ONCE = 4
LONGEST_REFERENCE = 64
LONGEST_PLATE = 20
LONGEST_CAPTION = 500
LEAST_IMPOSSIBLE_MILEAGE = 10_000_000
LARGEST_PHOTO_BYTES = 10 * 1024 * 1024
PHOTO_TYPES = frozenset({"image/jpeg", "image/png"})
FOUND, CREATED, NOT_FOUND, CONFLICT = 200, 201, 404, 409
TOO_LARGE, TYPE_NOT_ALLOWED = 413, 415
REFERENCE_KNOWN = "REFERENCE_KNOWN"
TIME_ZONE = "Europe/Brussels"
CURRENCY_WHEN_ABSENT = "EUR"

# -- words ----------------------------------------------------------------------------------------

MISSION_TYPE, QUOTE_TYPE = "mission", "quote"
MISSION_STATUSES = ("created", "assigned", "in_progress", "closed", "cancelled")
QUOTE_STATUSES = (
    "draft",
    "submitted",
    "under_review",
    "approved",
    "rejected",
    "closed",
    "cancelled",
)

# -- answers --------------------------------------------------------------------------------------

_LARGEST_INT = 2**53 - 1  # the largest that every JSON reader keeps exactly

Id = Annotated[str, Meta(min_length=1, max_length=255)]
Count = Annotated[int, Meta(ge=0, le=_LARGEST_INT)]
DecimalText = Annotated[str, Meta(pattern=r"\A-?[0-9]{1,18}(\.[0-9]{1,9})?\Z")]
CurrencyText = Annotated[str, Meta(pattern=r"\A[A-Z]{3}\Z")]
Sha256Text = Annotated[str, Meta(pattern=r"\A[0-9A-Fa-f]{64}\Z")]


class WireBodyshop(Struct, rename="camel"):
    """The body shop that the keys belong to."""

    id: str


class WireListing(Struct, rename="camel"):
    """One page of the list of changes; ``items`` are read one by one."""

    items: list[Raw]
    has_more: bool
    next_cursor: str | None = None
    server_time: str | None = None


class WireSite(Struct, rename="camel"):
    """A site of the body shop."""

    id: str | None = None
    name: str | None = None


class WireVehicle(Struct, rename="camel"):
    """The damaged vehicle."""

    plate: str | None = None
    vin: str | None = None
    make: str | None = None
    model: str | None = None
    power_kw: Count | None = None
    displacement_cc: Count | None = None
    fuel: str | None = None
    first_registration_date: date | None = None
    mileage_km: Count | None = None


class WireInsurer(Struct, rename="camel"):
    """The insurer and its references."""

    name: str | None = None
    claim_number: str | None = None
    policy_number: str | None = None


class WireInsured(Struct, rename="camel"):
    """The insured party."""

    name: str | None = None
    phone: str | None = None
    email: str | None = None


class WireExpert(Struct, rename="camel"):
    """The motor expert."""

    name: str | None = None


class WireTotals(Struct, rename="camel"):
    """Totals of a quote."""

    net: DecimalText | None = None
    vat: DecimalText | None = None
    gross: DecimalText | None = None
    currency: CurrencyText | None = None


class WireLine(Struct, rename="camel"):
    """One line of a quote."""

    id: str | None = None
    kind: str | None = None
    description: str | None = None
    quantity: DecimalText | None = None
    unit_price: DecimalText | None = None
    total: DecimalText | None = None
    labour_hours: DecimalText | None = None


class WireItem(Struct, rename="camel"):
    """A mission or a quote, in the list or in detail."""

    type: str
    id: Id
    status: Id
    status_changed_at: str
    version: Count
    number: str | None = None
    previous_status: str | None = None
    smart_expertise: bool | None = None
    site: WireSite | None = None
    vehicle: WireVehicle | None = None
    insurer: WireInsurer | None = None
    insured: WireInsured | None = None
    expert: WireExpert | None = None
    loss_date: date | None = None
    totals: WireTotals | None = None
    lines: list[WireLine] | None = None
    mission_id: Annotated[str, Meta(max_length=255)] | None = None
    photo_count: Count | None = None
    deposit_count: Count | None = None


EXTRA_NAMES = frozenset({"missionId", "photoCount", "depositCount"})
"""Fields that we read but that have no place in a record's shape; they stay under ``extra``."""


class WirePhotos(Struct, rename="camel"):
    """The photos of a mission; read one by one."""

    photos: list[Raw]


class WirePhoto(Struct, rename="camel"):
    """A photo as it is announced."""

    id: Id
    sha256: Sha256Text
    bytes: Count
    file_name: str | None = None
    content_type: str | None = None
    taken_at: str | None = None


class WireDossier(Struct, rename="camel"):
    """A dossier that was taken, and the mission that it became."""

    reference: str
    mission_id: Id


class WireReferenceKnown(Struct, rename="camel"):
    """The problem that says that a reference is taken."""

    code: str | None = None
    mission_id: Id | None = None


class WireSentPhoto(Struct, rename="camel"):
    """A photo that was taken, or was there already."""

    id: Id
    sha256: Sha256Text
