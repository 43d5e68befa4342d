"""The folder exchange over real folders: what is taken, in which order, and where it goes."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from syncer.domain.errors import ConnectorFailedError, PartnerUnavailableError, PayloadError
from syncer.domain.links import LinkKey
from syncer.partner import FolderRoots, folder_files, folders
from syncer.partner.folders import FolderLink
from syncer.sdk import Archived, FolderFile, ReadyFiles, Refused
from syncer.testing import FakeClock

LINK = LinkKey("garage-7", "darva")
IN, OUT = "REC", "EMI/STANDARD"


class Box:
    """A link's folder, and passes over it."""

    def __init__(self, root: Path) -> None:
        self.clock = FakeClock()
        self.roots = FolderRoots({"darva": root}, clock=self.clock)
        self.root = root
        self.place = root / "12-01"
        for folder in (IN, OUT):
            (self.place / folder).mkdir(parents=True)
        self.new_pass()

    def new_pass(self) -> FolderLink:
        self.link = self.roots.exchange(LINK, "12-01")
        return self.link

    def put(self, name: str, content: bytes = b"<m/>", *, age: float = 0) -> Path:
        file = self.place / IN / name
        file.write_bytes(content)
        at = (self.clock.now() - timedelta(seconds=age)).timestamp()
        os.utime(file, (at, at))
        return file

    async def ready(self, order: Callable[[bytes], int] | None = None) -> ReadyFiles:
        """List, and let the time go on that the listing waits for."""
        listing = asyncio.ensure_future(self.link.ready(IN, order=order))
        async with asyncio.timeout(20):
            while not listing.done():
                if self.clock.sleepers:
                    self.clock.advance(timedelta(seconds=3))
                await asyncio.sleep(0.001)
        return listing.result()

    async def wait(self) -> None:
        """Wait until a listing waits."""
        async with asyncio.timeout(20):
            while not self.clock.sleepers:  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.001)

    async def names(self) -> list[str]:
        """List everything that a pass is given."""
        found: list[str] = []
        has_more = True
        while has_more:
            page = await self.ready()
            found += [Path(file.path).name for file in page.files]
            has_more = page.has_more
        return found

    async def one(self) -> FolderFile:
        [file] = (await self.ready()).files
        return file

    def tree(self) -> set[str]:
        """List all files of the link."""
        return {
            str(file.relative_to(self.place))
            for file in self.place.rglob("*")
            if file.is_file() or file.is_symlink()
        }


@pytest.fixture
def box(tmp_path: Path) -> Box:
    return Box(tmp_path)


async def test_only_whole_files_of_the_pattern_are_taken(box: Box) -> None:
    for name in ("b.xml", "a.xml", ".c.xml", "d.xml.tmp", "e.xml.part", "f.txt", "g.XML.part"):
        box.put(name)
    (box.place / IN / "folder.xml").mkdir()
    (box.place / IN / "link.xml").symlink_to(box.place / IN / "a.xml")

    assert await box.names() == ["a.xml", "b.xml"]


async def test_a_file_is_taken_once_two_looks_found_it_the_same(box: Box) -> None:
    file = box.put("a.xml", b"<half")
    listing = asyncio.ensure_future(box.link.ready(IN))
    await box.wait()
    file.write_bytes(b"<half><whole/>")
    box.clock.advance(timedelta(seconds=3))
    still_changing = await listing

    box.new_pass()
    later = await box.names()

    assert (still_changing.files, still_changing.has_more) == ([], False)
    assert later == ["a.xml"]


async def test_what_rests_since_an_earlier_pass_is_taken_without_waiting(box: Box) -> None:
    box.put("young.xml")
    await box.names()
    box.new_pass()
    box.clock.advance(timedelta(seconds=1))

    page = await box.link.ready(IN)

    assert [file.path for file in page.files] == ["REC/young.xml"]


async def test_files_come_in_the_order_that_their_heads_say(box: Box) -> None:
    for name, content in (("a.xml", b"3"), ("b.xml", b"1" * 9000), ("c.xml", b"2"), ("d", b"0")):
        box.put(name, content)
    heads: list[int] = []

    def order(head: bytes) -> int:
        heads.append(len(head))
        return int(head[:1])

    page = await box.ready(order=order)

    assert [file.path for file in page.files] == ["REC/b.xml", "REC/c.xml", "REC/a.xml"]
    assert max(heads) == folders.HEAD_BYTES


async def test_many_files_come_page_by_page_and_each_once(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "MOST_FILES", 4)
    monkeypatch.setattr(folders, "MOST_PAGE_BYTES", 30)
    for number in range(10):
        box.put(f"{number}.xml", b"x" * 10)
    pages: list[ReadyFiles] = []
    while not pages or pages[-1].has_more:
        pages.append(await box.ready())

    assert [len(page.files) for page in pages] == [3, 3, 3, 1]
    assert [page.cursor for page in pages] == ["1", "2", "3", "0"]
    assert [file.path for page in pages for file in page.files] == [
        f"REC/{number}.xml" for number in range(10)
    ]


async def test_a_file_larger_than_allowed_is_listed_and_not_read(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "LARGEST_FILE_BYTES", 10)
    box.put("a.xml", b"x" * 11)
    file = await box.one()

    with pytest.raises(PayloadError, match="larger"):
        await box.link.read(file)


async def test_content_and_age_are_those_of_the_file(box: Box) -> None:
    box.put("a.xml", b"\xff\x00", age=57)

    file = await box.one()

    assert await box.link.read(file) == b"\xff\x00"
    assert (file.bytes, file.age) == (2, timedelta(seconds=60))


async def test_a_file_that_changed_since_it_was_listed_is_left_where_it_is(box: Box) -> None:
    box.put("a.xml")
    file = await box.one()
    box.put("a.xml", b"<another/>")
    os.utime(box.place / IN / "a.xml", (1, 1))

    await box.link.put_away([Archived(file=file, folder="ARCHIVE/2026-03")])
    box.new_pass()

    assert "REC/a.xml" in box.tree()
    assert await box.names() == ["a.xml"]


async def test_stored_files_move_to_the_archive_under_a_free_name(box: Box) -> None:
    for content in (b"1", b"2", b"3"):
        box.put("a.b.xml", content)
        box.new_pass()
        file = await box.one()
        await box.link.put_away([Archived(file=file, folder="ARCHIVE/2026-03")])

    archive = box.place / "ARCHIVE/2026-03"
    assert {file.name: file.read_bytes() for file in archive.iterdir()} == {
        "a.b.xml": b"1",
        "a.b-2.xml": b"2",
        "a.b-3.xml": b"3",
    }
    assert not list((box.place / IN).iterdir())


async def test_refused_files_have_their_reason_beside_them(box: Box) -> None:
    for _ in range(2):
        box.put("a.xml")
        box.new_pass()
        file = await box.one()
        await box.link.put_away([Refused(file=file, folder="REJECT", reason="no seq: é")])

    assert box.tree() == {
        f"REJECT/{name}" for name in ("a.xml", "a.xml.reason.txt", "a-2.xml", "a-2.xml.reason.txt")
    }
    assert (box.place / "REJECT/a-2.xml.reason.txt").read_text(encoding="utf-8") == "no seq: é\n"


async def test_a_file_that_is_gone_is_put_away_already(box: Box) -> None:
    file = box.put("a.xml")
    listed = await box.one()
    file.unlink()

    await box.link.put_away([Refused(file=listed, folder="REJECT", reason="bad")])

    assert box.tree() == set()


async def test_a_file_is_put_in_place_as_a_whole(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    monkeypatch.setattr(folder_files, "crash_point", lambda name: seen.append(box.tree()))
    (box.place / OUT / ".m-1.tmp").symlink_to("/etc/passwd")

    await box.link.write(OUT, "m-1.xml", b"<m/>")
    await box.link.write(OUT, "m-1.xml", b"<m/>")

    unfinished, whole = "EMI/STANDARD/.m-1.tmp", "EMI/STANDARD/m-1.xml"
    assert seen == [{unfinished}, {whole}, {unfinished, whole}, {whole}]
    assert (box.place / OUT / "m-1.xml").read_bytes() == b"<m/>"


@pytest.mark.parametrize("trouble", ["full", "gone", "read-only"])
async def test_what_cannot_be_written_is_told_and_leaves_nothing(
    box: Box, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError({"full": errno.ENOSPC}.get(trouble, errno.EROFS), "no")

    monkeypatch.setattr(os, "write", fail)
    if trouble == "gone":
        box.place.rename(box.place.with_name("elsewhere"))
    words = {"full": "disk is full", "gone": "does not exist", "read-only": "read-only"}[trouble]

    with pytest.raises(PartnerUnavailableError, match=words):
        await box.link.write(OUT, "m-1.xml", b"<m/>")

    assert box.tree() == set()
    assert box.place.exists() == (trouble != "gone")


async def test_a_folder_that_nobody_made_yet_is_made_for_a_file(box: Box) -> None:
    await box.link.write("EMI/OTHER", "m-1.xml", b"<m/>")

    assert box.tree() == {"EMI/OTHER/m-1.xml"}


async def test_a_file_that_cannot_be_moved_is_told_after_all_others_were(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    (box.place / "ARCHIVE").write_text("in the way", encoding="utf-8")
    box.put("a.xml")
    box.put("b.xml")
    [first, second] = (await box.ready()).files

    with pytest.raises(PartnerUnavailableError, match=r"ARCHIVE.*no folder"):
        await box.link.put_away(
            [
                Archived(file=first, folder="ARCHIVE/2026-03"),
                Refused(file=second, folder="REJECT", reason="bad"),
            ]
        )

    assert {"REC/a.xml", "REJECT/b.xml"} <= box.tree()


async def test_unreadable_files_are_told_last(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def refuse(path: str, *rest: int, **more: int) -> int:
        if path == "a.xml":
            raise PermissionError(13, "no")
        return real(path, *rest, **more)

    monkeypatch.setattr(os, "open", refuse)
    box.put("a.xml")
    box.put("b.xml")

    page = await box.ready()

    assert ([file.path for file in page.files], page.has_more) == (["REC/b.xml"], True)
    with pytest.raises(PartnerUnavailableError, match="permission denied"):
        await box.ready()


async def test_a_check_finds_what_is_missing_and_leaves_nothing_behind(box: Box) -> None:
    await box.link.check(IN, OUT)

    with pytest.raises(PartnerUnavailableError, match=r"ELSEWHERE.*does not exist"):
        await box.link.check(IN, "ELSEWHERE")
    assert box.tree() == set()


@pytest.mark.parametrize("path", ["..", "../x", "/etc", "REC/../..", "", "REC//x", "a\0b", "."])
async def test_no_path_of_a_connector_leaves_the_folder(box: Box, path: str) -> None:
    box.put("a.xml")
    file = await box.one()

    with pytest.raises(ConnectorFailedError):
        await box.link.ready(path)
    with pytest.raises(ConnectorFailedError):
        await box.link.check(path)
    with pytest.raises(ConnectorFailedError):
        await box.link.write(path, "m.xml", b"")
    with pytest.raises(ConnectorFailedError):
        await box.link.put_away([Archived(file=file, folder=path)])
    with pytest.raises(ConnectorFailedError):
        box.roots.exchange(LINK, path)


@pytest.mark.parametrize("name", ["../m.xml", "a/b", "", ".hidden", ".."])
async def test_no_name_of_a_connector_leaves_the_folder(box: Box, name: str) -> None:
    with pytest.raises(ConnectorFailedError):
        await box.link.write(OUT, name, b"")


@pytest.mark.parametrize("part", ["12-01", "12-01/REC"])
async def test_a_symbolic_link_in_the_way_is_not_followed(box: Box, part: str) -> None:
    outside = box.root / "outside"
    (outside / "REC").mkdir(parents=True)
    (outside / "a.xml").write_bytes(b"")
    box.place.rename(box.root / "real")
    place = box.root / part
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(outside)

    with pytest.raises(PartnerUnavailableError, match="symbolic link"):
        await box.ready()


async def test_what_a_page_was_not_given_is_not_moved(box: Box) -> None:
    box.put("a.xml")
    file = await box.one()
    box.new_pass()

    with pytest.raises(ConnectorFailedError):
        await box.link.put_away([Archived(file=file, folder="ARCHIVE")])
