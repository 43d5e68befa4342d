"""kill -9 between a page's commit and its files' way: nothing is lost, doubled or half there."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign import COUNTS
from tests.e2e.forked import forked
from tests.e2e.service import Service, by_ref
from tests.faults import crashing, zoo

Record = Callable[[str, object], None]
CRASHES = "kills at named points"
DEATH_SECONDS = 20.0

AT_FOLDERS = (
    "outgoing-file-flushed:2", "outgoing-file-in-place:1", "page-settled:1", "file-put-away:2",
    "files-put-away:1",
)  # fmt: skip
"""A chain of crashes over one data folder."""
PIGEONHOLE = """
    from syncer.sdk import Archived, Event, Lifecycle, Standing, Transport

    transports = frozenset({{Transport.FOLDER}})

    class Life(Lifecycle):
        states = ("none", "open")

        def begin(self):
            return Animal.Standing(state="none", facts={{"count": 0}})

        def apply(self, standing, event):
            if standing.state == "none" and event.order % 3:
                return None
            count = standing.facts["count"] + 1
            return Animal.Standing(state="open", facts={{"count": count}})

    lifecycle = Life()

    def folder_of(self, credentials):
        return "box"

    async def check(self, link):
        await link.folder.check("REC", "OUT")

    async def pull(self, link, cursor):
        ready = await link.folder.ready("REC", order=int)
        numbers = [int(await link.folder.read(file)) for file in ready.files]
        return Page(
            records=[
                record(ref=f"M-{{number}}", number=str(number), claim=ClaimRef(partner_ref="C"))
                for number in numbers
            ],
            files=[Animal.Archived(file=file, folder="ARCHIVE/2026-03") for file in ready.files],
            next_cursor=ready.cursor,
            has_more=ready.has_more,
        )

    def events(self, record):
        number, at = int(record.number), record.status_changed_at
        return [Animal.Event(name="came", key=record.partner_ref, at=at, order=number)]

    async def settle(self, link, page):
        for one in page.records:
            await link.folder.write("OUT", f"{{one.partner_ref}}.xml", one.number.encode())
"""


class Box:
    """The program with a folder connector, and the folder."""

    def __init__(self, service: Service) -> None:
        self.service = service
        packages = service.folder / "packages"
        zoo.install(packages, "pigeonhole", PIGEONHOLE)
        self.root = service.folder / "root"
        for name in ("REC", "OUT"):
            (self.root / "box" / name).mkdir(parents=True)
        table = f'\n[connectors.pigeonhole]\nenabled = true\nroot = "{self.root}"\n'
        service.configure(service.base_url, interval="1s", more=table)
        service.launch = forked(crashing.run)
        self.path = f"{packages}{os.pathsep}{Path(__file__).parents[2]}"
        self.sent = 0

    async def start(self, at: str = "") -> None:
        armed = {"SYNCER_CRASH_AT": at} if at else {}
        self.service.environment = {"PYTHONPATH": self.path, **armed}
        await self.service.start()

    def put(self, count: int) -> None:
        for number in range(self.sent, self.sent + count):
            (self.root / f"box/REC/m{number:03}.xml").write_text(str(number), encoding="utf-8")
        self.sent += count

    def names(self, folder: str) -> list[str]:
        return sorted(file.name for file in (self.root / "box" / folder).iterdir())

    async def settle(self) -> None:
        """Wait until nothing lies ready any more."""
        async with asyncio.timeout(60):
            while self.names("REC"):  # noqa: ASYNC110 - another process takes them
                await asyncio.sleep(0.1)
        body = {"repairer": "garage-7", "connector": "pigeonhole"}
        await self.service.good("POST", "/v1/refresh?wait=60", body)

    async def check(self) -> None:
        """Every message is stored once, lies once in the archive, and was answered whole."""
        numbers = range(self.sent)
        records = by_ref(await self.service.everything("/v1/records?connector=pigeonhole"))
        assert sorted(records) == sorted(f"M-{number}" for number in numbers)
        assert self.names("ARCHIVE/2026-03") == [f"m{number:03}.xml" for number in numbers]
        assert self.names("OUT") == sorted(f"M-{number}.xml" for number in numbers)
        for number in numbers:
            assert (self.root / f"box/OUT/M-{number}.xml").read_text() == str(number)
        [file] = await self.service.everything("/v1/claim-files?connector=pigeonhole")
        assert (file["state"], len(file["timeline"])) == ("open", self.sent)
        assert {entry["to"] for entry in file["timeline"]} == {"open"}


@pytest.mark.parametrize("_round", range(COUNTS.crash_rounds))
async def test_a_kill_around_the_way_of_files_loses_and_doubles_nothing(
    service: Service, _round: int, record_property: Record
) -> None:
    box = Box(service)
    await box.start(f"{AT_FOLDERS[0]}@USR1")
    path = "/v1/repairers/garage-7/links/pigeonhole/credentials"
    await service.good("PUT", path, {"token": "t"})
    assert service.process is not None
    service.process.send_signal(signal.SIGUSR1)

    for following in (*AT_FOLDERS[1:], ""):
        box.put(3)
        async with asyncio.timeout(DEATH_SECONDS):
            assert await service.process.wait() == -signal.SIGKILL, service.log()
        await box.start(following)
        assert service.process is not None

    await box.settle()
    await box.check()
    assert await service.stop() == 0
    record_property(CRASHES, len(AT_FOLDERS))
