"""Folders and mailboxes that go wrong: nothing is lost or taken twice, and the rest goes on."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from syncer_darva.played_messages import Draft

from tests.campaign import IS_CAMPAIGN
from tests.darva.conftest import INVOICE
from tests.sdk.hostile_xml import HOSTILE

if TYPE_CHECKING:
    from tests.darva.conftest import Garage, Network

MANY = 10_000 if IS_CAMPAIGN else 300
SMALL = [name for name, (make, _) in HOSTILE.items() if len(make()) < 1024 * 1024]
on_folders = pytest.mark.parametrize("network", ["darva"], indirect=True)


class Folders:
    """The folder of the garage's mailbox."""

    def __init__(self, network: Network, tmp_path: Path) -> None:
        self.root: Path = tmp_path / "folders" / network.mailbox.name

    def put(self, name: str, content: bytes, *, age_seconds: float = 3600) -> Path:
        """Put a file into the inbox, changed that long ago."""
        file = self.root / "REC" / name
        file.write_bytes(content)
        at = float(file.stat().st_mtime) - age_seconds
        os.utime(file, (at, at))
        return file

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).rglob("*.*") if path.is_file())


@pytest.fixture
def folders(network: Network, tmp_path: Path) -> Folders:
    return Folders(network, tmp_path)


async def quarantine(garage: Garage) -> list[Any]:
    items: list[Any] = (await garage.good("GET", "/v1/quarantine?limit=500"))["items"]
    return items


@on_folders
async def test_malformed_files_go_to_reject_with_their_reason(
    garage: Garage, folders: Folders
) -> None:
    documents = {f"bad-{n:02d}.xml": HOSTILE[name][0]() for n, name in enumerate(SMALL)}
    for name, content in documents.items():
        folders.put(name, content)
    garage.box.notice("C-1", "AS-1", id="M-1")

    ended = await garage.pull()

    assert (ended["state"], ended["counts"]["new"]) == ("partial", 1)
    assert folders.names("REC") == []
    rejected = [name for name in folders.names("REJECT") if name.endswith(".xml")]
    assert rejected == sorted(documents)
    reasons = (folders.root / "REJECT").glob("*.reason.txt")
    assert all(reason.read_text().strip() for reason in reasons)
    kept = {base64.b64decode(item["raw_base64"]) for item in await quarantine(garage)}
    assert kept == set(documents.values())
    assert await garage.records("kind=notice")


@on_folders
async def test_a_half_written_file_is_tried_again_until_it_is_whole(
    garage: Garage, folders: Folders
) -> None:
    whole = garage.box.notice("C-1", "AS-1", id="M-1").raw
    folders.put("M-1.xml", whole[:200], age_seconds=5)
    for name in (".M-2.xml", "M-3.xml.tmp", "M-4.part"):
        folders.put(name, whole)

    early = await garage.pull()
    waiting = folders.names("REC")
    folders.put("M-1.xml", whole, age_seconds=0)
    late = await garage.pull()

    assert (early["state"], early["counts"]["new"]) == ("succeeded", 0)
    assert "M-1.xml" in waiting
    assert (late["state"], late["counts"]["new"]) == ("succeeded", 1)
    assert folders.names("REC") == [".M-2.xml", "M-3.xml.tmp", "M-4.part"]
    assert await quarantine(garage) == []


@on_folders
async def test_a_file_again_changes_nothing_and_is_archived_beside_the_first(
    garage: Garage, folders: Folders
) -> None:
    raw = garage.box.follow_up("C-1", "12", id="M-1").raw
    await garage.pull()
    folders.put("M-1.xml", raw)
    folders.put("copy.xml", raw)

    again = await garage.pull()

    assert (again["counts"]["new"], again["counts"]["changed"]) == (0, 0)
    assert len(await garage.records()) == 1
    assert folders.names("ARCHIVE") == ["M-1-2.xml", "M-1.xml", "copy.xml"]
    month = raw.partition(b'sentAt="')[2][:7].decode()
    assert [path.name for path in (folders.root / "ARCHIVE").iterdir()] == [month]


async def test_the_same_id_with_other_content_is_set_aside_and_moves_no_file(
    garage: Garage,
) -> None:
    garage.box.notice("C-1", "AS-1", id="M-1")
    await garage.pull()
    garage.box.put("AP", "C-1", id="M-1")

    ended = await garage.pull()

    assert (ended["state"], ended["counts"]["quarantined"]) == ("partial", 1)
    [item] = await quarantine(garage)
    assert item["partner_ref"] == "DEMO:M-1"
    assert base64.b64decode(item["raw_base64"]) == garage.box.waiting["M-1"].raw
    assert (await garage.file("C-1"))["state"] == "unlinked"
    retried = await garage.ask("POST", f"/v1/quarantine/{item['id']}/retry")
    assert retried.status >= 400
    assert (await quarantine(garage))[0]["resolved_at"] is None


@pytest.mark.parametrize("network", ["iris"], indirect=True)
async def test_what_was_stored_or_set_aside_is_acknowledged_and_comes_back_in_vain(
    garage: Garage,
) -> None:
    garage.box.notice("C-1", "AS-1", id="M-1")
    garage.box.put_raw("M-2", b"<message")
    await garage.pull()
    acknowledged = [one.is_acknowledged for one in garage.box.waiting.values()]
    for one in garage.box.waiting.values():
        one.is_acknowledged = False
    garage.box.come_back()

    again = await garage.pull()

    assert acknowledged == [True, True]
    assert (again["counts"]["new"], again["counts"]["changed"]) == (0, 0)
    assert len(await quarantine(garage)) == 1
    assert all(one.is_acknowledged for one in garage.box.waiting.values())


@on_folders
async def test_many_files_at_once_are_taken_in_order_of_their_place(
    garage: Garage, folders: Folders
) -> None:
    box = garage.box
    last = box.notice("C-1", "AS-1").seq
    await garage.pull()
    for n in range(1, MANY + 1):
        draft = Draft(type="SD", id=f"M-{n}", claim="C-1", code="12")
        raw = draft.written(
            seq=last + n, sent_at=box.now(), subscriber=box.subscriber, station=box.station
        )
        (folders.root / "REC" / f"{n * 7919 % 10_007:05d}.xml").write_bytes(raw)

    ended = await garage.pull()
    idle = await garage.pull()

    assert (ended["state"], ended["counts"]["new"]) == ("succeeded", MANY)
    assert (idle["counts"]["seen"], folders.names("REC")) == (0, [])
    assert len(folders.names("ARCHIVE")) == MANY + 1
    first = {one["id"]: one["extra"]["seq"] for one in await garage.records("limit=300")}
    steps = (await garage.file("C-1"))["timeline"][1:]
    places = [first[step["record"]] for step in steps if step["record"] in first]
    assert len(steps) == MANY
    assert places == sorted(places)


@on_folders
async def test_an_archive_that_cannot_be_written_loses_nothing(
    garage: Garage, folders: Folders
) -> None:
    (folders.root / "ARCHIVE").write_text("in the way")
    garage.box.notice("C-1", "AS-1", id="M-1")

    failed = await garage.pull()
    stored = await garage.records()
    (folders.root / "ARCHIVE").unlink()
    mended = await garage.pull()

    assert failed["state"] == "failed"
    assert "ARCHIVE" in failed["error"]["text"]
    assert len(stored) == 1
    assert (mended["state"], mended["counts"]["new"]) == ("succeeded", 0)
    assert folders.names("ARCHIVE") == ["M-1.xml"]


@on_folders
async def test_an_outbox_that_cannot_be_written_is_tried_again_and_sends_once(
    garage: Garage, folders: Folders
) -> None:
    await garage.linked()
    outbox = folders.root / "EMI" / "STANDARD"
    outbox.rmdir()
    outbox.write_text("in the way")
    sent = await garage.send("invoice", INVOICE, "C-1")

    waiting = await garage.until(sent.json["id"], "retrying")
    outbox.unlink()
    await garage.good("POST", f"/v1/deliveries/{sent.json['id']}/retry")
    await garage.until(sent.json["id"], "sent")
    garage.exchange()
    await garage.pull()

    assert "STANDARD" in str(waiting)
    assert [message.id for message in garage.box.taken] == [sent.json["id"]]
    assert (await garage.file("C-1"))["state"] == "sent"
