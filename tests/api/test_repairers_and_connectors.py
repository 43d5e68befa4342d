"""Routes of repairers and of installed connectors."""

from __future__ import annotations

from typing import Any

import pytest

from syncer.domain.stored import Repairer

FULL = {
    "name": "Carrosserie Demo",
    "sites": ["gent", "aalst"],
    "prefilled": {"claims360": {"bodyshop_id": "475869429"}},
}


async def test_repairer_is_made_and_read_back(house: Any) -> None:
    made = await house.put("/v1/repairers/garage-7", FULL)

    read = await house.get("/v1/repairers/garage-7")

    assert made.status == 201
    assert read.json == made.json == {"id": "garage-7", **FULL, "origin": "api"}


async def test_repairer_is_replaced_as_a_whole(house: Any) -> None:
    await house.put("/v1/repairers/garage-7", FULL)

    reply = await house.put("/v1/repairers/garage-7", {"name": "Other"})

    assert reply.status == 200
    assert reply.json["name"] == "Other"
    assert reply.json["sites"] == []
    assert reply.json["prefilled"] == {}


async def test_new_repairer_gets_a_link_to_every_enabled_connector(house: Any) -> None:
    await house.add_repairer()

    links = (await house.get("/v1/links")).json["items"]

    assert [(link["connector"], link["state"]) for link in links] == [
        ("claims360", "unconfigured"),
        ("winformex", "superseded"),
    ]


async def test_repairer_of_the_configuration_file_cannot_be_changed(house: Any) -> None:
    from_file = Repairer(id="garage-7", name="From the file", origin="file")
    await house.write(lambda uow: uow.repairers.keep_from_file([from_file]))

    reply = await house.put("/v1/repairers/garage-7", FULL)

    assert (reply.status, reply.code) == (409, "from_file")
    assert (await house.get("/v1/repairers/garage-7")).json["name"] == "From the file"


@pytest.mark.parametrize("id_", ["Garage", "-garage", "a" * 65, "garage%207", "g%C3%A9"])
async def test_repairer_is_refused_when_its_id_is_no_slug(house: Any, id_: str) -> None:
    reply = await house.put(f"/v1/repairers/{id_}", {"name": "Garage"})

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == ["/repairer"]


@pytest.mark.parametrize(
    ("prefilled", "pointer"),
    [
        ({"claims360": {"mailbox": "1"}}, "/prefilled/claims360/mailbox"),
        ({"claims360": {"planning_api_key": "1"}}, "/prefilled/claims360/planning_api_key"),
        ({"Claims/360": {"bodyshop_id": "1"}}, "/prefilled/Claims~1360"),
        ({"claims360": {"bodyshop_id": ""}}, "/prefilled/claims360/bodyshop_id"),
    ],
    ids=["unknown field", "secret", "no connector's name", "empty value"],
)
async def test_repairer_is_refused_when_it_prefills_what_it_cannot(
    house: Any, prefilled: Any, pointer: str
) -> None:
    reply = await house.put("/v1/repairers/garage-7", {"name": "G", "prefilled": prefilled})

    assert (reply.status, reply.code) == (422, "invalid")
    assert reply.pointers == [pointer]


async def test_repairers_are_listed_page_by_page_with_the_exact_total(house: Any) -> None:
    names = [f"garage-{number}" for number in range(5)]
    for name in reversed(names):
        await house.add_repairer(name)

    seen, after = [], ""
    while True:
        page = (await house.get(f"/v1/repairers?limit=2{after}")).json
        seen += [each["id"] for each in page["items"]]
        assert page["total"] == 5
        if page["next"] is None:
            break
        after = f"&after={page['next']}"

    assert seen == names


async def test_connectors_are_listed_with_what_became_of_them(house: Any) -> None:
    house.services.registry.quarantine("winformex", "it hung")

    items = (await house.get("/v1/connectors")).json["items"]

    assert [(each["name"], each["enabled"], each["state"]) for each in items] == [
        ("claims360", True, "ready"),
        ("darva", False, "disabled"),
        ("winformex", True, "quarantined"),
    ]
    assert items[2]["reason"] == "it hung"


async def test_ready_connector_shows_its_schemas_without_any_default_secret(house: Any) -> None:
    shown = (await house.get("/v1/connectors/claims360")).json

    assert shown["title"] == "Claims360"
    assert shown["kinds"] == ["mission", "quote"]
    assert shown["wire_format"] == "profile"
    assert [one["name"] for one in shown["operations"]] == ["vehicle_update", "photos"]
    assert set(shown["credentials"]["required"]) == {
        "bodyshop_id",
        "bodyshop_api_key",
        "planning_api_key",
    }
    assert "queueing" in shown["settings"]["properties"]


async def test_superseded_connector_says_by_whom(house: Any) -> None:
    shown = (await house.get("/v1/connectors/winformex")).json

    assert (shown["state"], shown["superseded_by"]) == ("superseded", "claims360")


async def test_disabled_connector_shows_nothing_but_its_name(house: Any) -> None:
    shown = (await house.get("/v1/connectors/darva")).json

    assert shown == {"name": "darva", "enabled": False, "state": "disabled"}


async def test_unknown_connector_is_not_found(house: Any) -> None:
    reply = await house.get("/v1/connectors/nowhere")

    assert (reply.status, reply.code) == (404, "not_found")


async def test_connectors_are_listed_page_by_page(house: Any) -> None:
    first = (await house.get("/v1/connectors?limit=2")).json

    second = (await house.get(f"/v1/connectors?limit=2&after={first['next']}")).json

    assert [each["name"] for each in first["items"]] == ["claims360", "darva"]
    assert [each["name"] for each in second["items"]] == ["winformex"]
    assert first["total"] == second["total"] == 3
    assert second["next"] is None
