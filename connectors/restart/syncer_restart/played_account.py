"""One repairer at the played portal: the claims that it sent, and how they move."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncer.sdk import instant_key, parse_instant, to_text
from syncer_restart import wire

CENTRES = (
    {"piva": "01234567897", "ragioneSociale": "ASP Demo srl"},
    {"piva": "10000000009", "ragioneSociale": "Centro Sinistri Torino S.p.A."},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An attachment as the manifest announces it."""

    id: str
    kind: str
    name: str
    sha256: str
    size_bytes: int


@dataclass(slots=True, kw_only=True)
class Claim:
    """A claim at the portal; ``mails`` counts how often the parties were told."""

    number: str
    reference: str | None
    status: str
    since: str
    centre: dict[str, str] | None = None
    refunded: str | None = None
    currency: str | None = None
    attachments: dict[str, Entry] = field(default_factory=dict)
    mails: int = 0

    def row(self) -> dict[str, Any]:
        """Give it as it stands in the list of statuses."""
        return {
            "numeroDenuncia": self.number,
            "riferimento": self.reference,
            "stato": self.status,
            "statoDal": self.since,
            "centroAsp": self.centre,
            "rimborsato": self.refunded,
            "valuta": self.currency,
        }

    def missing(self) -> list[str]:
        """List the mandatory kinds that it lacks."""
        present = {entry.kind for entry in self.attachments.values()}
        return [kind for kind in wire.MANDATORY_KINDS if kind not in present]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """What a follow-up did to the attachments."""

    received: int
    unchanged: int
    removed: int


@dataclass(slots=True, kw_only=True)
class Account:
    """A repairer's account; everything that happens in it happens at the portal's time.

    ``raw`` are rows that the list of statuses gives as they are, behind all others.
    """

    user: str
    password: str
    name: str
    now: Callable[[], datetime]
    vat_number: str = "00743110157"
    claims: dict[str, Claim] = field(default_factory=dict)
    centres: list[dict[str, str]] = field(default_factory=lambda: [dict(one) for one in CENTRES])
    raw: list[bytes] = field(default_factory=list)

    def credentials(self) -> dict[str, str]:
        """Give what the repairer signs in with."""
        return {"user_id": self.user, "password": self.password}

    def by_reference(self, reference: str) -> Claim | None:
        """Find a claim by the repairer's reference."""
        return next((one for one in self.claims.values() if one.reference == reference), None)

    def listing(self, since: str | None) -> list[Claim]:
        """List the claims whose status is from ``since`` or later, in the portal's order."""
        claims = sorted(self.claims.values(), key=lambda one: (instant_key(one.since), one.number))
        if since is None:
            return claims
        start = instant_key(since)
        return [one for one in claims if instant_key(one.since) >= start]

    def add_claim(
        self,
        reference: str | None,
        status: str = wire.RECEIVED,
        *,
        number: str | None = None,
        since: datetime | str | None = None,
        centre: dict[str, str] | None = None,
    ) -> Claim:
        """Put a claim at the portal."""
        at = since if isinstance(since, str) else to_text(since or self.now())
        claim = Claim(
            number=number or self._next_number(),
            reference=reference,
            status=status,
            since=at,
            centre=centre,
        )
        self.claims[claim.number] = claim
        return claim

    def move(self, number: str, status: str, *, refunded: str | None = None) -> Claim:
        """Change a claim's status, now."""
        claim = self.claims[number]
        claim.status, claim.since = status, to_text(self._later_than(claim.since))
        if refunded is not None:
            claim.refunded, claim.currency = refunded, "EUR"
        return claim

    def store_first(
        self, reference: str, centre: dict[str, str], entries: Sequence[Entry]
    ) -> Claim:
        """Make a claim of a first sending."""
        claim = self.add_claim(reference, centre=centre)
        claim.attachments = {entry.id: entry for entry in entries}
        claim.status = wire.INCOMPLETE if claim.missing() else wire.RECEIVED
        claim.mails = 1
        return claim

    def store_follow_up(
        self, claim: Claim, centre: dict[str, str], entries: Sequence[Entry]
    ) -> Changed:
        """Bring a claim's attachments in line with a manifest, and its status with that."""
        wanted, there = {entry.id: entry for entry in entries}, claim.attachments
        same = [id_ for id_ in wanted if has_content(there, wanted[id_])]
        changed = Changed(
            received=len(wanted) - len(same),
            unchanged=len(same),
            removed=len(there.keys() - wanted.keys()),
        )
        claim.attachments, claim.centre = wanted, centre
        claim.mails += 1
        if claim.missing():
            if claim.status != wire.INCOMPLETE:
                self.move(claim.number, wire.INCOMPLETE)
        elif claim.status == wire.INCOMPLETE:
            self.move(claim.number, wire.RECEIVED)
        return changed

    def _later_than(self, since: str) -> datetime:
        return max(self.now(), parse_instant(since))

    def _next_number(self) -> str:
        """Give a number that no earlier run of the portal gave."""
        return f"IT{self.now():%y%m%d%H%M%S}{len(self.claims) + 1:05d}"


def has_content(there: dict[str, Entry], entry: Entry) -> bool:
    """Say whether the portal has this very content under the entry's id."""
    known = there.get(entry.id)
    return known is not None and known.sha256 == entry.sha256


def needs_part(there: dict[str, Entry], sent: Collection[str], entry: Entry) -> bool:
    """Say whether an entry's content is neither at the portal nor among what was sent."""
    return entry.id not in sent and not has_content(there, entry)
