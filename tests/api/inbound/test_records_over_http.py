"""Records over HTTP: lists, filters, decisions, conditions, bulk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.api.conftest import House
    from tests.api.inbound.conftest import Garage


async def test_list_shows_missions_and_quotes_with_an_exact_total(garage: Garage) -> None:
    reply = await garage.house.get("/v1/records?limit=2")

    assert reply.json["total"] == 3
    assert len(reply.json["items"]) == 2
    assert reply.json["next"] is not None


async def test_list_walks_to_its_end_by_next(garage: Garage) -> None:
    seen, after = [], ""
    while True:
        page = (await garage.house.get(f"/v1/records?limit=1{after}")).json
        seen += [item["partner_ref"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert sorted(seen) == ["M-1", "Q-1", "Q-2"]


@pytest.mark.parametrize(
    ("query", "refs"),
    [
        pytest.param("kind=mission", ["M-1"], id="kind"),
        pytest.param("kind=mission,quote&status=draft,assigned", ["M-1", "Q-2"], id="any-of"),
        pytest.param("repairer=garage-7,garage-9&kind=mission", ["M-1"], id="repairer"),
        pytest.param("repairer=garage-9", [], id="other-repairer"),
        pytest.param("connector=claims360&status=draft", ["Q-2"], id="connector-and-status"),
        pytest.param("smart_expertise=true&kind=quote", ["Q-1"], id="smart-expertise"),
        pytest.param("intake=accepted", [], id="intake"),
        pytest.param("taken_over=no&kind=mission", ["M-1"], id="not-taken-over"),
        pytest.param("taken_over=yes", [], id="taken-over"),
        pytest.param("missing_documents=true", [], id="missing-documents"),
        pytest.param("number=&plate=&kind=mission", ["M-1"], id="empty-texts-filter-nothing"),
    ],
)
async def test_filters_hold_all_at_once(garage: Garage, query: str, refs: list[str]) -> None:
    items = await garage.items(query)

    assert sorted(item["partner_ref"] for item in items) == refs


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        pytest.param("kind=letter", "/kind/0", id="unknown-kind"),
        pytest.param("taken_over=maybe", "/taken_over", id="word"),
        pytest.param("limit=0", "/limit", id="no-items"),
        pytest.param("limit=501", "/limit", id="too-many-items"),
        pytest.param("after=xyz", "/after", id="no-cursor"),
        pytest.param("colour=red", "/colour", id="unknown-parameter"),
        pytest.param("repairer=Garage%207", "/repairer/0", id="no-slug"),
    ],
)
async def test_bad_parameter_is_named(house: House, query: str, pointer: str) -> None:
    reply = await house.get(f"/v1/records?{query}")

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == [pointer]


async def test_quote_has_what_its_detail_holds_and_its_mission_the_photos(
    garage: Garage,
) -> None:
    quote, mission = await garage.one("Q-1"), await garage.one("M-1")

    assert quote["lines"]
    assert quote["vehicle"]["vin"]
    assert quote["claim_file"] == mission["claim_file"]
    assert quote["attachments"] == []
    assert [photo["state"] for photo in mission["attachments"]] == ["stored"]


async def test_one_record_reads_as_it_is_listed(garage: Garage) -> None:
    listed = await garage.one("Q-1")

    reply = await garage.house.get(f"/v1/records/{listed['id']}")

    assert reply.json == listed


async def test_unchanged_record_answers_304(garage: Garage) -> None:
    path = f"/v1/records/{(await garage.one('Q-1'))['id']}"
    tag = (await garage.house.get(path)).headers["ETag"]

    reply = await garage.house.get(path, headers={"If-None-Match": tag})

    assert (reply.status, reply.body) == (304, b"")


async def test_history_lists_every_version(garage: Garage) -> None:
    garage.shop.change_status("quote", "Q-1", "approved")
    await garage.pull()
    record = await garage.one("Q-1")

    versions = (await garage.house.get(f"/v1/records/{record['id']}/history")).json

    assert [version["status"] for version in versions] == ["approved", "submitted"]
    assert versions[0]["record"]["previous_status"] == "submitted"


@pytest.mark.parametrize("path", ["", "/history"])
async def test_unknown_record_is_not_found(house: House, path: str) -> None:
    reply = await house.get(f"/v1/records/0193-none{path}")

    assert (reply.status, reply.code) == (404, "not_found")


async def test_person_accepts_and_dismisses(garage: Garage) -> None:
    accepted = await garage.do("Q-1", "accept")
    dismissed = await garage.do("Q-1", "dismiss")

    assert accepted.json["intake"]["state"] == "accepted"
    assert dismissed.json["intake"]["state"] == "dismissed"
    assert "Q-1" not in [item["partner_ref"] for item in await garage.items()]


async def test_decision_with_a_stale_condition_is_refused(garage: Garage) -> None:
    path = f"/v1/records/{(await garage.one('Q-1'))['id']}"
    tag = (await garage.house.get(path)).headers["ETag"]
    await garage.do("Q-1", "accept")

    stale = await garage.house.post(f"{path}/dismiss", headers={"If-Match": tag})

    assert (stale.status, stale.code) == (412, "stale")
    assert (await garage.one("Q-1"))["intake"]["state"] == "accepted"


async def test_decision_with_the_present_condition_is_made(garage: Garage) -> None:
    path = f"/v1/records/{(await garage.one('Q-1'))['id']}"
    tag = (await garage.house.get(path)).headers["ETag"]

    reply = await garage.house.post(f"{path}/dismiss", headers={"If-Match": tag})

    assert reply.status == 200


async def test_taking_over_shows_at_a_glance_and_forbids_dismissing(garage: Garage) -> None:
    early = await garage.do("Q-1", "taken-over")
    await garage.do("Q-1", "accept")
    marked = await garage.do("Q-1", "taken-over")
    late = await garage.do("Q-1", "dismiss")

    assert (early.status, early.code) == (409, "not_accepted")
    assert marked.json["taken_over_version"] == marked.json["version"]
    assert (late.status, late.code) == (409, "taken_over")
    assert [item["partner_ref"] for item in await garage.items("taken_over=yes")] == ["Q-1"]


async def test_taken_over_record_is_outdated_after_a_status_event(garage: Garage) -> None:
    await garage.do("Q-1", "accept")
    await garage.do("Q-1", "taken-over")

    garage.shop.change_status("quote", "Q-1", "approved")
    await garage.pull()

    assert [item["partner_ref"] for item in await garage.items("taken_over=outdated")] == ["Q-1"]


async def test_bulk_decides_what_the_filter_finds(garage: Garage) -> None:
    body = {"action": "accept", "filter": {"kind": "quote", "smart_expertise": True}}

    reply = await garage.house.post("/v1/records/bulk", body)

    assert (reply.status, reply.json) == (200, {"matched": 1, "changed": 1, "skipped": 0})


async def test_bulk_takes_lists_where_a_query_takes_commas(garage: Garage) -> None:
    body = {"action": "dismiss", "filter": {"kind": ["quote", "mission"], "status": "draft"}}

    reply = await garage.house.post("/v1/records/bulk", body)

    assert reply.json["changed"] == 1


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        pytest.param({"action": "accept", "filter": {}}, "/filter", id="empty-filter"),
        pytest.param({"action": "accept", "filter": {"q": ""}}, "/filter", id="empty-text"),
        pytest.param({"action": "accept"}, "/filter", id="no-filter"),
        pytest.param({"action": "burn", "filter": {"q": "1"}}, "/action", id="unknown-action"),
        pytest.param(
            {"action": "accept", "filter": {"limit": 5}}, "/filter/limit", id="no-filter-at-all"
        ),
    ],
)
async def test_bulk_that_cannot_be_is_refused(
    garage: Garage, body: dict[str, object], pointer: str
) -> None:
    reply = await garage.house.post("/v1/records/bulk", body)

    assert (reply.status, reply.pointers) == (422, [pointer])
    assert {item["intake"]["state"] for item in await garage.items()} == {"queued"}


async def test_bulk_under_one_key_is_done_once(garage: Garage) -> None:
    body = {"action": "accept", "filter": {"kind": "quote"}}
    headers = {"Idempotency-Key": "monday-1"}

    first = await garage.house.post("/v1/records/bulk", body, headers=headers)
    again = await garage.house.post("/v1/records/bulk", body, headers=headers)
    other = await garage.house.post(
        "/v1/records/bulk", {**body, "action": "dismiss"}, headers=headers
    )

    assert first.json == again.json == {"matched": 2, "changed": 2, "skipped": 0}
    assert (other.status, other.code) == (422, "idempotency_mismatch")
