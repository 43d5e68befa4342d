"""The played partner is as strict as the contract."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import ClientSession, FormData
from syncer_claims360 import played_pictures
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.testing import FakeClock

Answer = tuple[int, Any, Mapping[str, str]]


@pytest.fixture
async def http(partner: PlayedClaims360, shop: PlayedShop) -> AsyncIterator[ClientSession]:
    keys = {"X-Bodyshop-Api-Key": shop.bodyshop_key, "X-Planning-Api-Key": shop.planning_key}
    async with partner.serve() as base_url:
        root = f"{base_url}/v1/bodyshops/{shop.bodyshop_id}/"
        async with ClientSession(root, headers=keys) as session:
            yield session


async def answer(session: ClientSession, path: str, **options: Any) -> Answer:
    async with session.get(path, **options) as response:
        body = await response.json(content_type=None) if response.status != 304 else None
        return response.status, body, response.headers


async def test_a_missing_key_is_401_and_a_wrong_one_403(http: ClientSession) -> None:
    one_missing = {"X-Planning-Api-Key": ""}
    wrong = {"X-Planning-Api-Key": "x" * 20}

    assert (await answer(http, "changes", headers=one_missing))[:2] == (
        401,
        {"type": "about:blank", "status": 401, "code": "KEY_MISSING"},
    )
    assert (await answer(http, "changes", headers=wrong))[1]["code"] == "KEY_INVALID"


@pytest.mark.parametrize(
    "query",
    [
        {"since": "2026-03-02T09:00:00Z"},
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "many"},
        {"statusChangedSince": "2026-03-02T09:00:00"},
        {"statusChangedSince": "2026-03-02"},
        {"cursor": "never-issued"},
        {"cursor": "x", "statusChangedSince": "2026-03-02T09:00:00Z"},
    ],
    ids=repr,
)
async def test_a_bad_parameter_is_refused(http: ClientSession, query: dict[str, str]) -> None:
    assert (await answer(http, "changes", params=query))[0] == 400


async def test_a_repeated_parameter_is_refused(http: ClientSession) -> None:
    assert (await answer(http, "changes?limit=1&limit=2"))[0] == 400


@pytest.mark.parametrize("path", ["missions/M-1", "missions/M-1/photos", "dossiers/R-1"])
async def test_other_routes_have_no_parameters(
    http: ClientSession, shop: PlayedShop, path: str
) -> None:
    shop.add_mission("M-1")

    assert (await answer(http, path, params={"limit": "1"}))[0] == 400


async def test_the_list_is_ordered_and_its_cursor_is_a_position(
    http: ClientSession, shop: PlayedShop, clock: FakeClock
) -> None:
    shop.add_quote(None, "Q-1")
    shop.add_mission("M-2")
    shop.add_mission("M-1")
    status, first, _ = await answer(http, "changes", params={"limit": "2"})
    clock.advance(timedelta(seconds=1))
    shop.change_status("mission", "M-1", "assigned")

    _, rest, _ = await answer(http, "changes", params={"cursor": first["nextCursor"]})

    assert (status, first["hasMore"]) == (200, True)
    assert [item["id"] for item in first["items"]] == ["M-1", "M-2"]
    assert [item["id"] for item in rest["items"]] == ["Q-1", "M-1"]
    assert (rest["nextCursor"], rest["hasMore"]) == (None, False)


async def test_the_start_of_the_list_is_inclusive(http: ClientSession, shop: PlayedShop) -> None:
    shop.add_mission("M-1", statusChangedAt="2026-03-02T09:00:00.000Z")
    query = {"statusChangedSince": "2026-03-02T10:00:00+01:00"}

    assert len((await answer(http, "changes", params=query))[1]["items"]) == 1


async def test_a_cursor_lives_for_a_day(
    http: ClientSession, shop: PlayedShop, clock: FakeClock
) -> None:
    for n in range(3):
        shop.add_mission(f"M-{n}")
    _, first, _ = await answer(http, "changes", params={"limit": "1"})
    clock.advance(timedelta(hours=24))

    status, problem, _ = await answer(http, "changes", params={"cursor": first["nextCursor"]})

    assert (status, problem["code"]) == (410, "CURSOR_EXPIRED")


async def test_the_etag_is_of_the_whole_listing(
    http: ClientSession, shop: PlayedShop, clock: FakeClock
) -> None:
    for n in range(3):
        shop.add_mission(f"M-{n}")
    _, _, narrow = await answer(http, "changes", params={"limit": "1"})
    clock.advance(timedelta(minutes=1))
    known = {"If-None-Match": narrow["ETag"]}

    unchanged, _, _ = await answer(http, "changes", headers=known)
    shop.edit("mission", "M-2", number="other")
    edited, _, _ = await answer(http, "changes", headers=known)

    assert (unchanged, edited) == (304, 200)


async def test_a_continued_listing_has_no_etag(http: ClientSession, shop: PlayedShop) -> None:
    shop.add_mission("M-1")
    shop.add_mission("M-2")
    _, first, _ = await answer(http, "changes", params={"limit": "1"})

    _, _, headers = await answer(http, "changes", params={"cursor": first["nextCursor"]})

    assert "ETag" not in headers


async def test_a_withdrawn_object_leaves_the_list_and_is_gone(
    http: ClientSession, shop: PlayedShop
) -> None:
    shop.add_mission("M-1")
    photo = shop.add_photo("M-1")
    shop.withdraw("mission", "M-1")

    assert (await answer(http, "changes"))[1]["items"] == []
    for path in ("missions/M-1", "missions/M-1/photos", f"photos/{photo['id']}/content"):
        assert (await answer(http, path))[0] == 410


@pytest.mark.parametrize("path", ["missions/M-9", "quotes/Q-9", "photos/P-9/content", "nowhere"])
async def test_what_is_not_there_is_404(http: ClientSession, path: str) -> None:
    status, problem, headers = await answer(http, path)

    assert (status, problem["code"]) == (404, "NOT_FOUND")
    assert headers["Content-Type"] == "application/problem+json"


async def test_a_21st_request_within_a_second_is_refused(
    http: ClientSession, partner: PlayedClaims360, shop: PlayedShop, clock: FakeClock
) -> None:
    partner.has_limits = True
    statuses = [(await answer(http, "changes"))[0] for _ in range(20)]
    status, _, headers = await answer(http, "changes")
    clock.advance(timedelta(seconds=1))

    assert statuses == [200] * 20
    assert (status, headers["Retry-After"]) == (429, "1")
    assert (await answer(http, "changes"))[0] == 200


async def test_refused_requests_count_too(
    http: ClientSession, partner: PlayedClaims360, shop: PlayedShop, clock: FakeClock
) -> None:
    partner.has_limits = True
    for _ in range(21):
        await answer(http, "changes")
        clock.advance(timedelta(milliseconds=45))

    assert (await answer(http, "changes"))[0] == 429


async def test_a_fifth_request_at_once_is_refused(
    http: ClientSession, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    partner.has_limits = True
    free = asyncio.Event()
    arrived = asyncio.Semaphore(0)

    async def hold(request: object) -> None:
        arrived.release()
        await free.wait()

    partner.before = hold
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(answer(http, "changes")) for _ in range(4)]
        for _ in range(4):
            await arrived.acquire()
        partner.before = None
        status, _, _ = await answer(http, "changes")
        free.set()

    assert status == 429
    assert [task.result()[0] for task in held] == [200] * 4


async def test_a_redeposit_keeps_the_id_and_is_a_status_event(
    shop: PlayedShop, clock: FakeClock
) -> None:
    before = dict(shop.add_mission("M-1", status="assigned"))
    clock.advance(timedelta(minutes=1))

    after = shop.redeposit("M-1")

    assert (after["id"], after["status"]) == ("M-1", "assigned")
    assert (after["depositCount"], after["photoCount"]) == (2, 1)
    assert after["statusChangedAt"] > before["statusChangedAt"]
    assert after["version"] > before["version"]


async def test_a_mere_edit_is_no_status_event(shop: PlayedShop, clock: FakeClock) -> None:
    before = dict(shop.add_mission("M-1"))
    clock.advance(timedelta(minutes=1))

    after = shop.edit("mission", "M-1", number="other")

    assert after["statusChangedAt"] == before["statusChangedAt"]
    assert (after["version"], after["updatedAt"]) != (before["version"], before["updatedAt"])


# -- what is sent to it ---------------------------------------------------------------------------

DOSSIER = {"reference": "R-1", "plate": "1-ABC-234", "mileageKm": 84210}


async def post(session: ClientSession, path: str, **options: Any) -> tuple[int, Any]:
    async with session.post(path, **options) as response:
        return response.status, await response.json(content_type=None)


async def test_a_dossier_becomes_a_mission_that_carries_plate_and_mileage_only(
    http: ClientSession, shop: PlayedShop
) -> None:
    status, receipt = await post(http, "dossiers", json=DOSSIER)

    item = shop.objects["mission", receipt["missionId"]].item
    assert (status, item["status"]) == (201, "created")
    assert item["vehicle"] == {"plate": "1-ABC-234", "mileageKm": 84210}
    assert (await answer(http, "dossiers/R-1"))[1] == receipt


async def test_a_dossiers_reference_is_unique(http: ClientSession) -> None:
    _, receipt = await post(http, "dossiers", json=DOSSIER)

    status, problem = await post(http, "dossiers", json=DOSSIER)

    assert (status, problem["code"]) == (409, "REFERENCE_KNOWN")
    assert problem["missionId"] == receipt["missionId"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"vin": "VF1"}, "FIELD_NOT_ALLOWED"),
        ({"reference": ""}, "FIELD_INVALID"),
        ({"reference": "x" * 65}, "FIELD_INVALID"),
        ({"plate": None}, "FIELD_INVALID"),
        ({"mileageKm": 1.5}, "FIELD_INVALID"),
        ({"mileageKm": True}, "FIELD_INVALID"),
        ({"mileageKm": "84210"}, "FIELD_INVALID"),
    ],
    ids=repr,
)
async def test_a_bad_dossier_is_refused(
    http: ClientSession, changes: dict[str, Any], code: str
) -> None:
    status, problem = await post(http, "dossiers", json={**DOSSIER, **changes})

    assert (status, problem["code"]) == (422, code)


def photo_form(content: bytes, *, type_: str = "image/jpeg", caption: str | None = "") -> FormData:
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename="avant-é.jpg", content_type=type_)
    if caption is not None:
        form.add_field("caption", caption)
    return form


async def test_a_photo_that_is_there_already_keeps_its_id(
    http: ClientSession, shop: PlayedShop
) -> None:
    shop.add_mission("M-1")
    picture = played_pictures.jpeg("one")

    first = await post(http, "missions/M-1/photos", data=photo_form(picture))
    again = await post(http, "missions/M-1/photos", data=photo_form(picture))

    assert (first[0], again[0]) == (201, 200)
    assert first[1] == again[1]
    assert shop.photos[first[1]["id"]].announced["fileName"] == "avant-é.jpg"


@pytest.mark.parametrize(
    ("form", "status"),
    [
        (lambda: photo_form(played_pictures.jpeg("x"), caption=None), 422),
        (lambda: photo_form(b"GIF89a", type_="image/gif"), 415),
        (lambda: photo_form(b"GIF89a"), 415),
        (lambda: photo_form(played_pictures.png("x")), 415),
        (lambda: photo_form(b"\xff\xd8\xff" + bytes(10 * 1024 * 1024)), 413),
        (dict, 415),
    ],
    ids=["no caption", "gif", "gif as jpeg", "png as jpeg", "too large", "no form"],
)
async def test_a_bad_photo_is_refused(
    http: ClientSession, shop: PlayedShop, form: Callable[[], Any], status: int
) -> None:
    shop.add_mission("M-1")

    assert (await post(http, "missions/M-1/photos", data=form()))[0] == status


# -- for the demo ---------------------------------------------------------------------------------


async def test_a_repairer_begins_with_work_and_life_goes_on(partner: PlayedClaims360) -> None:
    credentials = partner.add_repairer("garage-7")
    shop = partner.shops[credentials["bodyshop_id"]]
    before = shop.listing(since=None, behind=None)[-1].position()

    lines = [partner.live() for _ in range(14)]

    assert {type_ for type_, _ in shop.objects} == {"mission", "quote"}
    assert all(line.startswith("garage-7: ") for line in lines)
    assert shop.listing(since=None, behind=None)[-1].position() > before
