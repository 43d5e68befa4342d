"""The quarantine: items that could not be read, looked at and asked for again."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from syncer.domain.errors import ConflictError, NotFoundError
from syncer.domain.instants import to_text
from syncer.domain.links import LinkKey
from syncer.domain.records import RecordKey
from syncer.domain.stored import QuarantinedItem
from syncer.ports.store import Store
from syncer.services.record_json import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[Json]
    last: str | None
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineService:
    """Shows quarantined items and has them read again.

    ``reread`` asks the partner for one object and stores it as a page would.
    """

    store: Store
    reread: Callable[[LinkKey, RecordKey], Awaitable[None]]

    async def find(
        self,
        *,
        repairers: tuple[str, ...] | None = None,
        connectors: tuple[str, ...] | None = None,
        after: str | None = None,
        limit: int = 50,
    ) -> Quarantined:
        """List newest first, resolved ones included."""
        async with self.store.read() as uow:
            rows = await uow.quarantine.find(
                repairers=repairers, connectors=connectors, after=after, limit=limit + 1
            )
            total = await uow.quarantine.count(repairers=repairers, connectors=connectors)
        page = rows[:limit]
        last = page[-1].id if len(rows) > limit else None
        return Quarantined(items=[quarantine_view(item) for item in page], last=last, total=total)

    async def one(self, id_: str) -> Json:
        """Give one item.

        Raises:
            NotFoundError: there is none of that id.
        """
        return quarantine_view(await self._stored(id_))

    async def retry(self, id_: str) -> Json:
        """Ask the partner for the object again; gives the item, resolved when it was read well.

        Raises:
            NotFoundError: there is no item of that id.
            ConflictError: ``already_resolved``; ``cannot_be_asked_again`` when the item's object is
                not known or the partner has no request for it; or why the link cannot run.
            PayloadError: the object still cannot be read.
        """
        item = await self._stored(id_)
        if item.resolved_at is not None:
            raise ConflictError("already_resolved", "A good version has been read since.")
        if item.kind is None or item.partner_ref is None:
            text = "The item does not say which object of the partner it was."
            raise ConflictError("cannot_be_asked_again", text)
        try:
            await self.reread(item.link, RecordKey(kind=item.kind, partner_ref=item.partner_ref))
        except NotFoundError as error:
            raise ConflictError("cannot_be_asked_again", str(error)) from error
        return await self.one(id_)

    async def _stored(self, id_: str) -> QuarantinedItem:
        async with self.store.read() as uow:
            item = await uow.quarantine.get(id_)
        if item is None:
            raise NotFoundError("There is no quarantined item of this id.")
        return item


def quarantine_view(item: QuarantinedItem) -> Json:
    """Give a quarantined item as the API shows it."""
    return {
        "id": item.id,
        "repairer": item.link.repairer,
        "connector": item.link.connector,
        "kind": item.kind,
        "partner_ref": item.partner_ref,
        "reason": item.reason,
        "raw_base64": base64.b64encode(item.raw).decode(),
        "at": to_text(item.at),
        "resolved_at": to_text(item.resolved_at) if item.resolved_at else None,
    }
