"""Health, metrics and the documentation page."""

from __future__ import annotations

import re
from typing import Any

import pytest

from syncer.services.readiness import Readiness
from syncer.vault import KeyRingVault


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


async def test_sealed_vault_is_not_ready_and_says_why(house: Any) -> None:
    sealed = KeyRingVault(None, sealed_reason="no key file is configured")

    reasons = await Readiness(house.services.store, sealed).reasons()

    assert [reason.code for reason in reasons] == ["sealed"]
    assert "no key file is configured" in reasons[0].text


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
