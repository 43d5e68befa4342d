"""Winformex II beside Claims360: what comes in, and what no longer goes out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from syncer_winformex.mapping import read_mission
from syncer_winformex.played import PlayedWinformex

from tests.darva.conftest import Garage, Network, nothing_to_do, open_garage

Open = Callable[[str], AbstractAsyncContextManager[Garage]]

UPDATE = {"plate": "1-ABC-234", "mileage_km": 84210}
CLAIMS360 = """
[connectors.claims360]
enabled = true
base_url = "http://127.0.0.1:1"
allow_insecure = true
"""
ODD = b"""<mission id="WF-1" status="new"
 statusChangedAt="2026-03-02t00:30:00+02:00" priority="high">
  <vehicle plate="1-ABC-234" colour="red"><option>a</option><option code="b"/></vehicle>
  <insurer name="Demo"/>
  <lossDate place="Gent">2026-02-21</lossDate>
  <note by="expert">call first</note>
</mission>"""
SHARED = """
[settings.informex]
queueing = "none"
excludes = [{ status = "draft", rule = "no drafts" }]
"""


@pytest.fixture
def open_shop(folder: Path, tmp_path: Path, no_patience: None) -> Open:
    """Give a function that runs the host beside the program, with further tables."""

    @asynccontextmanager
    async def open_shop(tables: str) -> AsyncIterator[Garage]:
        played = PlayedWinformex(tmp_path / "folders")
        box = played.mailbox()
        credentials = {"mailbox": box.folder.name}
        network = Network("winformex", played.serve, box, credentials, nothing_to_do)
        async with (
            played.serve() as served,
            open_garage(folder, network, network.table(served) + tables) as garage,
        ):
            await garage.good("PUT", f"{garage.link}/credentials", credentials)
            yield garage

    return open_shop


async def test_missions_come_in_and_plate_and_mileage_go_out(open_shop: Open) -> None:
    async with open_shop("") as garage:
        garage.box.drop("WF-4711")
        await garage.pull()
        [mission] = await garage.records()
        file = await garage.good("GET", f"/v1/claim-files/{mission['claim_file']}")

        sent = await garage.send("vehicle_update", UPDATE, mission["number"])
        await garage.until(sent.json["id"], "delivered")

        assert (mission["kind"], mission["partner_ref"]) == ("mission", "WF-4711")
        assert (mission["vehicle"]["model"], mission["loss_date"]) == ("Mégane", "2026-02-21")
        assert (file["state"], file["selectable"]) == (None, None)
        assert file["claim_number"] == "24/778-1"
        assert garage.box.taken() == {
            sent.json["id"]: {
                "id": sent.json["id"],
                "mission": "WF-4711",
                "number": mission["number"],
                "plate": "1-ABC-234",
                "mileageKm": "84210",
            }
        }


async def test_once_claims360_is_enabled_missions_still_come_and_nothing_goes(
    open_shop: Open,
) -> None:
    async with open_shop(CLAIMS360) as garage:
        garage.box.drop("WF-4711")
        ended = await garage.pull()
        [mission] = await garage.records()

        refused = await garage.send("vehicle_update", UPDATE, mission["number"])

        assert (ended["state"], ended["counts"]["new"]) == ("succeeded", 1)
        assert (refused.status, refused.json["code"]) == (409, "superseded")
        assert "claims360" in refused.json["detail"]
        assert garage.box.taken() == {}
        link = await garage.good("GET", garage.link)
        assert (link["state"], link["reason"]) == ("superseded", "superseded_by:claims360")
        shown = await garage.good("GET", "/v1/connectors/winformex")
        assert (shown["state"], shown["superseded_by"]) == ("superseded", "claims360")
        assert shown["operations"] == []


async def test_queueing_and_excludes_are_those_of_the_shared_group(open_shop: Open) -> None:
    async with open_shop(CLAIMS360 + SHARED) as garage:
        garage.box.drop("WF-1", status="draft")
        garage.box.drop("WF-2")
        await garage.pull()

        records = await garage.records("intake=accepted,excluded")

        found = {one["partner_ref"]: one["intake"] for one in records}
        assert found["WF-1"]["state"] == "excluded"
        assert found["WF-1"]["rule"] == "no drafts"
        assert (found["WF-2"]["state"], found["WF-2"]["rule"]) == ("accepted", "queueing = none")


async def test_the_same_status_event_again_changes_nothing(open_shop: Open) -> None:
    async with open_shop("") as garage:
        garage.box.drop("WF-1")
        await garage.pull()
        [archived] = garage.box.folder.glob("ARCHIVE/*/*.xml")
        garage.box.put("again.xml", archived.read_bytes().replace(b"Renault", b"Dacia"))

        ended = await garage.pull()

        assert (ended["counts"]["new"], ended["counts"]["changed"]) == (0, 0)
        assert len(list(garage.box.folder.glob("ARCHIVE/*/*.xml"))) == 2


def test_a_mission_of_the_first_hour_of_a_month_is_archived_in_that_month() -> None:
    changed = ODD.replace(b"2026-03-02t", b"2026-04-01T")

    record, month = read_mission(changed)

    assert (f"{record.status_changed_at:%Y-%m}", month) == ("2026-03", "2026-04")


def test_what_a_mission_says_besides_is_kept_where_it_stood() -> None:
    record, _ = read_mission(ODD)

    assert record.extra == {
        "priority": "high",
        "vehicle": {"colour": "red", "option": ["a", {"code": "b"}]},
        "lossDate": {"place": "Gent"},
        "note": {"by": "expert", "text": "call first"},
    }


async def test_a_file_that_cannot_be_read_is_refused_with_its_reason(open_shop: Open) -> None:
    async with open_shop("") as garage:
        for name, content in (("a.xml", b"<mission"), ("b.xml", b"<mission id='WF-1'/>")):
            old = garage.box.put(name, content)
            os.utime(old, (0, 0))
        garage.box.drop("WF-2")

        ended = await garage.pull()

        assert (ended["state"], ended["counts"]["quarantined"]) == ("partial", 2)
        reasons = sorted(garage.box.folder.glob("REJECT/*.reason.txt"))
        assert [reason.name for reason in reasons] == ["a.xml.reason.txt", "b.xml.reason.txt"]
        assert "statusChangedAt: is needed" in reasons[1].read_text()
        aside = await garage.good("GET", "/v1/quarantine")
        assert {item["partner_ref"] for item in aside["items"]} == {None, "WF-1"}
