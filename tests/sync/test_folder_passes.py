"""Passes over a folder: files are put away after the commit, and nothing is lost before it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from syncer.domain.errors import PartnerUnavailableError
from syncer.domain.passes import Pass, PassState
from syncer.sdk import (
    Archived,
    Completed,
    Connector,
    FolderFile,
    Kind,
    Link,
    Page,
    PartnerLimits,
    Record,
    Refused,
    Settings,
    Transport,
    Unreadable,
)
from tests.sync.world import NoCredentials, World

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
OurLink = Link[NoCredentials, Settings]


class Pigeonhole(Connector[NoCredentials, Settings]):
    """A record for each file; ``settled`` are the pages that it heard were stored."""

    name = "model"
    title = "Pigeonhole"
    version = "1"
    wire_format = "profile"
    kinds = frozenset({Kind.NOTICE})
    credentials = NoCredentials
    limits = PartnerLimits(source="none")
    transports = frozenset({Transport.FOLDER})

    def __init__(self) -> None:
        self.settled: list[list[str]] = []
        self.trouble: Exception | None = None

    def folder_of(self, credentials: NoCredentials) -> str:
        return "box"

    async def check(self, link: OurLink) -> None:
        await link.folder.check("REC")

    async def pull(self, link: OurLink, cursor: str | None) -> Page:
        ready = await link.folder.ready("REC")
        read = [(file, await link.folder.read(file)) for file in ready.files]
        bad = [(file, raw) for file, raw in read if raw.startswith(b"!")]
        return Page(
            records=[_record(file) for file, raw in read if not raw.startswith(b"!")],
            unreadable=[
                Unreadable(kind=None, partner_ref=None, reason="is bad", raw=raw) for _, raw in bad
            ],
            files=[_outcome(file, raw) for file, raw in read],
            next_cursor=ready.cursor,
            has_more=ready.has_more,
        )

    async def settle(self, link: OurLink, page: Page) -> None:
        if self.trouble is not None:
            trouble, self.trouble = self.trouble, None
            raise trouble
        self.settled.append([record.partner_ref for record in page.records])


def _record(file: FolderFile) -> Record:
    return Record(
        kind=Kind.NOTICE,
        partner_ref=Path(file.path).stem,
        revision="1",
        status="new",
        status_changed_at=NOON,
    )


def _outcome(file: FolderFile, raw: bytes) -> Archived | Refused:
    if raw.startswith(b"!"):
        return Refused(file=file, folder="REJECT", reason="is bad")
    return Archived(file=file, folder="ARCHIVE/2026-03")


class Box:
    """A world with a folder."""

    def __init__(self, folder: Path, connector: Pigeonhole) -> None:
        self.connector = connector
        self.world = World(folder, connector)
        self.place = self.world.root / "box"
        (self.place / "REC").mkdir(parents=True)

    def put(self, *names: str, content: bytes = b"<m/>") -> None:
        for name in names:
            (self.place / "REC" / name).write_bytes(content)

    async def run_pass(self) -> Pass:
        """Run a pass, and let the time go on that it waits for."""
        running = asyncio.ensure_future(self.world.run_pass())
        async with asyncio.timeout(30):
            while not running.done():
                if self.world.clock.sleepers:
                    self.world.clock.advance(timedelta(seconds=3))
                await asyncio.sleep(0.001)
        return running.result()

    def tree(self) -> list[str]:
        files = (file for file in self.place.rglob("*") if file.is_file())
        return sorted(str(file.relative_to(self.place)) for file in files)

    async def refs(self) -> Sequence[str]:
        return sorted(await self.world.records())


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Box]:
    box = Box(tmp_path, Pigeonhole())
    await box.world.open()
    yield box
    await box.world.close()


async def test_files_are_stored_and_put_away(box: Box) -> None:
    box.put("a.xml", "b.xml")
    box.put("c.xml", content=b"!")

    ended = await box.run_pass()
    idle = await box.run_pass()

    assert (ended.state, ended.counts.new, ended.counts.quarantined) == (PassState.PARTIAL, 2, 1)
    assert (idle.state, idle.counts.seen) == (PassState.SUCCEEDED, 0)
    assert await box.refs() == ["a", "b"]
    assert box.tree() == [
        "ARCHIVE/2026-03/a.xml",
        "ARCHIVE/2026-03/b.xml",
        "REJECT/c.xml",
        "REJECT/c.xml.reason.txt",
    ]


async def test_a_file_that_cannot_be_put_away_is_stored_and_tried_again(box: Box) -> None:
    box.put("a.xml")
    in_the_way = box.place / "ARCHIVE"
    in_the_way.write_bytes(b"")

    failed = await box.run_pass()
    in_the_way.unlink()
    again = await box.run_pass()

    assert failed.error is not None
    assert (failed.error.code, "ARCHIVE" in failed.error.text) == ("partner_unavailable", True)
    assert (again.state, again.counts.new) == (PassState.SUCCEEDED, 0)
    assert (await box.refs(), box.tree()) == (["a"], ["ARCHIVE/2026-03/a.xml"])


async def test_a_missing_folder_fails_the_pass_in_clear_words(box: Box) -> None:
    (box.place / "REC").rmdir()

    failed = await box.run_pass()

    assert failed.error is not None
    assert failed.error.text == "The folder REC of this link cannot be used: it does not exist."


async def test_a_page_that_could_not_be_settled_is_settled_when_it_comes_again(box: Box) -> None:
    box.put("a.xml")
    box.connector.trouble = PartnerUnavailableError("away")

    failed = await box.run_pass()
    meanwhile = box.tree()
    again = await box.run_pass()

    assert (failed.state, again.state) == (PassState.FAILED, PassState.SUCCEEDED)
    assert box.connector.settled == [["a"]]
    assert again.counts.unchanged == 1
    assert (meanwhile, box.tree()) == (["REC/a.xml"], ["ARCHIVE/2026-03/a.xml"])


class Detailed(Pigeonhole):
    """Needs details of each record; the partner fails on one of them."""

    async def complete(self, link: OurLink, record: Record) -> Completed:
        if record.partner_ref == "b" and self.trouble is not None:
            raise self.trouble
        return Completed(record=record)

    async def settle(self, link: OurLink, page: Page) -> None:
        self.settled.append([record.partner_ref for record in page.records])


async def test_a_page_of_which_something_is_delayed_stays_where_it_is(tmp_path: Path) -> None:
    box = Box(tmp_path, Detailed())
    await box.world.open()
    box.put("a.xml", "b.xml")
    box.connector.trouble = PartnerUnavailableError("away")

    await box.run_pass()
    meanwhile = (await box.refs(), box.tree(), list(box.connector.settled))
    box.connector.trouble = None
    await box.run_pass()

    assert meanwhile == (["a"], ["REC/a.xml", "REC/b.xml"], [])
    assert await box.refs() == ["a", "b"]
    assert box.tree() == ["ARCHIVE/2026-03/a.xml", "ARCHIVE/2026-03/b.xml"]
    await box.world.close()
