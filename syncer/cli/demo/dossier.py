"""A dossier on its way to RESTART: what a planning system does, done through the API."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from syncer.cli.client import ServiceClient
from syncer.cli.demo.papers import pdf, photo
from syncer.cli.demo.stage import REPAIRERS, Stage
from syncer.cli.exits import ServiceAnswerError
from syncer.dispatch.ambient import SystemClock
from syncer.domain.errors import SyncerError

Tell = Callable[[str], None]

CONNECTOR = "restart"
LONGEST_SENDING_SECONDS = 30.0
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_TO_BEGIN = 2.0
_UNDER_WAY = frozenset({"queued", "sending", "retrying"})
_MANDATE = ("mandato", "Mandato.pdf")
_PAPERS = (
    ("denuncia", "Denuncia di sinistro.pdf"),
    ("cessione_credito", "Cessione del credito.pdf"),
    ("richiesta_danni", "Richiesta danni.pdf"),
    ("documento_identita", "Carta d'identità.png"),
    ("foto", "Danno anteriore.png"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentDossier:
    """A dossier that was sent; ``state`` is the delivery's, ``refused`` why it first did not go."""

    claim_file: str
    repairer: str
    reference: str
    refused: str | None
    state: str
    number: str | None


async def keep_sending(stage: Stage, tell: Tell) -> None:
    """Send a dossier soon after the start, and tell what comes of it."""
    await asyncio.sleep(_SECONDS_TO_BEGIN)
    try:
        await send_dossier(stage, tell)
    except SyncerError as error:
        tell(f"the dossier for {CONNECTOR}: {error}")


async def send_dossier(stage: Stage, tell: Tell) -> SentDossier | None:
    """Send a dossier, be refused for its missing mandate, and send it with one.

    None where the portal is not played.
    """
    if CONNECTOR not in stage.partners:
        return None
    client, repairer = stage.client, next(iter(REPAIRERS))
    reference = f"DEMO-{SystemClock().now():%y%m%d-%H%M%S}"
    who = f"{repairer}/{CONNECTOR}: dossier {reference}"
    id_ = await _made(client, repairer, reference)
    for type_, name in _PAPERS:
        await _hand_in(client, id_, type_, name)
    refused = None
    try:
        sent = await _send(client, id_, f"{reference}-1")
    except ServiceAnswerError as error:
        if error.code != "documents_missing":
            raise
        refused = str(error).splitlines()[0]
        tell(f"{who} refused: {refused}")
        await _hand_in(client, id_, *_MANDATE)
        sent = await _send(client, id_, f"{reference}-2")
    tell(f"{who} accepted with {len(_PAPERS) + bool(refused)} documents")
    ended = await _ended(client, sent["id"])
    number = (ended.get("receipt") or {}).get("partner_ref")
    tell(f"{who} {ended['state']}" + (f", number {number}" if number else ""))
    return SentDossier(
        claim_file=id_,
        repairer=repairer,
        reference=reference,
        refused=refused,
        state=ended["state"],
        number=number,
    )


async def _made(client: ServiceClient, repairer: str, reference: str) -> str:
    choices = await client.get(f"/v1/repairers/{repairer}/links/{CONNECTOR}/choices/centre")
    body = {
        "repairer": repairer,
        "connector": CONNECTOR,
        "reference": reference,
        "data": {
            "client": {"name": "Rossi Mario", "email": "mario@example.org"},
            "vehicle": {"plate": "AB123CD", "make": "Fiat", "model": "Panda"},
            "loss": {
                "date": "2026-02-21",
                "place": "Torino",
                "vehicles": 2,
                "injuries": False,
                "foreign_counterpart": False,
                "collision": True,
            },
            "channel": "RESTART",
            "centre": choices["items"][0],
        },
    }
    _, made = await client.call("POST", "/v1/claim-files", body=body)
    return str(made["id"])


async def _hand_in(client: ServiceClient, claim_file: str, type_: str, name: str) -> None:
    is_photo = name.endswith(".png")
    content = photo(claim_file + name) if is_photo else pdf(name.removesuffix(".pdf"), claim_file)
    path = f"/v1/claim-files/{claim_file}/documents"
    await client.upload(path, content, name=name, fields={"type": type_})


async def _send(client: ServiceClient, claim_file: str, key: str) -> Any:
    body = {"claim_file": claim_file, "operation": "claim_upload", "payload": {}}
    return (await client.call("POST", "/v1/deliveries", body=body, key=key))[1]


async def _ended(client: ServiceClient, id_: str) -> Any:
    """Wait until a delivery is through or waits for a person."""
    delivery: Any = None
    async with asyncio.timeout(LONGEST_SENDING_SECONDS):
        while delivery is None or delivery["state"] in _UNDER_WAY:
            await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)
            delivery = await client.get(f"/v1/deliveries/{id_}")
    return delivery
