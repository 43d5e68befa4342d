"""The connector of the benchmark partner: one list of quotes, complete rows, an ETag a link."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Raw, Struct

from syncer.sdk import (
    ClaimRef,
    Connector,
    Credentials,
    Delivery,
    FileRule,
    Insured,
    Insurer,
    Kind,
    Line,
    Link,
    LostAnswer,
    Operation,
    Page,
    Part,
    PartnerLimits,
    Payload,
    Receipt,
    Record,
    Response,
    Secret,
    Settings,
    Site,
    Surveyor,
    Totals,
    Unreadable,
    Vehicle,
    hookimpl,
    parse_instant,
)

__all__ = ["Benchmark", "BenchmarkCredentials"]

_NOT_MODIFIED = 304
_ACCEPTED = frozenset({200, _NOT_MODIFIED})


class BenchmarkCredentials(Credentials):
    """What the partner gives a repairer."""

    token: Secret


class Quote(Struct):
    """A row of the list; its parts have the SDK's names, so that the host is what is measured."""

    id: str
    number: str
    version: int
    status: str
    changed_at: str
    claim_id: str
    claim_reference: str
    loss_date: date
    surveyor: Surveyor
    site: Site
    vehicle: Vehicle
    insurer: Insurer
    insured: Insured
    totals: Totals
    lines: tuple[Line, ...]
    remarks: str


class Listing(Struct):
    """A page of the list, its rows read at once."""

    quotes: list[Quote]
    next: str
    more: bool


class RawListing(Struct):
    """The same page, row by row: read when one of the rows cannot be."""

    quotes: list[Raw]
    next: str
    more: bool


class Posted(Struct):
    """What the partner says of a file that it took."""

    id: str


POST = Operation(
    name="post",
    title="One file",
    payload=Payload,
    lost_answer=LostAnswer.KEY,
    files=FileRule(least=1, most=1),
)
OurLink = Link[BenchmarkCredentials, Settings]
_LISTING = msgspec.json.Decoder(Listing)
_QUOTE = msgspec.json.Decoder(Quote)


class Benchmark(Connector[BenchmarkCredentials, Settings]):
    """Reads quotes in the order in which they changed; the cursor is ``position|etag``."""

    name = "benchmark"
    title = "Benchmark"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset({Kind.QUOTE})
    credentials = BenchmarkCredentials
    limits = PartnerLimits(concurrent=4, source="benchmarks/partner.py has no limits")
    operations = (POST,)

    def auth_headers(self, credentials: BenchmarkCredentials) -> Mapping[str, str]:
        """Send the token as a bearer token."""
        return {"Authorization": f"Bearer {credentials.token.get_secret_value()}"}

    async def check(self, link: OurLink) -> None:
        """Ask the partner who we are."""
        await link.http.request("GET", "/me")

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read what changed after the cursor's position; 304 when nothing did."""
        position, _, etag = (cursor or "0|").partition("|")
        answer = await link.http.request(
            "GET",
            "/quotes",
            query={"after": position},
            headers={"If-None-Match": etag} if etag else None,
            accept=_ACCEPTED,
        )
        if answer.status == _NOT_MODIFIED:
            return Page()
        return _page_of(answer)

    async def deliver(self, link: OurLink, delivery: Delivery[Payload]) -> Receipt:
        """Post one file."""
        [file] = delivery.files
        part = Part(name="file", content=file, content_type=file.content_type, filename=file.name)
        headers = {"Idempotency-Key": delivery.key}
        answer = await link.http.request("POST", "/files", headers=headers, parts=[part])
        return Receipt(raw={"id": answer.decode(Posted).id})


def _page_of(answer: Response) -> Page:
    unreadable: Sequence[Unreadable] = ()
    found: Listing | RawListing
    try:
        found = _LISTING.decode(answer.body)
        records = [_record(quote) for quote in found.quotes]
    except (msgspec.DecodeError, ValueError):
        found = answer.decode(RawListing)
        records, unreadable = _row_by_row(found.quotes)
    etag = "" if found.more else answer.headers.get("etag", "")
    return Page(
        records=records,
        unreadable=unreadable,
        next_cursor=f"{found.next}|{etag}",
        has_more=found.more,
    )


def _row_by_row(rows: Sequence[Raw]) -> tuple[list[Record], list[Unreadable]]:
    records, unreadable = [], []
    for row in rows:
        try:
            records.append(_record(_QUOTE.decode(row)))
        except (msgspec.DecodeError, ValueError) as error:
            reason = str(error) if isinstance(error, msgspec.DecodeError) else "changed_at"
            bad = Unreadable(kind=Kind.QUOTE, partner_ref=None, reason=reason, raw=bytes(row))
            unreadable.append(bad)
    return records, unreadable


def _record(quote: Quote) -> Record:
    return Record(
        kind=Kind.QUOTE,
        partner_ref=quote.id,
        revision=quote.changed_at,
        status=quote.status,
        status_changed_at=parse_instant(quote.changed_at),
        number=quote.number,
        version=quote.version,
        claim=ClaimRef(
            partner_ref=quote.claim_id,
            reference=quote.claim_reference,
            claim_number=quote.insurer.claim_number,
        ),
        site=quote.site,
        vehicle=quote.vehicle,
        insurer=quote.insurer,
        insured=quote.insured,
        surveyor=quote.surveyor,
        loss_date=quote.loss_date,
        totals=quote.totals,
        lines=quote.lines,
        extra={"remarks": quote.remarks},
    )


@hookimpl
def register_connectors(register: Callable[[type[Benchmark]], None]) -> None:
    """Hand the connector to the host."""
    register(Benchmark)
