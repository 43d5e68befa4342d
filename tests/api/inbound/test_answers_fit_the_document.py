"""The real answers are what the OpenAPI document says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jsonschema
import pytest

from syncer.api.application import api_routes
from syncer.web.openapi import describe

if TYPE_CHECKING:
    from tests.api.inbound.conftest import Garage

DOCUMENT = describe(api_routes())


def misfits(value: Any, path: str, method: str, status: int) -> list[str]:
    answer = DOCUMENT["paths"][path][method.lower()]["responses"][str(status)]
    schema = answer["content"]["application/json"]["schema"]
    validator = jsonschema.Draft202012Validator({**schema, "components": DOCUMENT["components"]})
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(value)]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/records", None, 200),
        ("GET", "/v1/records/{record}", None, 200),
        ("GET", "/v1/records/{record}/history", None, 200),
        ("POST", "/v1/records/{record}/accept", None, 200),
        ("POST", "/v1/records/{record}/dismiss", None, 200),
        ("POST", "/v1/records/{accepted}/taken-over", None, 200),
        ("POST", "/v1/records/bulk", {"action": "accept", "filter": {"q": "1"}}, 200),
        ("GET", "/v1/claim-files", None, 200),
        ("GET", "/v1/claim-files/{claim_file}", None, 200),
        ("PATCH", "/v1/claim-files/{claim_file}", {"data": {"vehicle": {"make": "X"}}}, 200),
        (
            "POST",
            "/v1/claim-files",
            {"repairer": "garage-7", "connector": "claims360", "reference": "W-1"},
            201,
        ),
        ("GET", "/v1/quarantine", None, 200),
        ("GET", "/v1/quarantine/{item}", None, 200),
        ("GET", "/v1/passes", None, 200),
        ("GET", "/v1/passes/{pass}", None, 200),
        ("POST", "/v1/refresh?wait=30", {}, 200),
        ("POST", "/v1/refresh", {}, 202),
        ("GET", "/v1/changes?limit=500", None, 200),
        ("GET", "/v1/attention", None, 200),
        (
            "POST",
            "/v1/repairers/garage-7/links/claims360/excludes/preview",
            {"excludes": [{"kind": "quote"}]},
            200,
        ),
        ("POST", "/v1/repairers/garage-7/links/claims360/excludes/apply", None, 200),
    ],
)
async def test_answer_fits_the_document(
    garage: Garage, method: str, path: str, body: Any, status: int
) -> None:
    garage.shop.add_quote("M-1", "Q-9", status=7)
    await garage.pull()
    await garage.do("Q-2", "accept")
    record, house = await garage.one("Q-1"), garage.house
    ids = {
        "record": record["id"],
        "accepted": (await garage.one("Q-2"))["id"],
        "claim_file": record["claim_file"],
        "item": (await house.get("/v1/quarantine")).json["items"][0]["id"],
        "pass": (await house.get("/v1/passes")).json["items"][0]["id"],
    }

    reply = await house.ask(method, path.format(**ids), body)

    documented = path.partition("?")[0]
    for name in ids:
        documented = documented.replace(f"{{{name}}}", "{id}")
    documented = documented.replace("garage-7", "{repairer}").replace("claims360", "{connector}")
    assert reply.status == status
    assert misfits(reply.json, documented, method, status) == []
