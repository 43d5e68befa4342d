"""Health, metrics and the documentation page."""

from __future__ import annotations

import re
from typing import Any

import pytest

LINK = "/v1/repairers/garage-7/links/claims360"


async def test_process_says_that_it_is_alive(house: Any) -> None:
    reply = await house.get("/healthz", token=None)

    assert (reply.status, reply.json) == (200, {"status": "alive"})


async def test_service_is_ready_and_asks_no_partner_for_it(house: Any) -> None:
    reply = await house.get("/readyz", token=None)

    assert (reply.status, reply.json) == (200, {"status": "ready"})
    assert house.partner.seen == []


async def test_quarantined_connector_leaves_the_service_ready(house: Any) -> None:
    house.services.registry.quarantine("claims360", "it hung")

    reply = await house.get("/readyz")

    assert reply.status == 200


async def test_stopping_service_is_not_ready(house: Any) -> None:
    house.services.health.stop()

    reply = await house.get("/readyz")

    assert (reply.status, reply.code) == (503, "shutting_down")


async def test_sealed_service_is_not_ready_and_says_why(sealed_house: Any) -> None:
    reply = await sealed_house.get("/readyz", token=None)

    assert (reply.status, reply.code) == (503, "sealed")
    assert "sealed" in reply.json["detail"]


async def test_sealed_service_shows_what_is_stored_and_touches_no_secret(sealed_house: Any) -> None:
    house = sealed_house
    await house.add_repairer()
    credentials = dict(house.partner.add_repairer("garage-7"))

    shown = await house.get("/v1/links")
    registered = await house.put(f"{LINK}/credentials", credentials)
    refreshed = await house.post("/v1/refresh", {"repairer": "garage-7"})

    assert shown.status == 200
    assert (registered.status, registered.code) == (503, "sealed")
    assert (refreshed.status, refreshed.code) == (503, "sealed")
    assert house.partner.seen == []


async def test_metrics_are_prometheus_text(house: Any) -> None:
    reply = await house.get("/metrics")

    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert b"# TYPE syncer_" in reply.body


async def test_documentation_page_takes_nothing_from_elsewhere(house: Any) -> None:
    page = (await house.get("/docs", token=None)).body.decode()
    files = re.findall(r'(?:src|href)="([^"]+)"', page)

    assert files
    for file in files:
        assert file.startswith("/docs/")
        assert (await house.get(file, token=None)).status == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/docs.css", "/docs/docs.js"])
async def test_documentation_names_no_other_origin_and_may_load_none(house: Any, path: str) -> None:
    reply = await house.get(path, token=None)

    assert not re.search(rb"https?://", reply.body)
    assert "default-src 'none'" in reply.headers["Content-Security-Policy"]
    assert "connect-src 'self'" in reply.headers["Content-Security-Policy"]
