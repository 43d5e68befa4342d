"""`syncer mails`: what was written to whom, and what persons may do with it."""

from __future__ import annotations

from typing import Any

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Invocation, command
from syncer.cli.lists import ListsByDefault, filtered_by, show_newest
from syncer.cli.output import instant_cell, plain, styled
from syncer.cli.root import root

COLUMNS = ("written", "id", "repairer", "kind", "to", "state", "reason", "next")


@root.group("mails", cls=ListsByDefault)
def mails() -> None:
    """Look at reminders and status mails, and move those that wait for a person."""


@command(mails, "list")
@filtered_by(
    {
        "state": "queued, sending, sent, retrying, needs_attention, rejected, cancelled; with "
        "commas between.",
        "kind": "reminder, status; with commas between.",
        "repairer": "Repairers, with commas between.",
        "connector": "Connectors, with commas between.",
        "claim-file": "The id of a claim file.",
    }
)
async def list_(invocation: Invocation, limit: int, **filters: Any) -> None:
    """List mails, newest first; all filters apply at once."""
    await show_newest(invocation, "mails", filters, limit, COLUMNS, _row)


@command(mails, "show")
@click.argument("id_", metavar="ID")
async def show(invocation: Invocation, id_: str) -> None:
    """Show one mail with its text."""
    async with ServiceClient(invocation.settings()) as service:
        mail = await service.get(f"/v1/mails/{id_}")
    invocation.output.show(mail, *_lines(mail))


@command(mails, "retry")
@click.argument("id_", metavar="ID")
async def retry(invocation: Invocation, id_: str) -> None:
    """Send one again that was refused, waits or is in doubt."""
    await _move(invocation, id_, "retry", {})


@command(mails, "cancel")
@click.argument("id_", metavar="ID")
async def cancel(invocation: Invocation, id_: str) -> None:
    """Give up one that was not sent."""
    await _move(invocation, id_, "cancel", {})


@command(mails, "resolve")
@click.argument("id_", metavar="ID")
@click.argument("outcome", type=click.Choice(["delivered", "not_delivered"]))
@click.option("--note", default="", help="What was found out, for those who look later.")
async def resolve(invocation: Invocation, id_: str, outcome: str, note: str) -> None:
    """Enter what was found out about one in doubt; what did not arrive is sent again."""
    await _move(invocation, id_, "resolve", {"outcome": outcome, "note": note})


async def _move(invocation: Invocation, id_: str, verb: str, body: Json) -> None:
    async with ServiceClient(invocation.settings()) as service:
        _, mail = await service.call("POST", f"/v1/mails/{id_}/{verb}", body=body)
    line = f"The {plain(mail['kind'])} to {plain(mail['to'])} is {styled(mail['state'])}."
    invocation.output.show(mail, line)


def _row(mail: Json) -> tuple[str, ...]:
    return (
        instant_cell(mail["created_at"]),
        plain(mail["id"]),
        plain(mail["repairer"]),
        plain(mail["kind"]),
        plain(mail["to"]),
        styled(mail["state"]),
        plain(mail["reason"]),
        instant_cell(mail["next_attempt_at"]),
    )


def _lines(mail: Json) -> list[str]:
    return [
        f"{plain(mail['kind'])} to {plain(mail['to'])}: {styled(mail['state'])}",
        f"  reason      {plain(mail['reason'])}",
        f"  claim file  {plain(mail['claim_file'])}",
        f"  written     {instant_cell(mail['created_at'])}",
        f"  next        {instant_cell(mail['next_attempt_at'])}",
        f"  subject     {plain(mail['subject'])}",
        *(f"  {plain(line)}" for line in mail["text"].splitlines()),
    ]
