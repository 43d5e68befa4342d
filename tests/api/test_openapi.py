"""The OpenAPI document: valid, complete, and true of the answers."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from syncer.api.application import api_routes
from syncer.web.openapi import describe

LINK = "/v1/repairers/{repairer}/links/{connector}"
DOCUMENT = describe(api_routes())


def _schema(path: str, method: str, status: str, media_type: str = "application/json") -> Any:
    answer = DOCUMENT["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = DOCUMENT["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    return {**answer["content"][media_type]["schema"], "components": DOCUMENT["components"]}


def _check(value: Any, path: str, method: str = "get", status: str = "200") -> None:
    schema = _schema(path, method, status)
    jsonschema.Draft202012Validator(schema).validate(value)


def test_document_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(DOCUMENT).validate()


def test_every_operation_has_its_own_id_and_a_summary() -> None:
    operations = [one for path in DOCUMENT["paths"].values() for one in path.values()]

    ids = [one["operationId"] for one in operations]

    assert len(set(ids)) == len(ids)
    assert all(one["summary"] and one["tags"] for one in operations)


def test_only_health_is_open_without_the_token() -> None:
    is_open = {path for path, methods in DOCUMENT["paths"].items() if _is_open(methods)}

    assert is_open == {"/healthz", "/readyz"}


def _is_open(methods: Any) -> bool:
    return any(one.get("security") == [] for one in methods.values())


def test_comma_list_is_described_as_one_parameter() -> None:
    parameters = DOCUMENT["paths"]["/v1/links"]["get"]["parameters"]

    state = next(one for one in parameters if one["name"] == "state")

    assert state["style"] == "form"
    assert state["explode"] is False
    assert state["schema"]["type"] == "array"


def test_idempotency_key_is_described_where_it_is_honoured() -> None:
    keyed = {
        (method, path)
        for path, methods in DOCUMENT["paths"].items()
        for method, one in methods.items()
        if any(each["name"] == "Idempotency-Key" for each in one["parameters"])
    }

    assert {
        ("put", f"{LINK}/credentials"),
        ("post", "/v1/refresh"),
        ("post", "/v1/claim-files"),
        ("post", "/v1/records/bulk"),
    } <= keyed


async def test_document_is_served_with_the_token(house: Any) -> None:
    reply = await house.get("/openapi.json")

    assert reply.status == 200
    assert reply.json == DOCUMENT


async def test_every_documented_route_is_served(house: Any) -> None:
    for path, methods in DOCUMENT["paths"].items():
        concrete = path.replace("{", "").replace("}", "")
        for method in methods:
            reply = await house.ask(method.upper(), concrete, token=None)

            assert reply.status in ({200} if path in {"/healthz", "/readyz"} else {401})


async def test_answers_fit_their_documented_models(house: Any) -> None:
    await house.configure()
    await house.refresh()

    for path in (
        "/healthz",
        "/readyz",
        "/v1/connectors",
        "/v1/connectors/{connector}",
        "/v1/repairers",
        "/v1/repairers/{repairer}",
        "/v1/links",
        LINK,
        f"{LINK}/credentials",
        "/v1/records",
        "/v1/claim-files",
        "/v1/passes",
        "/v1/quarantine",
        "/v1/changes",
        "/v1/attention",
    ):
        concrete = path.replace("{repairer}", "garage-7").replace("{connector}", "claims360")
        reply = await house.get(concrete)

        assert reply.status == 200, concrete
        _check(reply.json, path)


@pytest.mark.parametrize(
    ("listing", "one", "key"),
    [
        ("/v1/records", "/v1/records/{id}", "id"),
        ("/v1/claim-files", "/v1/claim-files/{id}", "id"),
        ("/v1/passes", "/v1/passes/{id}", "id"),
        ("/v1/records", "/v1/records/{id}/history", "id"),
    ],
)
async def test_items_fit_their_documented_models(
    house: Any, listing: str, one: str, key: str
) -> None:
    await house.configure()
    await house.refresh()
    items = (await house.get(listing)).json["items"]

    reply = await house.get(one.replace("{id}", items[0][key]))

    assert reply.status == 200
    _check(reply.json, one)


async def test_problems_fit_the_documented_model(house: Any) -> None:
    reply = await house.get("/v1/links?limit=0")

    schema = _schema("/v1/links", "get", "422", "application/problem+json")
    jsonschema.Draft202012Validator(schema).validate(reply.json)
