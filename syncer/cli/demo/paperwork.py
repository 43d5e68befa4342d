"""Papers that are missing: the client is reminded, they come in, and the file leaves by mail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from syncer.cli.client import Json, ServiceClient
from syncer.cli.demo.papers import pdf
from syncer.cli.demo.stage import REPAIRERS, Stage
from syncer.cli.exits import ServiceAnswerError
from syncer.domain.errors import SyncerError

Tell = Callable[[str], None]

CONNECTOR, OFFICE = "assur3d", "claims_mail"
LONGEST_WAIT_SECONDS = 60.0
LONGEST_SENDING_SECONDS = 30.0
CLAIMS_OFFICE = "sinistres@assureur.example"
_SECONDS_BETWEEN_LOOKS = 0.2
_UNDER_WAY = frozenset({"queued", "sending", "retrying"})


async def keep_reminding(stage: Stage, tell: Tell) -> None:
    """Complete one file once there is one that misses papers, and tell the steps."""
    if not _is_played(stage):
        return
    try:
        async with asyncio.timeout(LONGEST_WAIT_SECONDS):
            await _first_incomplete(stage.client)
        await complete_once(stage, tell)
    except (SyncerError, TimeoutError) as error:
        tell(f"the missing papers of {CONNECTOR}: {error}")


async def complete_once(stage: Stage, tell: Tell) -> Json | None:
    """Remind, hand in, deposit, and send to a claims office; None where nothing is missing."""
    claim_file = await _incomplete(stage.client) if _is_played(stage) else None
    if claim_file is None:
        return None
    client, name = stage.client, _name(claim_file)
    listed = await client.get(f"/v1/claim-files/{claim_file['id']}/documents")
    missing = [row for row in listed["items"] if row["state"] == "missing" and row["required"]]
    tell(f"{name} misses {', '.join(row['label'] for row in missing)}")
    reminder = await _remind(client, claim_file["id"])
    tell(f"{name}: reminder {reminder or 'not sent again'}")
    documents = [await _hand_in(client, claim_file["id"], row) for row in missing]
    deposits = [
        await _send(client, claim_file["id"], "deposit", {"document_type": type_}, document)
        for type_, document in documents
    ]
    known: Any = await client.get(f"/v1/claim-files/{claim_file['id']}")
    tell(f"{name}: {len(deposits)} documents handed in, complete: {known['documents']['complete']}")
    payload = {"to": CLAIMS_OFFICE, "language": "fr"}
    ids = [document for _, document in documents]
    mailed = await _send(client, claim_file["id"], "claim_upload", payload, *ids, to=OFFICE)
    tell(f"{name}: sent to {CLAIMS_OFFICE}, {mailed['state']}")
    return {
        "repairer": claim_file["repairer"],
        "reference": claim_file["reference"],
        "missing": [row["label"] for row in missing],
        "reminder": reminder,
        "deposits": [deposit["state"] for deposit in deposits],
        "complete": known["documents"]["complete"],
        "mailed": mailed["state"],
    }


def _is_played(stage: Stage) -> bool:
    return {CONNECTOR, OFFICE} <= stage.partners.keys()


async def _first_incomplete(client: ServiceClient) -> Json:
    while True:
        claim_file = await _incomplete(client)
        if claim_file is not None:
            return claim_file
        await asyncio.sleep(1.0)


async def _incomplete(client: ServiceClient) -> Json | None:
    query: dict[str, str | int | None] = {
        "connector": CONNECTOR,
        "repairer": next(iter(REPAIRERS)),
        "missing_documents": "yes",
        "limit": 1,
    }
    found = await client.get("/v1/claim-files", query)
    return found["items"][0] if found["items"] else None


async def _remind(client: ServiceClient, claim_file: str) -> str | None:
    """Remind the client; None when that was done within the day."""
    reminders = f"/v1/claim-files/{claim_file}/reminders"
    body = {"language": "fr"}
    try:
        _, accepted = await client.call("POST", reminders, body=body, key=f"remind-{claim_file}")
    except ServiceAnswerError as error:
        if error.code != "reminded_recently":
            raise
        return None
    return str((await _ended(client, f"/v1/mails/{accepted['id']}"))["state"])


async def _hand_in(client: ServiceClient, claim_file: str, row: Json) -> tuple[str, str]:
    """Hand in what is missing; gives type and document."""
    type_, label = str(row["type"]), str(row["label"])
    path = f"/v1/claim-files/{claim_file}/documents"
    content = pdf(label, claim_file)
    _, made = await client.upload(path, content, name=f"{label}.pdf", fields={"type": type_})
    return type_, str(made["id"])


async def _send(
    client: ServiceClient,
    claim_file: str,
    operation: str,
    payload: Json,
    *documents: str,
    to: str = CONNECTOR,
) -> Json:
    body: Json = {"claim_file": claim_file, "connector": to, "operation": operation}
    body |= {"payload": payload, "attachments": list(documents)}
    key = f"{operation}-{'-'.join(documents)}"
    _, accepted = await client.call("POST", "/v1/deliveries", body=body, key=key)
    return await _ended(client, f"/v1/deliveries/{accepted['id']}")


async def _ended(client: ServiceClient, path: str) -> Json:
    """Wait until a mail or a delivery is through, or waits for a person."""
    known: Any = None
    async with asyncio.timeout(LONGEST_SENDING_SECONDS):
        while known is None or known["state"] in _UNDER_WAY:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            known = await client.get(path)
    ended: Json = known
    return ended


def _name(claim_file: Json) -> str:
    return f"{claim_file['repairer']}/{claim_file['connector']} {claim_file['reference']}"
