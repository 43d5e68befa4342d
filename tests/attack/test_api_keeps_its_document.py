"""Schemathesis over the OpenAPI document of a running host: whatever is sent, the answer fits it.

That every request which fits the document is accepted is not asked: cursors are opaque, and a
document cannot say that two fields exclude each other.
"""

from __future__ import annotations

import asyncio
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.core.result import Ok

from tests.attack.service import Service
from tests.attack.strict_partner import StrictPartner, jpeg
from tests.campaign import COUNTS

EXAMPLES = 12 * COUNTS.examples_factor
ENDLESS = ("/v1/changes/stream", "/v1/passes/{id}/events")
NOT_ASKED = "positive_data_acceptance"


def faults_of(document: dict[str, Any], address: str, token: str) -> list[str]:
    """Send requests of every operation; gives what was wrong with the answers."""
    load_all_checks()
    left_out = [check for check in CHECKS.get_all() if check.__name__ == NOT_ASKED]
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=address)
    faults: list[str] = []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path in ENDLESS:
            continue

        @settings(
            max_examples=EXAMPLES,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def answer_fits(case: Any) -> None:
            case.query = {name: v for name, v in (case.query or {}).items() if name != "wait"}
            headers = {"Authorization": f"Bearer {token}"}
            case.call_and_validate(headers=headers, timeout=20, excluded_checks=left_out)

        try:
            answer_fits()
        except Exception as error:  # noqa: BLE001 - all operations are to be seen, not the first
            faults.append(f"{operation.method} {operation.path}: {error}")
    return faults


async def test_every_answer_fits_the_document_whatever_is_sent(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", "2026-03-02T09:14:05.120Z", missionId="M-1")
    partner.put("quote", "Q-2", "2026-03-02T09:14:05.120Z", totals={"net": 1})
    partner.add_photo("M-1", "P-1", jpeg("one"))
    await service.refresh()
    document = await service.good("GET", "/openapi.json")

    faults = await asyncio.to_thread(faults_of, document, service.host.address, service.token)

    assert faults == []
    assert (await service.ask("GET", "/readyz")).status == 200
