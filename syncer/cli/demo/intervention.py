"""An intervention of Sinapps that was played from the assignment to the invoice."""

from __future__ import annotations

from syncer.cli.client import Json
from syncer.cli.demo.stage import Stage

CONNECTOR = "sinapps"


async def last_intervention(stage: Stage) -> Json | None:
    """Give the claim file of the newest mission that has its invoice, None where there is none."""
    if CONNECTOR not in stage.partners:
        return None
    query: dict[str, str | int | None] = {"connector": CONNECTOR, "state": "invoiced", "limit": 1}
    found = await stage.client.get("/v1/claim-files", query)
    return found["items"][0] if found["items"] else None


def way_text(claim_file: Json) -> str:
    """Give what moved the mission as one line; what changed nothing is left out."""
    steps = [step for step in claim_file["timeline"] if step["from"] != step["to"]]
    return ", ".join(f"{step['event']} -> {step['to']}" for step in steps)
