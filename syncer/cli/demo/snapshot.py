"""What the demo shows, read through the API as anybody would."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

from syncer.cli.client import Json, ServiceClient


@dataclass(slots=True, kw_only=True)
class Snapshot:
    """Links and newest records at one moment, and what happened since the last one."""

    links: list[Json] = field(default_factory=list)
    records: list[Json] = field(default_factory=list)
    total: int = 0
    news: list[str] = field(default_factory=list)


class Watcher:
    """Reads the API again and again; the change feed from where it left off."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        self._cursor: str | None = None

    async def look(self, *, records: int = 10) -> Snapshot:
        """Read what there is now."""
        links = await self._client.all("/v1/links")
        newest = await self._client.get("/v1/records", {"kind": "mission,quote", "limit": records})
        return Snapshot(
            links=links,
            records=newest["items"],
            total=newest["total"],
            news=[line async for line in self._news()],
        )

    async def _news(self) -> AsyncIterator[str]:
        while True:
            page = await self._client.get("/v1/changes", {"after": self._cursor, "limit": 500})
            self._cursor = page["next"]
            for line in _told(page["items"]):
                yield line
            if not page["items"]:
                return


def _told(changes: list[Json]) -> Iterator[str]:
    """Sum up changes: one line for each link and type."""
    counted = Counter(
        (change["repairer"], change["connector"], change["type"], _what(change))
        for change in changes
        if change["type"] not in {"pass.finished", "claim_file.created", "claim_file.updated"}
    )
    for (repairer, connector, type_, what), count in counted.items():
        times = f" x {count}" if count > 1 else ""
        yield f"{repairer}/{connector}: {type_.replace('.', ' ')} {what}{times}".replace("  ", " ")


def _what(change: Json) -> str:
    data = change.get("data") or {}
    parts = (data.get("kind"), data.get("status"), data.get("state"))
    return " ".join(str(part) for part in parts if part)
