"""Routes of links: how they are shown, their settings, pausing and resuming."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from syncer.domain.instants import parse_instant
from syncer.domain.links import LinkKey, LinkState

LINK = "/v1/repairers/garage-7/links/claims360"
KEY = LinkKey("garage-7", "claims360")
DISABLED = "/v1/repairers/garage-7/links/darva"


async def test_untouched_link_is_unconfigured_and_complete(house: Any) -> None:
    await house.add_repairer()

    shown = (await house.get(LINK)).json

    assert shown["state"] == "unconfigured"
    assert shown["last_pass"] is None
    assert shown["next_due_at"] is None
    assert set(shown["counts"].values()) == {0}
    assert shown["settings"]["queueing"] == {"value": "all", "source": "default"}
    assert shown["settings"]["interval_seconds"] == {"value": 900, "source": "default"}


async def test_link_shows_its_last_pass_and_what_it_brought(house: Any) -> None:
    await house.configure()
    await house.refresh()

    shown = (await house.get(LINK)).json

    assert shown["state"] == "active"
    assert shown["last_pass"]["state"] == "succeeded"
    assert shown["last_success_at"] == shown["last_pass"]["ended_at"]
    assert shown["counts"]["records"] > 0
    assert shown["counts"]["queued"] == shown["counts"]["records"]


async def test_every_link_route_refuses_a_disabled_connector(house: Any) -> None:
    await house.add_repairer()

    for method, path in [
        ("GET", DISABLED),
        ("PUT", f"{DISABLED}/settings"),
        ("POST", f"{DISABLED}/pause"),
        ("POST", f"{DISABLED}/resume"),
        ("GET", f"{DISABLED}/credentials"),
        ("PUT", f"{DISABLED}/credentials"),
        ("GET", f"{DISABLED}/choices/centre"),
        ("POST", f"{DISABLED}/excludes/preview"),
        ("POST", f"{DISABLED}/excludes/apply"),
    ]:
        body: Any = (
            {"excludes": []} if path.endswith("preview") else {} if method != "GET" else None
        )
        reply = await house.ask(method, path, body)

        assert (reply.status, reply.code) == (409, "connector_disabled"), path


@pytest.mark.parametrize(
    "path", ["/v1/repairers/nobody/links/claims360", "/v1/repairers/garage-7/links/nowhere"]
)
async def test_link_is_not_found_when_a_part_of_it_is_unknown(house: Any, path: str) -> None:
    await house.add_repairer()

    for method, verb in [
        ("GET", ""),
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("PUT", "/settings"),
        ("GET", "/credentials"),
    ]:
        reply = await house.ask(method, path + verb, {} if method != "GET" else None)

        assert (reply.status, reply.code) == (404, "not_found"), verb


async def test_field_without_choices_is_not_found(house: Any) -> None:
    await house.add_repairer()

    reply = await house.get(f"{LINK}/choices/centre")

    assert (reply.status, reply.code) == (404, "not_found")


async def test_links_are_listed_by_filters_with_the_exact_total(house: Any) -> None:
    await house.configure("garage-1")
    await house.add_repairer("garage-2")
    await house.add_repairer("garage-3")

    async def listed(query: str) -> tuple[list[str], int]:
        reply = (await house.get(f"/v1/links?{query}")).json
        shown = [f"{each['repairer']}/{each['connector']}" for each in reply["items"]]
        return shown, reply["total"]

    assert await listed("state=active") == (["garage-1/claims360"], 1)
    assert await listed("state=active,unconfigured&limit=1") == (["garage-1/claims360"], 3)
    assert (await listed("state=superseded"))[1] == 3
    assert await listed("connector=winformex&repairer=garage-2") == (["garage-2/winformex"], 1)
    assert (await listed("repairer=garage-2,garage-3"))[1] == 4
    assert await listed("connector=darva") == ([], 0)


async def test_links_are_listed_page_by_page(house: Any) -> None:
    await house.add_repairer("garage-1")
    await house.add_repairer("garage-2")

    first = (await house.get("/v1/links?limit=3")).json
    second = (await house.get(f"/v1/links?limit=3&after={first['next']}")).json

    shown = [(each["repairer"], each["connector"]) for each in first["items"] + second["items"]]
    assert shown == [
        ("garage-1", "claims360"),
        ("garage-1", "winformex"),
        ("garage-2", "claims360"),
        ("garage-2", "winformex"),
    ]
    assert second["next"] is None


async def test_link_of_a_quarantined_connector_is_unavailable(house: Any) -> None:
    await house.configure()
    house.services.registry.quarantine("claims360", "it hung")

    shown = (await house.get(LINK)).json
    listed = (await house.get("/v1/links?state=unavailable")).json

    assert (shown["state"], shown["reason"]) == ("unavailable", "quarantined")
    assert [each["connector"] for each in listed["items"]] == ["claims360"]


async def test_link_of_a_superseded_connector_says_by_whom(house: Any) -> None:
    await house.add_repairer()

    shown = (await house.get("/v1/repairers/garage-7/links/winformex")).json

    assert (shown["state"], shown["reason"]) == ("superseded", "superseded_by:claims360")


async def test_settings_of_a_link_outrank_the_layers_below(house: Any) -> None:
    await house.add_repairer()

    reply = await house.put(
        f"{LINK}/settings", {"queueing": ["mission"], "interval_seconds": 60, "excludes": None}
    )

    assert reply.status == 200
    assert reply.json["settings"]["queueing"] == {"value": ["mission"], "source": "link"}
    assert reply.json["settings"]["interval_seconds"] == {"value": 60, "source": "link"}
    assert reply.json["settings"]["excludes"]["source"] == "default"


async def test_settings_fall_back_when_they_are_left_out(house: Any) -> None:
    await house.add_repairer()
    await house.put(f"{LINK}/settings", {"queueing": "none"})

    reply = await house.put(f"{LINK}/settings", {})

    assert reply.json["settings"]["queueing"] == {"value": "all", "source": "default"}


@pytest.mark.parametrize(
    ("settings", "pointer"),
    [
        ({"interval_seconds": 0}, "/interval_seconds"),
        ({"interval_seconds": 604_801}, "/interval_seconds"),
        ({"queueing": ["nonsense"]}, "/queueing/0"),
        ({"queueing": "sometimes"}, "/queueing"),
        ({"excludes": [{"colour": "red"}]}, "/excludes"),
        ({"start_date": "soon"}, "/start_date"),
        ({"unknown": 1}, "/unknown"),
    ],
)
async def test_settings_are_refused_with_the_field_and_nothing_is_stored(
    house: Any, settings: Any, pointer: str
) -> None:
    await house.add_repairer()
    before = (await house.get(LINK)).json

    reply = await house.put(f"{LINK}/settings", settings)

    assert (reply.status, reply.code) == (422, "invalid")
    assert pointer in reply.pointers
    assert (await house.get(LINK)).json == before


async def test_new_interval_moves_the_next_due_time(house: Any) -> None:
    await house.configure()
    now = house.clock.now()

    reply = await house.put(f"{LINK}/settings", {"interval_seconds": 5})

    assert parse_instant(reply.json["next_due_at"]) <= now + timedelta(seconds=6)


async def test_start_date_may_change_before_the_first_pass(house: Any) -> None:
    await house.configure()

    reply = await house.put(f"{LINK}/settings", {"start_date": "2026-01-05"})

    assert reply.json["settings"]["start_date"] == {"value": "2026-01-05", "source": "link"}


async def test_start_date_is_fixed_after_the_first_pass(house: Any) -> None:
    await house.configure()
    await house.refresh()

    reply = await house.put(f"{LINK}/settings", {"start_date": "2021-01-01"})

    assert (reply.status, reply.code) == (409, "already_started")


@pytest.mark.parametrize("settings", [{}, {"start_date": None}, {"start_date": "2020-01-01"}])
async def test_start_date_is_kept_after_the_first_pass_when_it_is_not_another(
    house: Any, settings: Any
) -> None:
    await house.configure(start_date="2020-01-01")
    await house.refresh()

    reply = await house.put(f"{LINK}/settings", settings)

    assert reply.status == 200
    assert reply.json["settings"]["start_date"] == {"value": "2020-01-01", "source": "link"}


async def test_settings_are_refused_while_the_connector_is_quarantined(house: Any) -> None:
    await house.add_repairer()
    house.services.registry.quarantine("claims360", "it hung")

    reply = await house.put(f"{LINK}/settings", {})

    assert (reply.status, reply.code) == (409, "link_unavailable")


@pytest.mark.parametrize("verb", ["pause", "resume"])
async def test_link_without_credentials_can_be_neither_paused_nor_resumed(
    house: Any, verb: str
) -> None:
    await house.add_repairer()

    reply = await house.post(f"{LINK}/{verb}")

    assert (reply.status, reply.code) == (409, "link_unconfigured")


async def test_paused_link_is_not_due_and_refuses_a_refresh(house: Any) -> None:
    await house.configure()

    paused = await house.post(f"{LINK}/pause")

    assert (paused.json["state"], paused.json["next_due_at"]) == ("paused", None)
    refused = await house.post("/v1/refresh", {"repairer": "garage-7", "connector": "claims360"})
    assert (refused.status, refused.code) == (409, "link_paused")


async def test_resumed_link_is_due_at_once(house: Any) -> None:
    await house.configure()
    await house.post(f"{LINK}/pause")

    resumed = await house.post(f"{LINK}/resume")

    assert resumed.json["state"] == "active"
    assert parse_instant(resumed.json["next_due_at"]) <= house.clock.now()


async def test_pausing_and_resuming_stand_in_the_feed_once_each(house: Any) -> None:
    await house.configure()
    before = (await house.get("/v1/changes")).json["next"]

    for verb in ("pause", "pause", "resume", "resume"):
        assert (await house.post(f"{LINK}/{verb}")).status == 200

    entries = (await house.get(f"/v1/changes?after={before}")).json["items"]
    assert [(each["type"], each["data"]["state"]) for each in entries] == [
        ("link.state_changed", "paused"),
        ("link.state_changed", "active"),
    ]
    assert entries[0]["subject"] == {"type": "link", "id": "garage-7/claims360"}


async def _reject(house: Any) -> None:
    async def work(uow: Any) -> None:
        await uow.links.note_auth_failure(KEY, house.clock.now())
        await uow.links.set_state(KEY, LinkState.CREDENTIALS_REJECTED, "credentials_rejected")

    await house.write(work)


async def test_resume_leaves_rejected_credentials_by_a_new_attempt(house: Any) -> None:
    await house.configure()
    await _reject(house)
    assert (await house.get(LINK)).json["state"] == "credentials_rejected"

    resumed = await house.post(f"{LINK}/resume")

    assert (resumed.json["state"], resumed.json["reason"]) == ("active", None)
    assert parse_instant(resumed.json["next_due_at"]) <= house.clock.now()


async def test_resume_is_refused_after_three_refused_tries_within_a_day(house: Any) -> None:
    await house.configure()
    for _ in range(3):
        await _reject(house)

    refused = await house.post(f"{LINK}/resume")

    assert (refused.status, refused.code) == (409, "too_many_attempts")
    house.clock.ahead += timedelta(hours=24, seconds=1)
    assert (await house.post(f"{LINK}/resume")).status == 200


async def test_pausing_in_between_is_no_way_round_the_three_tries(house: Any) -> None:
    await house.configure()
    for _ in range(3):
        await _reject(house)
    await house.post(f"{LINK}/pause")

    reply = await house.post(f"{LINK}/resume")

    assert (reply.status, reply.code) == (409, "too_many_attempts")
