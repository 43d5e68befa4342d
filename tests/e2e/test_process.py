"""The real process: from nothing to a quote, restarts, kills, and what must not start."""

from __future__ import annotations

import asyncio
import base64
import sqlite3

import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.cli import main
from tests.e2e.conftest import LINK
from tests.e2e.forked import forked
from tests.e2e.service import Service, by_ref, installed

KILL_AFTER_SECONDS = (0.0, 0.02, 0.1, 0.25, 0.5, 0.8)


@pytest.fixture
def service(service: Service) -> Service:
    """The program as it is installed."""
    service.launch = installed
    return service


def fill(shop: PlayedShop, missions: int) -> None:
    """Put missions into a body shop, each with a photo and a quote."""
    for _ in range(missions):
        mission = shop.add_mission(status="assigned")
        shop.add_photo(mission["id"])
        shop.add_quote(mission["id"])


async def test_a_quote_comes_across_with_lines_and_photos_after_a_refresh(
    running: Service, shop: PlayedShop
) -> None:
    fill(shop, 2)

    answer = await running.good("POST", "/v1/refresh?wait=30", {"repairer": "garage-7"})

    assert [one["state"] for one in answer["passes"]] == ["succeeded"]
    records = await running.everything("/v1/records?intake=queued")
    quote = next(record for record in records if record["kind"] == "quote")
    mission = next(record for record in records if record["kind"] == "mission")
    assert len(records) == 4
    assert quote["lines"]
    assert [one["state"] for one in mission["attachments"]] == ["stored"]
    assert quote["claim_file"] is not None


async def test_a_scheduled_pass_brings_what_changed_without_being_asked(
    service: Service, shop: PlayedShop, partner: PlayedClaims360
) -> None:
    service.config.write_text(service.config.read_text().replace('"15m"', '"1s"'))
    await service.start()
    await service.good("PUT", f"{LINK}/credentials", dict(shop.credentials()))

    shop.add_mission("M-LATER")

    await service.await_change("record.created")
    records = await service.everything("/v1/records")
    assert [record["partner_ref"] for record in records] == ["M-LATER"]


async def test_killing_the_process_during_passes_loses_and_doubles_nothing(
    running: Service, shop: PlayedShop
) -> None:
    shop.most_per_page = 3
    fill(shop, 12)
    running.launch = forked(main)  # from now on, as it is started seven times

    for seconds in KILL_AFTER_SECONDS:
        await running.good("POST", "/v1/refresh", {"repairer": "garage-7"})
        await asyncio.sleep(seconds)
        await running.kill()
        shop.change_status("mission", next(iter(shop.objects))[1], "in_progress")
        await running.start()
    last = await running.good("POST", "/v1/refresh?wait=60", {"repairer": "garage-7"})

    assert last["passes"][0]["state"] == "succeeded"
    held = by_ref(await running.everything("/v1/records"))
    theirs = {id_: held_.item for (_, id_), held_ in shop.objects.items()}
    assert held.keys() == theirs.keys()
    assert {ref: one["status"] for ref, one in held.items()} == {
        id_: item["status"] for id_, item in theirs.items()
    }
    photos = [one for record in held.values() for one in record["attachments"]]
    assert {photo["sha256"] for photo in photos if photo["state"] == "stored"} == {
        photo.announced["sha256"] for photo in shop.photos.values()
    }
    created = [one for one in await running.feed() if one["type"] == "record.created"]
    assert sorted(one["data"]["partner_ref"] for one in created) == sorted(theirs)
    await running.kill()
    with sqlite3.connect(running.folder / "data" / "syncer.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


async def test_a_stop_signal_ends_the_process_cleanly(running: Service) -> None:
    assert await running.stop() == 0


async def test_a_second_process_on_the_same_data_folder_is_refused(running: Service) -> None:
    code, _, err = await running.command("run")

    assert code == 3
    assert "data folder" in err or "another process" in err


async def test_a_wrong_key_starts_sealed_and_asks_no_partner(
    running: Service, shop: PlayedShop, partner: PlayedClaims360
) -> None:
    fill(shop, 1)
    await running.good("POST", "/v1/refresh?wait=30", {})
    await running.stop()
    (running.folder / "root.key").write_bytes(base64.b64encode(b"another key of 32 bytes, really!"))
    asked = len(partner.seen)

    await running.start()

    assert (await running.ask("GET", "/readyz"))[0] == 503
    refused = await running.ask("POST", "/v1/refresh", {"repairer": "garage-7"})
    assert (refused[0], refused[1]["code"]) == (503, "sealed")
    assert await running.everything("/v1/records")
    assert len(partner.seen) == asked


async def test_a_restart_asks_nothing_at_once(
    running: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    await running.good("POST", "/v1/refresh?wait=30", {})
    await running.stop()
    asked = len(partner.seen)

    await running.start()
    await asyncio.sleep(1.5)

    assert len(partner.seen) == asked


@pytest.mark.parametrize("module", ["raise RuntimeError('broken at import')", "import nowhere"])
async def test_a_broken_connector_is_set_aside_and_the_good_one_works(
    service: Service, shop: PlayedShop, module: str
) -> None:
    plugins = service.folder / "plugins"
    about = plugins / "syncer_broken-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: syncer-broken\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[syncer.connectors]\nbroken = syncer_broken\n")
    (plugins / "syncer_broken.py").write_text(module)
    service.environment = {"PYTHONPATH": str(plugins)}
    table = '\n[connectors.broken]\nenabled = true\nbase_url = "https://partner.example"\n'
    service.config.write_text(service.config.read_text() + table)
    fill(shop, 1)

    await service.start()
    await service.good("PUT", f"{LINK}/settings", {"start_date": "2020-01-01"})
    await service.good("PUT", f"{LINK}/credentials", dict(shop.credentials()))
    answer = await service.good("POST", "/v1/refresh?wait=30", {"repairer": "garage-7"})

    broken = await service.good("GET", "/v1/connectors/broken")
    assert broken["state"] == "quarantined"
    assert broken["reason"]
    assert [one["state"] for one in answer["passes"]] == ["succeeded"]
    assert (await service.ask("GET", "/readyz"))[0] == 200
