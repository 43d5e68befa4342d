"""Rule sets of the configuration file, from start to start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from syncer_claims360.played import PlayedClaims360

from tests.attack.service import Service, serving

if TYPE_CHECKING:
    from pathlib import Path

RULES = """
[[document_rules]]
connector = "claims360"
documents = [{ id = "mandate", label = "Mandate" }, { id = "quote", label = "Quote" }]
"""
PATH = "/v1/document-rules/claims360.*"


async def missing(service: Service) -> int:
    [claim_file] = (await service.good("GET", "/v1/claim-files"))["items"]
    count: int = claim_file["documents"]["missing"]
    return count


async def test_rules_of_the_file_apply_at_the_start_and_cannot_be_changed_elsewhere(
    tmp_path: Path,
) -> None:
    async with PlayedClaims360().serve() as base_url:
        async with serving(tmp_path, base_url) as service:
            new = {"repairer": "garage-7", "connector": "claims360", "reference": "R-1"}
            await service.good("POST", "/v1/claim-files", new)
            assert await missing(service) == 0

        async with serving(tmp_path, base_url, RULES) as service:
            refused = await service.ask("PUT", PATH, {"documents": []})
            origin = (await service.good("GET", PATH))["origin"]
            assert (refused.status, refused.code, origin) == (409, "from_file", "file")
            assert await missing(service) == 2

        async with serving(tmp_path, base_url) as service:
            kept = await service.good("GET", PATH)
            assert (kept["origin"], len(kept["documents"])) == ("api", 2)
            assert (await service.good("PUT", PATH, {"documents": []}))["changed"] == 1
            assert await missing(service) == 0
