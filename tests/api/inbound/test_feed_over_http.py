"""The change feed over HTTP: polled, waited for, streamed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage

TOKEN = "t" * 43


class Stream:
    """Reads server-sent events."""

    def __init__(self, content: Any) -> None:
        self._content = content

    async def event(self) -> dict[str, str]:
        """Read the next event; comments are passed over."""
        fields: dict[str, str] = {}
        while True:
            line = (await asyncio.wait_for(self._content.readline(), 10)).decode().rstrip("\n")
            if line == "" and fields:
                return fields
            name, _, value = line.partition(": ")
            if name and line != "":
                fields[name] = value


@asynccontextmanager
async def streamed(garage: Garage, path: str, **headers: str) -> AsyncIterator[Stream]:
    given = {"Authorization": f"Bearer {TOKEN}", **headers}
    async with garage.house.http.get(garage.house.base_url + path, headers=given) as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        yield Stream(answer.content)


async def test_feed_tells_everything_in_order(garage: Garage) -> None:
    feed = (await garage.house.get("/v1/changes?limit=500")).json

    types = [entry["type"] for entry in feed["items"]]
    assert types.count("record.created") == 3
    assert types.count("claim_file.created") == 1
    assert types.count("attachment.stored") == 1
    assert types[-1] == "pass.finished"


async def test_feed_goes_on_from_next_without_loss_or_doubling(garage: Garage) -> None:
    whole = (await garage.house.get("/v1/changes?limit=500")).json["items"]
    parts, after = [], ""
    while True:
        page = (await garage.house.get(f"/v1/changes?limit=2{after}")).json
        if not page["items"]:
            break
        parts += page["items"]
        after = f"&after={page['next']}"

    assert parts == whole


async def test_record_entry_holds_what_a_reader_needs(garage: Garage) -> None:
    items = (await garage.house.get("/v1/changes?limit=500")).json["items"]
    [entry] = [one for one in items if one["data"].get("partner_ref") == "Q-2"]

    assert entry["subject"] == {"type": "record", "id": (await garage.one("Q-2"))["id"]}
    assert (entry["repairer"], entry["connector"]) == ("garage-7", "claims360")
    assert entry["data"] == {
        "kind": "quote",
        "status": "draft",
        "version": 1,
        "intake": "queued",
        "partner_ref": "Q-2",
    }


async def test_waiting_reader_gets_the_next_change(garage: Garage) -> None:
    head = (await garage.house.get("/v1/changes?limit=500")).json["next"]
    waiting = asyncio.create_task(garage.house.get(f"/v1/changes?after={head}&wait=30"))

    await garage.do("Q-1", "accept")
    reply = await asyncio.wait_for(waiting, 10)

    assert [entry["type"] for entry in reply.json["items"]] == ["record.decided"]


async def test_nothing_new_gives_no_items_and_a_cursor(garage: Garage) -> None:
    head = (await garage.house.get("/v1/changes?limit=500")).json["next"]

    reply = await garage.house.get(f"/v1/changes?after={head}")

    assert reply.json == {"items": [], "next": head}


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/changes/stream"])
async def test_malformed_cursor_is_refused(house: House, path: str) -> None:
    reply = await house.get(f"{path}?after=nonsense")

    assert (reply.status, reply.code) == (422, "cursor_invalid")


@pytest.mark.parametrize("path", ["/v1/changes", "/v1/changes/stream"])
async def test_cursor_of_another_database_is_gone(house: House, path: str) -> None:
    reply = await house.get(f"{path}?after=0123456789abcdef:1")

    assert (reply.status, reply.code) == (410, "feed_reset")


@pytest.mark.parametrize("query", ["wait=61", "wait=-1", "limit=0", "since=1"])
async def test_bad_parameter_is_refused(house: House, query: str) -> None:
    reply = await house.get(f"/v1/changes?{query}")

    assert (reply.status, reply.code) == (422, "invalid")


async def test_stream_gives_the_feed_and_goes_on(garage: Garage) -> None:
    items = (await garage.house.get("/v1/changes?limit=500")).json["items"]
    async with streamed(garage, "/v1/changes/stream") as stream:
        past = [await stream.event() for _ in items]
        await garage.do("Q-1", "dismiss")
        new = await stream.event()

    assert [json.loads(event["data"]) for event in past] == items
    assert [event["id"] for event in past] == [entry["cursor"] for entry in items]
    assert new["event"] == "record.decided"


async def test_stream_resumes_after_the_last_event_id(garage: Garage) -> None:
    items = (await garage.house.get("/v1/changes?limit=500")).json["items"]
    last = {"Last-Event-ID": items[-2]["cursor"]}
    async with streamed(garage, "/v1/changes/stream", **last) as stream:
        event = await stream.event()

    assert event["id"] == items[-1]["cursor"]


async def test_pass_is_followed_to_its_end(garage: Garage) -> None:
    garage.shop.add_mission("M-9")
    started = await garage.house.post("/v1/refresh", {"repairer": "garage-7"})
    id_ = started.json["passes"][0]["id"]
    async with streamed(garage, f"/v1/passes/{id_}/events") as stream:
        event = await stream.event()
        while event["event"] == "progress":
            event = await stream.event()

    ended = json.loads(event["data"])
    assert (event["event"], ended["state"]) == ("ended", "succeeded")
    assert ended["counts"]["new"] == 1


async def test_pass_that_ended_already_is_followed_by_its_end_alone(garage: Garage) -> None:
    id_ = (await garage.house.refresh()).json["passes"][0]["id"]

    async with streamed(garage, f"/v1/passes/{id_}/events") as stream:
        event = await stream.event()

    shown = (await garage.house.get(f"/v1/passes/{id_}")).json
    assert (event["event"], json.loads(event["data"])) == ("ended", shown)


async def test_events_of_an_unknown_pass_are_not_found(house: House) -> None:
    reply = await house.get("/v1/passes/none/events")

    assert (reply.status, reply.code) == (404, "not_found")
