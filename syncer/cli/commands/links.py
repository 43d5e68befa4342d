"""`syncer links`: every link with its state."""

from __future__ import annotations

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import instant_cell, plain, styled
from syncer.cli.root import root

COLUMNS = (
    "repairer",
    "connector",
    "state",
    "last pass",
    "ended",
    "next pass",
    "records",
    "waiting",
)


@command(root, "links")
@click.option("--repairer", help="Only this repairer.")
@click.option("--connector", help="Only this connector.")
@click.option("--state", help="Only these states, with commas between.")
async def links(
    invocation: Invocation, repairer: str | None, connector: str | None, state: str | None
) -> None:
    """List links: state, last and next pass, counts."""
    wanted = {"repairer": repairer, "connector": connector, "state": state}
    async with ServiceClient(invocation.settings()) as service:
        found = await service.all("/v1/links", wanted)
    invocation.output.table(
        {"items": found, "total": len(found)},
        COLUMNS,
        [_row(each) for each in found],
        nothing="No links. A link is a repairer and an enabled connector; see `syncer doctor`.",
        summary=f"{len(found)} links",
    )


def _row(link: Json) -> tuple[str, ...]:
    last = link.get("last_pass") or {}
    counts = link.get("counts") or {}
    reason = link.get("reason")
    return (
        plain(link["repairer"]),
        plain(link["connector"]),
        styled(link["state"]) + (f" ({plain(reason)})" if reason else ""),
        styled(last.get("state")),
        instant_cell(last.get("ended_at")),
        instant_cell(link.get("next_due_at")),
        plain(counts.get("records", 0)),
        plain(counts.get("queued", 0)),
    )
