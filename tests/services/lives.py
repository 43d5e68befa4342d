"""A connector whose claim files have a small made-up life, and what tests do with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from syncer.domain.claim_files import ClaimFile
from syncer.domain.links import LinkKey
from syncer.domain.lives import LoggedEvent
from syncer.domain.records import Record
from syncer.ports.plugins import ConnectorState, Installed
from syncer.ports.store import Store
from syncer.sdk import (
    ClaimWarning,
    Connector,
    Credentials,
    Event,
    Kind,
    Lifecycle,
    Link,
    LocalEvent,
    Page,
    PartnerLimits,
    Settings,
    Standing,
    TransitionRefusedError,
)

LINK = LinkKey("garage-7", "shelf")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class ShelfLife(Lifecycle):
    """A notice opens a file, what comes before it waits, notes on a used file warn."""

    states = ("none", "open", "used", "closed")
    words: ClassVar = {"aperto": "open"}

    def begin(self) -> Standing:
        return Standing(state="none", facts={"notes": []})

    def apply(self, standing: Standing, event: Event) -> Standing | None:
        if event.name in {"note", "close"} and standing.state == "none":
            return None
        if event.name == "notice":
            return self._notice(standing)
        if event.name == "note":
            return self._note(standing, event)
        if event.name == "close":
            return replace(standing, state="closed")
        return self._reported(standing, event)

    def _notice(self, standing: Standing) -> Standing:
        is_shut = standing.state in {"none", "closed"}
        return replace(standing, state="open", unassigned=True) if is_shut else standing

    def _note(self, standing: Standing, event: Event) -> Standing:
        if standing.state == "closed":
            raise TransitionRefusedError("The file is closed.")
        facts = {"notes": [*standing.facts["notes"], event.key]}
        standing = replace(standing, facts=facts, unassigned=False)
        if standing.state != "used":
            return standing
        warning = ClaimWarning(text=f"a note came: {event.key}", since=event.at)
        return replace(standing, warnings=(*standing.warnings, warning))

    def _reported(self, standing: Standing, event: Event) -> Standing | None:
        name = event.name
        if name == LocalEvent.WARNING_ACKNOWLEDGED:
            return replace(standing, warnings=())
        if name == LocalEvent.LINKED_TO_SALES_DOCUMENT and standing.state == "open":
            return replace(standing, state="used", in_sales_document=True)
        if name == LocalEvent.REMOVED_FROM_SALES_DOCUMENT and standing.state == "used":
            return replace(standing, state="open", in_sales_document=False)
        if name == LocalEvent.CREDIT_NOTE_CREATED:
            return None
        raise TransitionRefusedError(f"A file that is {standing.state} cannot do that.")

    def why_not_selectable(self, standing: Standing) -> str | None:
        return None if standing.state == "open" else f"The file is {standing.state}."


class ShelfConnector(Connector[Credentials, Settings]):
    """Its records carry their events in ``extra``."""

    name = "shelf"
    title = "Shelf"
    version = "1"
    wire_format = "profile"
    kinds = frozenset(Kind)
    credentials = Credentials
    limits = PartnerLimits(source="none")
    lifecycle: ClassVar[Lifecycle | None] = ShelfLife()

    async def check(self, link: Link[Credentials, Settings]) -> None:
        """All is well."""

    async def pull(self, link: Link[Credentials, Settings], cursor: str | None) -> Page:
        return Page()

    def events(self, record: Record) -> Sequence[Event]:
        return [
            happened(name, record.partner_ref, order=order) for name, order in record.extra["says"]
        ]

    def claim_data(self, record: Record) -> Mapping[str, Any]:
        return {"channel": record.status}


def installed(connector: ShelfConnector) -> Installed:
    """Install the connector."""
    return Installed(
        name=connector.name,
        enabled=True,
        state=ConnectorState.READY,
        connector=connector,
        table={},
    )


def happened(name: str, key: str, *, order: int = 0, **parts: Any) -> Event:
    """Make an event; its time follows its order."""
    at = NOON + timedelta(minutes=order)
    return Event(name=name, key=f"{name} {key}", at=at, order=order, **parts)


@dataclass(frozen=True, slots=True)
class Seen:
    """A claim file and its log, as they are stored."""

    file: ClaimFile
    log: Sequence[LoggedEvent]

    @property
    def moves(self) -> list[tuple[str, str | None, str | None]]:
        """The log as (event, from, to)."""
        return [(one.event.name, one.from_state, one.to_state) for one in self.log]

    def __iter__(self) -> Iterator[Any]:
        return iter((self.file, self.log))


async def seen(store: Store, id_: str) -> Seen:
    """Read a claim file with its log."""
    async with store.read() as uow:
        file = await uow.claim_files.get(id_)
        logs = await uow.lives.log_of([id_])
    assert file is not None
    return Seen(file, logs.get(id_, []))
