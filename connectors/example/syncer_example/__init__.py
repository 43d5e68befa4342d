"""The tutorial connector: one list of missions, one token."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec import DecodeError, Raw, Struct, json

from syncer.sdk import (
    ClaimRef,
    Connector,
    Credentials,
    Kind,
    Link,
    Page,
    PartnerLimits,
    Record,
    Secret,
    Settings,
    Unreadable,
    Vehicle,
    hookimpl,
    instant_key,
    parse_instant,
)

__all__ = ["Example", "ExampleCredentials"]


class ExampleCredentials(Credentials):
    """What the partner gives a repairer."""

    token: Secret


class Missions(Struct):
    """A page of the partner's list."""

    missions: list[Raw]
    next: str
    more: bool


class Mission(Struct):
    """One mission of the partner."""

    id: str
    at: str
    status: str
    plate: str | None = None


OurLink = Link[ExampleCredentials, Settings]


class Example(Connector[ExampleCredentials, Settings]):
    """Reads the partner's missions in the order in which they changed."""

    name = "example"
    title = "Example"
    version = "0.1.0"
    wire_format = "profile"
    kinds = frozenset({Kind.MISSION})
    credentials = ExampleCredentials
    limits = PartnerLimits(requests=50, concurrent=2, source="connectors/example/README.md")

    def auth_headers(self, credentials: ExampleCredentials) -> Mapping[str, str]:
        """Send the token as a bearer token."""
        return {"Authorization": f"Bearer {credentials.token.get_secret_value()}"}

    async def check(self, link: OurLink) -> None:
        """Ask the partner who we are."""
        await link.http.request("GET", "/me")

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        """Read what changed after the number that the cursor is."""
        answer = await link.http.request("GET", "/missions", query={"after": cursor})
        found = answer.decode(Missions)
        records, unreadable = [], []
        for item in found.missions:
            try:
                records.append(_record(json.decode(item, type=Mission)))
            except (DecodeError, UnicodeDecodeError, ValueError, OverflowError) as error:
                reason = str(error) if isinstance(error, DecodeError) else "at: is no instant"
                raw = bytes(item)
                unreadable.append(Unreadable(kind=None, partner_ref=None, reason=reason, raw=raw))
        return Page(
            records=records, unreadable=unreadable, next_cursor=found.next, has_more=found.more
        )


def _record(mission: Mission) -> Record:
    return Record(
        kind=Kind.MISSION,
        partner_ref=mission.id,
        revision=instant_key(mission.at),
        status=mission.status,
        status_changed_at=parse_instant(mission.at),
        claim=ClaimRef(partner_ref=mission.id, reference=mission.id),
        vehicle=Vehicle(plate=mission.plate),
    )


@hookimpl
def register_connectors(register: Callable[[type[Example]], None]) -> None:
    """Hand the connector to the host."""
    register(Example)
