"""Sinapps IRD: property claims in France, as a repairer and as a management centre."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import msgspec

from syncer.sdk import (
    Attachment,
    Completed,
    Connector,
    CredentialsRejectedError,
    Delivery,
    Download,
    Event,
    Href,
    Kind,
    Login,
    NotFoundError,
    Page,
    PartnerLimits,
    PayloadError,
    Receipt,
    Record,
    RecordKey,
    Response,
    hookimpl,
)
from syncer_sinapps import claim_data, matrix, operations, sending, wire
from syncer_sinapps.cursor import Cursor
from syncer_sinapps.events import read_log
from syncer_sinapps.lifecycle import SinappsLifecycle
from syncer_sinapps.lifecycle_events import delivery_events
from syncer_sinapps.mapping import attachment_of, map_mission
from syncer_sinapps.missions import Part, read_mission
from syncer_sinapps.pulling import take
from syncer_sinapps.resources import (
    OurLink,
    Remembered,
    find_mission,
    home_link,
    list_of,
    read_once,
    readable,
    resource_of,
)
from syncer_sinapps.settings import SinappsCredentials, SinappsSettings
from syncer_sinapps.walking import walk_page

__all__ = ["Sinapps", "SinappsCredentials", "SinappsSettings"]

_OK, _NOT_FOUND = 200, 404
_REFUSED = frozenset({400, 401, 403, 422})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_SIGNED_OUT = frozenset({401, 403})
_OTHERS = frozenset({wire.INSURED, wire.INSURER, wire.SURVEYOR})


class Sinapps(Connector[SinappsCredentials, SinappsSettings]):
    """Follows the event log to missions and what belongs to them, and sends commands."""

    name = "sinapps"
    title = "Sinapps IRD"
    version = "0.1.0"
    wire_format = "vendor"
    kinds = frozenset(
        {
            Kind.MISSION,
            Kind.APPOINTMENT,
            Kind.SOLICITATION,
            Kind.COMMENT,
            Kind.QUOTE,
            Kind.INVOICE,
            Kind.DOCUMENT,
        }
    )
    credentials = SinappsCredentials
    settings = SinappsSettings
    limits = PartnerLimits(concurrent=4, source="none stated; docs/partners/sinapps.md")
    operations = operations.OPERATIONS
    lifecycle = SinappsLifecycle()
    waiting_statuses = frozenset({wire.OPEN})

    # -- the session ------------------------------------------------------------------------------

    async def authenticate(self, link: OurLink) -> Login:
        """Log in for the session cookie, and keep the user's links."""
        credentials = link.credentials
        body = {"login": credentials.login, "password": credentials.password.get_secret_value()}
        answer = await link.http.request(
            "POST",
            link.settings.login_path,
            headers={"Content-Type": "application/json"},
            body=msgspec.json.encode(body),
            accept={_OK} | _REFUSED | _REDIRECTS,
        )
        if answer.status != _OK:
            raise CredentialsRejectedError("The partner refused login and password.")
        return _login_of(answer)

    def is_signed_out(self, settings: SinappsSettings, status: int, location: str | None) -> bool:
        """A 401, or a redirect to the login page, whatever host it is on."""
        if status in _SIGNED_OUT:
            return True
        if status not in _REDIRECTS or not location:
            return False
        path = urlsplit(location).path.rstrip("/")
        return path.endswith((wire.DEFAULT_LOGIN_PATH, settings.login_path.rstrip("/")))

    async def sign_out(self, link: OurLink) -> None:
        """Free the session: beside the login, or at the partner's usual place."""
        beside = link.settings.login_path.rpartition("/")[0]
        for path in dict.fromkeys((f"{beside}{wire.LOGOUT}", wire.LOGOUT)):
            answer = await link.http.request(
                "PUT", path, accept={_OK, 204, _NOT_FOUND} | _SIGNED_OUT
            )
            if answer.status != _NOT_FOUND:
                return

    async def check(self, link: OurLink) -> None:
        """Log in; the user must have an event log."""
        await home_link(link, wire.EVENTS_OF_OTHERS)

    # -- inbound ----------------------------------------------------------------------------------

    async def first_cursor(self, link: OurLink) -> str:  # noqa: ARG002
        """Start before the first event: the partner tells all that it still has."""
        return Cursor().text()

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read a stretch of the log; once a week, at its end, a page of the listed missions."""
        at = Cursor.parse(cursor)
        if at.walk is not None:
            return await walk_page(link, at)
        log = await read_log(link, at.since)
        if log.last_id is None:
            following = at.at_end(log.read_at)
            return Page(
                unreadable=log.unreadable,
                next_cursor=following.text(),
                has_more=following.walk is not None,
            )
        following = at.after(log.last_id, log.read_at)
        found = await take(link, log, following.seen_at)
        return found.page(following.text(), has_more=True)

    async def complete(self, link: OurLink, record: Record) -> Completed:  # noqa: ARG002
        """Announce the content of a document."""
        is_document = record.kind is Kind.DOCUMENT
        return Completed(record=record, attachments=[attachment_of(record)] if is_document else [])

    async def reread(self, link: OurLink, key: RecordKey) -> Record:
        """Read a mission again, as the list of missions leads to it."""
        if key.kind is not Kind.MISSION:
            raise NotFoundError("The partner can be asked for missions only.")
        mission = await read_mission(
            link, await find_mission(link, key.partner_ref), Part.CORE, seen_at=None
        )
        found = [one for one in map_mission(mission).records if one.key == key]
        if not found:
            raise PayloadError("is another mission than the one asked for", path="mission.id")
        return found[0]

    @asynccontextmanager
    async def fetch(self, link: OurLink, attachment: Attachment) -> AsyncIterator[Download]:
        """Open the content of a document, by the link that its mission's list gives now."""
        mission, _, document = attachment.partner_ref.partition("/")
        listed = await link.once(("fetch", mission), lambda: _documents(link, mission))
        found = listed.get(document)
        if found is None:
            raise NotFoundError("The partner does not list the document any more.")
        async with link.http.download(found) as download:
            yield download

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        """Give the claim of a mission, its actors, contract and services."""
        return claim_data.claim_data(record) if record.kind is Kind.MISSION else {}

    def waits_for_person(self, record: Record) -> str | None:
        """An open solicitation that others addressed to us waits for an answer."""
        if record.status != wire.OPEN:
            return None
        asked = msgspec.convert(dict(record.extra), wire.WireSolicitation, strict=False)
        if matrix.actor_of(asked.destinataire) in _OTHERS:
            return None
        emitter = matrix.actor_of(asked.emetteur) or "Somebody"
        return f"{emitter} asks for {asked.type.name if asked.type else 'an answer'}"

    # -- outbound ---------------------------------------------------------------------------------

    def validate(self, delivery: Delivery[Any], settings: SinappsSettings) -> None:
        """Check order, roles and the matrix before anything is accepted."""
        operations.validate(delivery, settings)

    async def deliver(self, link: OurLink, delivery: Delivery[Any]) -> Receipt:
        """Send a command that is offered now."""
        return await sending.deliver(link, delivery)

    async def look_up(self, link: OurLink, delivery: Delivery[Any]) -> Receipt | None:
        """Look whether a command took effect."""
        return await sending.look_up(link, delivery)

    def delivery_events(self, delivery: Delivery[Any], receipt: Receipt) -> Sequence[Event]:
        """Move the service that a delivery was for."""
        return delivery_events(delivery, receipt, operations.service_of(delivery))


def _login_of(answer: Response) -> Login:
    cookie = answer.cookies.get(wire.SESSION_COOKIE)
    if not cookie:
        raise PayloadError("the login gave no session cookie")
    home = resource_of(answer.body)
    id_ = home.properties(wire.WireUser).id
    memory = Remembered(home=home, user_id=str(id_) if id_ is not None else None)
    return Login(cookies=dict(answer.cookies), facts=memory)


async def _documents(link: OurLink, mission: str) -> dict[str, Href]:
    """Give where the contents of a mission's documents are, by the documents' ids."""
    resource = await find_mission(link, mission)
    found: dict[str, Href] = {}
    listed = await list_of(link, resource.link(wire.DOCUMENTS))
    for one, document in readable(listed, wire.WireDocument):
        raw = one.link(wire.RAW)
        if raw is None and one.href is not None:  # a list may give it without its links
            raw = (await read_once(link, one.href)).link(wire.RAW)
        if raw is not None:
            found[str(document.id)] = raw
    return found


@hookimpl
def register_connectors(register: Callable[[type[Sinapps]], None]) -> None:
    """Hand the connector to the host."""
    register(Sinapps)
