"""`syncer status`: whether the service is well, at a glance."""

from __future__ import annotations

from collections import Counter

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.exits import Exit
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain, styled
from syncer.cli.root import root

LEAVING = ("deliveries", "mails")
UNDER_WAY = "queued,sending,retrying"


@command(root, "status")
@click.option("--alive", is_flag=True, help="Only whether it answers; for health checks.")
async def status(invocation: Invocation, alive: bool) -> int:
    """Say whether the service is ready, how its links are, and what is to leave.

    Ends with 0 when it is ready, with 3 when it runs but is not (a sealed vault, for instance).
    """
    if alive:
        return await _alive(invocation)
    async with ServiceClient(invocation.settings()) as service:
        readiness, body = await service.status_of("/readyz")
        connectors = await service.all("/v1/connectors")
        links = await service.all("/v1/links")
        under_way = {things: await _under_way(service, things) for things in LEAVING}
        attention = (await service.get("/v1/attention", {"limit": 1}))["total"]
        address = service.address
    is_ready = readiness == 200
    states = Counter(str(link["state"]) for link in links)
    value = {
        "address": address,
        "ready": is_ready,
        "reason": None if is_ready else _reason(body),
        "connectors": {each["name"]: each["state"] for each in connectors},
        "links": dict(sorted(states.items())),
        "under_way": under_way,
        "attention": attention,
    }
    shown = ", ".join(f"{count} {styled(state)}" for state, count in sorted(states.items()))
    invocation.output.show(
        value,
        f"Service     {address}",
        "Ready       " + ("[green]yes[/]" if is_ready else f"[red]no[/]: {plain(value['reason'])}"),
        "Connectors  "
        + (", ".join(f"{plain(c['name'])} {styled(c['state'])}" for c in connectors) or "none"),
        f"Links       {shown or 'none'}",
        "Under way   " + ", ".join(f"{count} {things}" for things, count in under_way.items()),
        f"Attention   {attention}" + ("  (`syncer attention` lists them)" if attention else ""),
    )
    return Exit.OK if is_ready else Exit.CONFIGURATION


async def _under_way(service: ServiceClient, things: str) -> int:
    page = await service.get(f"/v1/{things}", {"state": UNDER_WAY, "limit": 1})
    return int(page["total"])


async def _alive(invocation: Invocation) -> int:
    async with ServiceClient(invocation.settings()) as service:
        await service.get("/healthz")
        invocation.output.show({"alive": True}, f"Alive at {plain(service.address)}")
    return Exit.OK


def _reason(body: Json) -> str:
    return str(body.get("detail") or body.get("reason") or body.get("code") or "unknown")
