"""Backups taken beside an open store, and brought back."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.domain.deliveries import DeliveryFile, DeliveryState, Lane, LostAnswer
from syncer.domain.errors import (
    ConfigurationError,
    ConflictError,
    DataFolderInUseError,
    FeedResetError,
    NotFoundError,
    SchemaUnknownError,
    ShuttingDownError,
    StorageFullError,
)
from syncer.domain.mails import MailState
from syncer.store import Backup, BackupMade, Restored, SqlStore, restore
from syncer.store.backup import _Job, _locked
from tests.backup.conftest import PHOTO, SHA256, content, opened
from tests.contract.samples import LINK, NOW, ask, note, put_note
from tests.contract.test_store_deliveries import add, delivery
from tests.contract.test_store_mails import mail_of, new_file


async def taken(backup: Backup, to: Path) -> BackupMade:
    return await backup.take(to, at=NOW)


def brought(folder: Path, data: Path) -> Restored:
    return restore(folder, database=data / "syncer.db", files=data / "files", ids=UuidIds())


@contextmanager
def file_sizes_up_to(most: int) -> Iterator[None]:
    """Let every longer write fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_backup_holds_the_database_the_files_and_a_manifest(
    backup: Backup, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")

    assert made.folder == tmp_path / "to" / "syncer-20260302T091530Z"
    assert sorted(each.name for each in made.folder.iterdir()) == [
        "files",
        "manifest.json",
        "syncer.db",
    ]
    assert content(made.folder).read_bytes() == PHOTO
    shown = json.loads((made.folder / "manifest.json").read_text())
    assert (shown["format"], shown["version"], shown["files"]) == (1, "9.9", 1)
    assert shown["taken_at"] == "2026-03-02T09:15:30.123456Z"
    assert shown["not_included"] == ["root key", "API token", "configuration"]


async def test_backup_can_be_read_by_its_owner_only(backup: Backup, tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        made = await taken(backup, tmp_path / "to")
    finally:
        os.umask(mask)

    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "to").rglob("*") if path.is_file()}
    folders = {path.stat().st_mode & 0o777 for path in made.folder.rglob("*") if path.is_dir()}
    assert (modes, folders) == ({0o600}, {0o700})


async def test_backup_holds_nothing_of_the_folder_but_what_the_database_names(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    (house / "root.key").write_text("a key in the wrong place")
    (house / "files" / "orphan").write_text("a file that nobody names")

    made = await taken(backup, tmp_path / "to")

    names = {path.name for path in made.folder.rglob("*") if path.is_file()}
    assert names == {"manifest.json", "syncer.db", SHA256}


async def test_restored_data_are_those_of_the_backup(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")

    done = brought(made.folder, tmp_path / "new")

    assert (done.files, done.missing) == (1, ())
    assert content(tmp_path / "new").read_bytes() == PHOTO
    async with opened(tmp_path / "new") as store:
        assert await store.faults() == []
        assert await ask(store, lambda unit: unit.links.get(LINK)) is not None
        assert await ask(store, lambda unit: unit.attachments.referenced([SHA256])) == {SHA256}


async def test_a_cursor_from_before_is_refused_after_a_restore(
    backup: Backup, store: SqlStore, tmp_path: Path
) -> None:
    old = await ask(store, lambda unit: unit.feed.head())
    made = await taken(backup, tmp_path / "to")
    brought(made.folder, tmp_path / "new")

    async with opened(tmp_path / "new") as restored:
        tail = await ask(restored, lambda unit: unit.feed.tail())
        assert len(await ask(restored, lambda unit: unit.feed.read(tail, limit=9))) == 3
        with pytest.raises(FeedResetError):
            await ask(restored, lambda unit: unit.feed.read(old, limit=9))


async def test_mails_that_waited_in_a_backup_are_not_sent_again_blindly(
    backup: Backup, store: SqlStore, tmp_path: Path
) -> None:
    file = await new_file(store)
    await store.write(lambda unit: unit.mails.add(mail_of(file)))
    made = await taken(backup, tmp_path / "to")
    brought(made.folder, tmp_path / "new")

    async with opened(tmp_path / "new") as restored:
        mail = await ask(restored, lambda unit: unit.mails.get("m-1"))

    assert mail is not None
    assert mail.state is MailState.NEEDS_ATTENTION
    assert mail.reason is not None
    assert "may have been sent since" in mail.reason


async def test_deliveries_that_waited_in_a_backup_are_in_doubt(
    store: SqlStore, backup: Backup, tmp_path: Path
) -> None:
    file = await new_file(store)
    lane = Lane(file, LINK)
    kept = DeliveryFile(
        id="f", type="photo", name="a.jpg", content_type="image/jpeg", size_bytes=1, sha256=SHA256
    )
    waiting = {
        lost: delivery(file, lane=lane, lost_answer=lost, operation=lost.value, files=(kept,))
        for lost in LostAnswer
    }
    through = delivery(file, lane=lane, state=DeliveryState.DELIVERED)
    await add(store, *waiting.values(), through)
    made = await taken(backup, tmp_path / "to")

    brought(made.folder, tmp_path / "restored")

    async with opened(tmp_path / "restored") as again, again.read() as uow:
        found = {lost: await uow.deliveries.get(one.id) for lost, one in waiting.items()}
        delivered = await uow.deliveries.get(through.id)
        pressing = await uow.deliveries.parked(after=None, limit=9)
    states = {lost: (one.state, one.in_doubt) for lost, one in found.items() if one is not None}
    assert states == {
        LostAnswer.KEY: (DeliveryState.QUEUED, True),
        LostAnswer.LOOKUP: (DeliveryState.QUEUED, True),
        LostAnswer.NEITHER: (DeliveryState.NEEDS_ATTENTION, True),
    }
    assert delivered == replace(through, number=delivered.number) if delivered else False
    assert [one.id for one in pressing] == [waiting[LostAnswer.NEITHER].id]


async def test_every_restore_begins_an_epoch_of_its_own(backup: Backup, tmp_path: Path) -> None:
    made = await taken(backup, tmp_path / "to")

    epochs = set()
    for name in ("one", "two"):
        brought(made.folder, tmp_path / name)
        async with opened(tmp_path / name) as store:
            epochs.add((await ask(store, lambda unit: unit.feed.head())).epoch)

    assert len(epochs) == 2


async def test_writes_go_on_while_a_backup_is_taken(
    backup: Backup, store: SqlStore, tmp_path: Path
) -> None:
    taking = asyncio.create_task(taken(backup, tmp_path / "to"))
    written = 0
    while not taking.done():
        await put_note(store, f"note-{written:05d}")
        written += 1
    made = await taking
    brought(made.folder, tmp_path / "new")

    async with opened(tmp_path / "new") as restored:
        kept = [await note(restored, f"note-{number:05d}") for number in range(written)]
    is_there = [each is not None for each in kept]
    assert is_there == sorted(is_there, reverse=True)  # all up to one moment, none after it


async def test_a_second_backup_within_the_second_is_refused(backup: Backup, tmp_path: Path) -> None:
    await taken(backup, tmp_path / "to")

    with pytest.raises(ConflictError) as refused:
        await taken(backup, tmp_path / "to")

    assert refused.value.code == "backup_exists"


async def test_a_missing_file_is_named_and_the_rest_is_kept(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    content(house).unlink()

    made = await taken(backup, tmp_path / "to")
    done = brought(made.folder, tmp_path / "new")

    assert made.manifest.missing == (SHA256,)
    assert done.missing == (SHA256,)


async def test_a_file_with_another_content_does_not_get_into_a_backup(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    content(house).write_bytes(b"rotten")

    made = await taken(backup, tmp_path / "to")

    assert made.manifest.missing == (SHA256,)
    assert not content(made.folder).exists()


def test_a_backup_that_is_broken_off_leaves_nothing(backup: Backup, tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()

    with pytest.raises(ShuttingDownError):
        _Job(backup, tmp_path / "to", NOW, stop).run()

    assert list((tmp_path / "to").iterdir()) == []


async def test_what_a_killed_process_had_begun_is_cleared_away(
    backup: Backup, tmp_path: Path
) -> None:
    left = tmp_path / "to" / ".syncer-20250101T000000Z.partial" / "files"
    left.mkdir(parents=True)

    await taken(backup, tmp_path / "to")

    assert not left.parent.exists()


async def test_what_another_process_is_filling_is_left_alone(
    backup: Backup, tmp_path: Path
) -> None:
    other = tmp_path / "to" / ".syncer-20250101T000000Z.partial"
    other.mkdir(parents=True)

    with _locked(other):
        await taken(backup, tmp_path / "to")

    assert other.exists()


async def test_a_damaged_database_gives_no_backup(tmp_path: Path) -> None:
    database = tmp_path / "syncer.db"
    database.write_bytes(b"SQLite format 3\0" + b"rubbish" * 1000)
    broken = Backup(database=database, files=tmp_path / "files", version="9.9")

    with pytest.raises(ConfigurationError):
        await taken(broken, tmp_path / "to")

    assert list((tmp_path / "to").iterdir()) == []


async def test_no_database_gives_no_backup(tmp_path: Path) -> None:
    none = Backup(database=tmp_path / "syncer.db", files=tmp_path / "files", version="9.9")

    with pytest.raises(NotFoundError):
        await taken(none, tmp_path / "to")


async def test_a_place_that_cannot_be_written_is_named(backup: Backup, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigurationError, match="file"):
        await taken(backup, tmp_path / "file" / "to")


async def test_a_full_disk_while_a_backup_is_taken_leaves_nothing(
    backup: Backup, tmp_path: Path
) -> None:
    with file_sizes_up_to(10_000), pytest.raises(StorageFullError):
        await taken(backup, tmp_path / "to")

    assert list((tmp_path / "to").iterdir()) == []


async def test_a_full_disk_while_restoring_leaves_no_database(
    backup: Backup, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")
    new = tmp_path / "new"

    with file_sizes_up_to(10_000), pytest.raises(StorageFullError):
        brought(made.folder, new)

    assert not (new / "syncer.db").exists()
    assert brought(made.folder, new).files == 1


async def test_a_folder_with_a_database_is_never_restored_into(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")
    brought(made.folder, tmp_path / "new")
    before = (tmp_path / "new" / "syncer.db").read_bytes()

    with pytest.raises(ConflictError) as refused:
        brought(made.folder, tmp_path / "new")

    assert refused.value.code == "data_exists"
    assert (tmp_path / "new" / "syncer.db").read_bytes() == before


async def test_a_log_of_an_older_database_is_not_mixed_with_the_restored_one(
    backup: Backup, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "syncer.db-wal").write_bytes(b"of another database")

    with pytest.raises(ConflictError):
        brought(made.folder, tmp_path / "new")


async def test_a_folder_in_use_is_never_restored_into(
    backup: Backup, house: Path, tmp_path: Path
) -> None:
    made = await taken(backup, tmp_path / "to")

    with pytest.raises(DataFolderInUseError):
        brought(made.folder, house)


async def test_a_changed_database_is_not_restored(backup: Backup, tmp_path: Path) -> None:
    made = await taken(backup, tmp_path / "to")
    with (made.folder / "syncer.db").open("r+b") as file:
        file.seek(5_000)
        file.write(b"changed")

    with pytest.raises(ConflictError) as refused:
        brought(made.folder, tmp_path / "new")

    assert refused.value.code == "backup_damaged"
    assert not (tmp_path / "new" / "syncer.db").exists()


@pytest.mark.parametrize("change", [{"schema": "9999"}, {"format": 2}], ids=["schema", "format"])
async def test_a_backup_of_a_newer_release_is_not_restored(
    backup: Backup, tmp_path: Path, change: dict[str, object]
) -> None:
    made = await taken(backup, tmp_path / "to")
    manifest = made.folder / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), **change}))

    with pytest.raises(SchemaUnknownError):
        brought(made.folder, tmp_path / "new")

    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("text", [None, "", "[]", '{"format": 1}'])
async def test_a_folder_without_a_whole_manifest_is_no_backup(
    backup: Backup, tmp_path: Path, text: str | None
) -> None:
    made = await taken(backup, tmp_path / "to")
    manifest = made.folder / "manifest.json"
    manifest.unlink() if text is None else manifest.write_text(text)

    with pytest.raises(ConflictError):
        brought(made.folder, tmp_path / "new")
