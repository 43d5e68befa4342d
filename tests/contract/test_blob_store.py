"""Contents on disk: whole or not there, by what they hold."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection
from hashlib import sha256
from pathlib import Path

import pytest

from syncer.ports.blobs import Blob
from syncer.store import FileBlobStore

CONTENT = b"front of the car" * 1_000
NAME = sha256(CONTENT).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> FileBlobStore:
    return FileBlobStore(tmp_path / "blobs")


async def keep(store: FileBlobStore, content: bytes = CONTENT) -> Blob:
    async with store.receive() as writer:
        for start in range(0, len(content), 1_000):
            await writer.write(content[start : start + 1_000])
        blob = await writer.finish()
        await writer.keep()
    return blob


async def old_ones(store: FileBlobStore, seconds: float = 0) -> list[Collection[str]]:
    return [batch async for batch in store.older_than(seconds)]


def files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


async def test_a_kept_content_is_found_by_its_hash(store: FileBlobStore) -> None:
    blob = await keep(store)

    path = await store.open(NAME)

    assert blob == Blob(sha256=NAME, bytes=len(CONTENT), head=CONTENT[:4096])
    assert path is not None
    assert path.read_bytes() == CONTENT
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_content_that_is_not_kept_leaves_nothing(
    store: FileBlobStore, tmp_path: Path
) -> None:
    async with store.receive() as writer:
        await writer.write(CONTENT)
        await writer.finish()
        assert await store.open(NAME) is None

    assert await store.open(NAME) is None
    assert files(tmp_path) == []


async def test_an_error_while_receiving_leaves_nothing(
    store: FileBlobStore, tmp_path: Path
) -> None:
    async def break_off() -> None:
        async with store.receive() as writer:
            await writer.write(CONTENT)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await break_off()

    assert files(tmp_path) == []


async def test_a_content_that_is_there_is_left_as_it_is(
    store: FileBlobStore, tmp_path: Path
) -> None:
    await keep(store)
    path = await store.open(NAME)
    assert path is not None
    inode = path.stat().st_ino

    await keep(store)

    assert path.stat().st_ino == inode
    assert files(tmp_path) == [path]


async def test_a_content_is_flushed_before_it_is_visible_and_its_folder_after(
    store: FileBlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    flush, rename = os.fsync, Path.rename

    def watched_flush(handle: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        flush(handle)

    def watched_rename(self: Path, target: Path) -> Path:
        steps.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", watched_flush)
    monkeypatch.setattr(Path, "rename", watched_rename)

    async with store.receive() as writer:
        await writer.write(CONTENT)
        await writer.keep()

    assert steps == ["file", "rename", "folder", "folder", "folder"]


async def test_only_old_contents_are_walked(store: FileBlobStore) -> None:
    await keep(store)
    path = await store.open(NAME)
    assert path is not None
    await keep(store, b"new")
    hour_ago = path.stat().st_mtime - 3_600
    os.utime(path, (hour_ago, hour_ago))

    assert await old_ones(store, 60) == [[NAME]]
    assert len(await old_ones(store)) == 2


async def test_keeping_an_old_content_again_makes_it_young(store: FileBlobStore) -> None:
    await keep(store)
    path = await store.open(NAME)
    assert path is not None
    os.utime(path, (0, 0))

    await keep(store)

    assert await old_ones(store, 60) == []


async def test_what_a_crash_left_half_received_is_cleared(
    store: FileBlobStore, tmp_path: Path
) -> None:
    await keep(store)
    left = tmp_path / "blobs" / "incoming" / "tmp1"
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    await old_ones(store, 60)

    assert not left.exists()


async def test_a_removed_content_is_gone(store: FileBlobStore) -> None:
    await keep(store)

    await store.remove(NAME)
    await store.remove(NAME)

    assert await store.open(NAME) is None


async def test_an_old_content_that_is_kept_again_is_not_swept_away(store: FileBlobStore) -> None:
    await keep(store)
    path = await store.open(NAME)
    assert path is not None
    os.utime(path, (0, 0))
    assert await old_ones(store, 60) == [[NAME]]

    await keep(store)
    await store.remove(NAME, older_than=60)

    assert await store.open(NAME) is not None


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 32, "ab", "", "zz" * 32])
async def test_only_hashes_name_contents(store: FileBlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await store.open(name)


async def test_a_store_that_holds_nothing_walks_nothing(store: FileBlobStore) -> None:
    assert await old_ones(store) == []
