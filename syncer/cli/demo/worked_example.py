"""A claim file's life in the planning system: the worked example of DARVA, through the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from syncer.cli.client import Json, ServiceClient
from syncer.cli.demo.stage import Stage
from syncer.domain.errors import SyncerError
from syncer.domain.lifecycles import LocalEvent

Tell = Callable[[str], None]

CONNECTOR = "darva"
LONGEST_WAIT_SECONDS = 60.0
_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_BETWEEN_STEPS = 2.0
_STEPS = (
    (LocalEvent.LINKED_TO_SALES_DOCUMENT, "INV-1", "an invoice is made with it"),
    (LocalEvent.CREDIT_NOTE_CREATED, "CN-1", "a credit note is made"),
    (LocalEvent.CANCELLED_BY_HAND, None, "it is cancelled by hand"),
    (LocalEvent.CREDIT_NOTE_DELETED, "CN-1", "the credit note is deleted"),
)


async def keep_living(stage: Stage, tell: Tell) -> None:
    """Let the example go by once a notice has come, and tell its steps and its timeline."""
    if CONNECTOR not in stage.partners:
        return
    try:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            chosen = await _first_selectable(stage.client)
        lived = await _live(stage.client, chosen, tell, seconds_between=_SECONDS_BETWEEN_STEPS)
    except (SyncerError, TimeoutError) as error:
        tell(f"the worked example of {CONNECTOR}: {error}")
    else:
        tell(f"{_name(lived)}: {timeline_text(lived)}")


async def live_once(stage: Stage, tell: Tell) -> Json | None:
    """Let the example go by with a file that is there; gives it, None where there is none."""
    if CONNECTOR not in stage.partners:
        return None
    chosen = await _selectable(stage.client)
    return await _live(stage.client, chosen, tell, seconds_between=0) if chosen else None


def timeline_text(claim_file: Json) -> str:
    """Give a file's timeline as one line: what moved it where."""
    steps = [f"{step['event']} -> {step['to']}" for step in claim_file["timeline"]]
    return ", ".join(steps)


async def _first_selectable(client: ServiceClient) -> Json:
    while True:
        chosen = await _selectable(client)
        if chosen is not None:
            return chosen
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


async def _selectable(client: ServiceClient) -> Json | None:
    query: dict[str, str | int | None] = {"connector": CONNECTOR, "selectable": "true", "limit": 1}
    found = await client.get("/v1/claim-files", query)
    return found["items"][0] if found["items"] else None


async def _live(client: ServiceClient, file: Json, tell: Tell, *, seconds_between: float) -> Json:
    lived: Any = file
    for event, document, words in _STEPS:
        body = {"event": event} | ({"sales_document": document} if document else {})
        _, lived = await client.call("POST", f"/v1/claim-files/{file['id']}/events", body=body)
        tell(f"{_name(lived)}: {words}, {lived['state']}")
        await asyncio.sleep(seconds_between)
    known: Json = lived
    return known


def _name(claim_file: Json) -> str:
    return f"{claim_file['repairer']}/{claim_file['connector']} claim {claim_file['reference']}"
