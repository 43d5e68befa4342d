"""RESTART: claims sent to the Italian portal, and their statuses back."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, time
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field

from syncer.sdk import (
    ClaimFile,
    Connector,
    Credentials,
    Delivery,
    Event,
    Link,
    NotFoundError,
    Page,
    PartnerLimits,
    Receipt,
    Response,
    Secret,
    Settings,
    hookimpl,
    to_text,
)
from syncer_restart import wire
from syncer_restart.assessment import assess
from syncer_restart.cursor import Cursor
from syncer_restart.lifecycle import RestartLifecycle, sent_event
from syncer_restart.mapping import read_page, read_rows
from syncer_restart.sending import (
    CLAIM_FOLLOW_UP,
    CLAIM_UPLOAD,
    check_delivery,
    find_first,
    send_first,
    send_follow_up,
)

__all__ = ["Restart", "RestartCredentials"]


class RestartCredentials(Credentials):
    """What the portal gives a repairer."""

    user_id: str = Field(
        pattern=r"^[^:\x00-\x1f\x7f]{1,128}$",
        title="User id",
        description="The user of the portal: 1 to 128 characters, no colon.",
    )
    password: Annotated[Secret, Field(min_length=1, max_length=128)] = Field(
        title="Password", description="The user's password at the portal."
    )


OurLink = Link[RestartCredentials, Settings]


class Restart(Connector[RestartCredentials, Settings]):
    """Sends claims with their documents, and brings their statuses back."""

    name = "restart"
    title = "RESTART"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset()
    credentials = RestartCredentials
    limits = PartnerLimits(source="RESTART profile 1 names none; docs/partners/restart.md")
    operations = (CLAIM_UPLOAD, CLAIM_FOLLOW_UP)
    lifecycle = RestartLifecycle()
    document_rules: ClassVar = {"*": wire.EXPECTED}

    def auth_headers(self, credentials: RestartCredentials) -> Mapping[str, str]:
        """Send user and password with every request (HTTP Basic in UTF-8)."""
        pair = f"{credentials.user_id}:{credentials.password.get_secret_value()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    async def check(self, link: OurLink) -> None:
        """Ask for the repairer's profile."""
        answer = await link.http.request("GET", wire.PROFILE)
        answer.decode(wire.WireProfile)

    async def first_cursor(self, link: OurLink) -> str | None:
        """Start at midnight of the start date in Italy, else from the beginning.

        The portal lists nothing but what this repairer sent, and a claim without its status would
        be worth little.
        """
        if link.start_date is None:
            return None
        midnight = datetime.combine(link.start_date, time(), ZoneInfo(wire.TIME_ZONE))
        return Cursor(since=to_text(midnight)).text()

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read one page of statuses."""
        at = Cursor.parse(cursor)
        answer = await link.http.request("GET", wire.CLAIMS, query=at.query())
        page = read_page(answer.body)
        rows = read_rows(page.claims)
        following = at.after(rows.seen, has_more=page.has_more, now=_portal_time(answer))
        return Page(
            claim_updates=rows.updates,
            unreadable=rows.unreadable,
            unknown=rows.unknown,
            next_cursor=following.text(),
            has_more=following.walk is not None,
        )

    def validate(self, delivery: Delivery[Any], settings: Settings) -> None:  # noqa: ARG002
        """Check channel, ASP centre and mandatory documents."""
        check_delivery(delivery)

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Send a claim, or what changed of it."""
        if delivery.operation == CLAIM_FOLLOW_UP:
            return await send_follow_up(link.http, delivery)
        return await send_first(link.http, delivery)

    async def look_up(self, link: OurLink, delivery: Delivery[Any]) -> Receipt | None:
        """Ask by our reference whether the first sending took effect."""
        return await find_first(link.http, delivery)

    def delivery_events(self, delivery: Delivery[Any], receipt: Receipt) -> Sequence[Event]:
        """Say that the portal has the claim, and what it has of it."""
        return [sent_event(delivery, receipt)]

    async def choices(self, link: OurLink, field: str) -> Sequence[Mapping[str, Any]]:
        """List the ASP centres for ``centre``."""
        if field != "centre":
            raise NotFoundError("RESTART offers choices for the field centre only.")
        answer = await link.http.request("GET", wire.CENTRES)
        centres = answer.decode(list[wire.WireCentre])
        return [{"vat_number": one.vat_number, "name": one.name} for one in centres]

    def assess(self, claim_file: ClaimFile) -> Mapping[str, Any]:
        """Say whether direct settlement applies, and why; what is unknown speaks against it."""
        found = assess(claim_file.data)
        return {"direct_settlement": found.applies is True, "reasons": list(found.reasons)}


def _portal_time(answer: Response) -> datetime | None:
    try:
        at = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


@hookimpl
def register_connectors(register: Callable[[type[Restart]], None]) -> None:
    """Hand the connector to the host."""
    register(Restart)
