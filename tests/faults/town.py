"""A town of repairers that works through the API, remembers what it was told, and checks it."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.e2e.service import Service, by_ref

FIRST = "garage-7"
UNREACHABLE = (aiohttp.ClientError, OSError)


@dataclass
class Told:
    """What the service has said yes to; none of it may be lost."""

    passes: list[str] = field(default_factory=list)
    decisions: dict[str, str] = field(default_factory=dict)
    taken_over: dict[str, int] = field(default_factory=dict)
    repairers: set[str] = field(default_factory=set)
    documents: dict[str, bytes] = field(default_factory=dict)


@dataclass
class Town:
    """Repairers with a body shop each; ``work`` does a day, ``check`` compares the two worlds."""

    service: Service
    partner: PlayedClaims360
    shops: dict[str, PlayedShop] = field(default_factory=dict)
    told: Told = field(default_factory=Told)
    days: int = 0

    # -- a day's work -----------------------------------------------------------------------------

    async def work(self) -> None:
        """Let things happen at the partner and use every kind of request once."""
        self.days += 1
        self.happen()
        await self.refresh(f"refresh-{self.days}")
        await self.decide()
        await self.hand_in()
        await self.join(f"garage-n{self.days}")

    def happen(self) -> None:
        """A new mission with a photo and a quote, and a status event, at every body shop."""
        for shop in self.shops.values():
            mission = shop.add_mission(status="assigned")
            shop.add_photo(mission["id"])
            shop.add_quote(mission["id"])
            shop.change_status("mission", next(iter(shop.objects))[1], "in_progress")

    async def refresh(self, key: str, *, wait: int = 30) -> list[Any]:
        """Refresh everything; gives the passes."""
        answer = await self._ask("POST", f"/v1/refresh?wait={wait}", {}, key=key)
        self.told.passes += [one["id"] for one in answer["passes"]]
        passes: list[Any] = answer["passes"]
        return passes

    async def decide(self) -> None:
        """Accept and take over one record, dismiss another."""
        queued = await self.service.good("GET", f"/v1/records?intake=queued&repairer={FIRST}")
        first, second = (record["id"] for record in queued["items"][:2])
        await self._decide(first, "accept", "accepted")
        taken = await self.service.good("POST", f"/v1/records/{first}/taken-over")
        self.told.taken_over[first] = taken["taken_over_version"]
        await self._decide(second, "dismiss", "dismissed")

    async def _decide(self, id_: str, verb: str, state: str) -> None:
        await self.service.good("POST", f"/v1/records/{id_}/{verb}")
        self.told.decisions[id_] = state

    async def hand_in(self) -> None:
        """Hand in a document for the file of the record that was decided on first."""
        content = b"%%PDF-1.7 of day %d" % self.days
        record = await self.service.good("GET", f"/v1/records/{next(iter(self.told.decisions))}")
        path = f"/v1/claim-files/{record['claim_file']}/documents"
        document = await self.service.hand_in(path, content, "mandato")
        self.told.documents[document["id"]] = content

    async def join(self, repairer: str) -> None:
        """Make a repairer with credentials; the same again changes nothing."""
        if repairer not in self.shops:
            number = 600_000_000 + len(self.shops)
            self.shops[repairer] = self.partner.add_shop(str(number), repairer)
            self.shops[repairer].add_mission()
        link = f"/v1/repairers/{repairer}/links/claims360"
        if repairer != FIRST:
            await self.service.good("PUT", f"/v1/repairers/{repairer}", {"name": repairer})
        await self.service.good("PUT", f"{link}/settings", {"start_date": "2020-01-01"})
        credentials = dict(self.shops[repairer].credentials())
        await self._ask("PUT", f"{link}/credentials", credentials, key=f"join-{repairer}")
        self.told.repairers.add(repairer)

    async def _ask(self, method: str, path: str, body: Any, *, key: str) -> Any:
        status, answer = await self.service.ask(method, path, body, key=key)
        assert status < 300, (status, answer)
        return answer

    # -- afterwards -------------------------------------------------------------------------------

    async def recover(self) -> None:
        """Do again what was not answered, as a client does, and let one pass run everywhere."""
        for repairer in self.shops:
            if repairer not in self.told.repairers:
                await self.join(repairer)
        passes = await self.refresh(f"after-{self.days}-{time.monotonic_ns()}", wait=60)
        states = Counter(one["state"] for one in passes)
        assert states == {"succeeded": len(self.shops)}, (passes, self.service.log()[-2000:])

    async def check(self) -> None:
        """Compare what the partner has with what we show, and with all that we were told."""
        shown = await self.service.everything("/v1/records?intake=queued,accepted,dismissed")
        for repairer, shop in self.shops.items():
            held = by_ref([one for one in shown if one["repairer"] == repairer])
            self._same_objects(held, shop)
            await self._same_photos(held, shop)
        await self._feed_gives_the_same({record["id"]: record for record in shown})
        await self._kept_its_word({record["id"]: record for record in shown})

    @staticmethod
    def _same_objects(held: dict[str, Any], shop: PlayedShop) -> None:
        theirs = {id_: one.item for (_, id_), one in shop.objects.items()}
        assert held.keys() == theirs.keys()
        for ref, item in theirs.items():
            record = held[ref]
            assert (record["status"], record["kind"]) == (item["status"], item["type"])
            assert record["number"] == item["number"]
            lines = shop.objects[item["type"], ref].lines
            assert len(record["lines"]) == len(lines)

    async def _same_photos(self, held: dict[str, Any], shop: PlayedShop) -> None:
        photos = {photo["id"]: photo for one in held.values() for photo in one["attachments"]}
        assert {photo["state"] for photo in photos.values()} <= {"stored"}
        theirs = {photo.announced["sha256"] for photo in shop.photos.values()}
        assert {photo["sha256"] for photo in photos.values()} == theirs
        for id_, photo in photos.items():
            content = await self.service.content(f"/v1/attachments/{id_}/content")
            assert hashlib.sha256(content).hexdigest() == photo["sha256"]

    async def _feed_gives_the_same(self, shown: dict[str, Any]) -> None:
        replayed: dict[str, dict[str, Any]] = {}
        stored: set[str] = set()
        for entry in await self.service.feed():
            subject, data = entry["subject"]["id"], entry["data"]
            if entry["type"] == "record.created":
                assert subject not in replayed, "created twice in the feed"
            if entry["type"] in {"record.created", "record.updated"}:
                replayed[subject] = data
            if entry["type"] == "attachment.stored":
                assert subject not in stored, "stored twice in the feed"
                stored.add(subject)
        assert {id_: (data["status"], data["version"]) for id_, data in replayed.items()} == {
            id_: (record["status"], record["version"]) for id_, record in shown.items()
        }
        photos = {photo["id"] for one in shown.values() for photo in one["attachments"]}
        assert stored == photos

    async def _kept_its_word(self, shown: dict[str, Any]) -> None:
        for id_, state in self.told.decisions.items():
            assert shown[id_]["intake"]["state"] == state
        for id_, version in self.told.taken_over.items():
            assert shown[id_]["taken_over_version"] == version
        for id_ in self.told.passes:
            pass_ = await self.service.good("GET", f"/v1/passes/{id_}")
            assert pass_["ended_at"] is not None, pass_
        found = await self.service.everything("/v1/passes?state=queued,running")
        assert {one["state"] for one in found} <= {"failed"}, "a pass never ends"
        for repairer in self.told.repairers:
            link = f"/v1/repairers/{repairer}/links/claims360"
            assert (await self.service.good("GET", link))["state"] == "active"
        for id_, content in self.told.documents.items():
            assert await self.service.content(f"/v1/attachments/{id_}/content") == content

    def check_files(self) -> None:
        """Check the database's files; only while the service does not run."""
        data = self.service.folder / "data"
        with closing(sqlite3.connect(data / "syncer.db")) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        for file in (data / "files").glob("??/??/*"):
            assert hashlib.sha256(file.read_bytes()).hexdigest() == file.name
