"""`syncer deliveries`: what leaves, what became of it, and what persons may do with it."""

from __future__ import annotations

from typing import Any

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Invocation, command
from syncer.cli.lists import ListsByDefault, filtered_by, show_newest
from syncer.cli.output import instant_cell, plain, styled
from syncer.cli.root import root

COLUMNS = ("accepted", "id", "repairer", "connector", "operation", "state", "reason", "next")
_FILTERS = {
    "state": "queued, sending, sent, delivered, retrying, needs_attention, rejected, blocked, "
    "cancelled; with commas between.",
    "operation": "Operations, with commas between.",
    "repairer": "Repairers, with commas between.",
    "connector": "Connectors, with commas between.",
    "claim-file": "Ids of claim files, with commas between.",
}


@root.group("deliveries", cls=ListsByDefault)
def deliveries() -> None:
    """Look at deliveries, and move those that wait for a person."""


@command(deliveries, "list")
@filtered_by(_FILTERS)
async def list_(invocation: Invocation, limit: int, **filters: Any) -> None:
    """List deliveries, newest first; all filters apply at once."""
    await show_newest(invocation, "deliveries", filters, limit, COLUMNS, _row)


@command(deliveries, "show")
@click.argument("id_", metavar="ID")
async def show(invocation: Invocation, id_: str) -> None:
    """Show one delivery with its files, attempts and receipt."""
    async with ServiceClient(invocation.settings()) as service:
        delivery = await service.get(f"/v1/deliveries/{id_}")
    invocation.output.show(delivery, *_lines(delivery))


@command(deliveries, "retry")
@click.argument("id_", metavar="ID")
async def retry(invocation: Invocation, id_: str) -> None:
    """Make another attempt now: of one that is retrying, rejected, blocked or needs attention."""
    await _move(invocation, id_, "retry", {})


@command(deliveries, "cancel")
@click.argument("id_", metavar="ID")
async def cancel(invocation: Invocation, id_: str) -> None:
    """Take back one that is queued or retrying."""
    await _move(invocation, id_, "cancel", {})


@command(deliveries, "resolve")
@click.argument("id_", metavar="ID")
@click.argument("outcome", type=click.Choice(["delivered", "not_delivered"]))
@click.option("--note", help="What was found out, for those who look later.")
async def resolve(invocation: Invocation, id_: str, outcome: str, note: str | None) -> None:
    """Enter what was found out at the partner; what was not delivered is sent again."""
    body = {"outcome": outcome, "note": note}
    await _move(invocation, id_, "resolve", {k: v for k, v in body.items() if v is not None})


async def _move(invocation: Invocation, id_: str, verb: str, body: Json) -> None:
    async with ServiceClient(invocation.settings()) as service:
        _, delivery = await service.call("POST", f"/v1/deliveries/{id_}/{verb}", body=body)
    line = f"{plain(delivery['operation'])} is {styled(delivery['state'])}."
    invocation.output.show(delivery, line)


def _row(delivery: Json) -> tuple[str, ...]:
    return (
        instant_cell(delivery["accepted_at"]),
        plain(delivery["id"]),
        plain(delivery["repairer"]),
        plain(delivery["connector"]),
        plain(delivery["operation"]),
        styled(delivery["state"]),
        plain(delivery["reason"]),
        instant_cell(delivery["next_attempt_at"]),
    )


def _lines(delivery: Json) -> list[str]:
    lines = [
        (
            f"{plain(delivery['operation'])} to {plain(delivery['connector'])} for "
            f"{plain(delivery['repairer'])}: {styled(delivery['state'])}"
        ),
        f"  reason      {plain(delivery['reason'])}",
        f"  claim file  {plain(delivery['claim_file'])}",
        f"  accepted    {instant_cell(delivery['accepted_at'])}",
        f"  next        {instant_cell(delivery['next_attempt_at'])}",
    ]
    lines += [
        f"  file        {plain(file['name'])}, {plain(file['content_type'])}, {file['bytes']} bytes"
        for file in delivery["attachments"]
    ]
    lines += [
        f"  attempt     {instant_cell(attempt['at'])} {plain(attempt['outcome'])} "
        f"{plain(attempt['code'])} {plain(attempt['text'])}"
        for attempt in delivery["attempts"]
    ]
    receipt = delivery["receipt"]
    if receipt is not None:
        lines.append(
            f"  receipt     {instant_cell(receipt['at'])} {plain(receipt['partner_ref'])}"
            + (f", still missing: {plain(receipt['incomplete'])}" if receipt["incomplete"] else "")
        )
    return lines
