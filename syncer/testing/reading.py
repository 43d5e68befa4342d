"""Reading a partner's listing as the host does, for the tests of connectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from syncer.sdk import (
    ClaimUpdate,
    Connector,
    Link,
    PageLoopError,
    Record,
    RecordKey,
    UnknownItem,
    Unreadable,
)


@dataclass(slots=True, kw_only=True)
class Read:
    """What the pages of a pass held together; ``cursor`` is where the next pass starts."""

    cursor: str | None
    pages: int = 0
    records: list[Record] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    unknown: list[UnknownItem] = field(default_factory=list)
    withdrawn: list[RecordKey] = field(default_factory=list)
    claim_updates: list[ClaimUpdate] = field(default_factory=list)


async def read_pass(
    connector: Connector[Any, Any], link: Link[Any, Any], cursor: str | None
) -> Read:
    """Read page after page to the end of the listing.

    Raises:
        PageLoopError: a cursor was handed out before.
    """
    read, handed_out = Read(cursor=cursor), {cursor}
    while True:
        page = await connector.pull(link, read.cursor)
        link.forget()
        read.pages += 1
        read.records += page.records
        read.unreadable += page.unreadable
        read.unknown += page.unknown
        read.withdrawn += page.withdrawn
        read.claim_updates += page.claim_updates
        if page.next_cursor is not None:
            read.cursor = page.next_cursor
        if not page.has_more:
            return read
        if read.cursor in handed_out:
            raise PageLoopError("the listing hands out a cursor again")
        handed_out.add(read.cursor)
