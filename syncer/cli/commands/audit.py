"""`syncer audit verify`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import click

from syncer.cli.exits import Exit
from syncer.cli.host import act
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import audit


@command(audit, "verify")
@click.option("--head", help="The newest audit_head that the log names; shows a cut-off end.")
async def verify(invocation: Invocation, head: str | None) -> int:
    """Check that no entry of the audit trail was changed, removed, added or moved.

    Ends with 0 when the trail is intact, with 6 when it is not.
    """
    found = await act(invocation.settings(), "audit.verify", head=head)
    invocation.output.show(found, *_lines(found))
    return Exit.OK if found["intact"] else Exit.PARTLY_FAILED


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    if found["intact"]:
        yield f"[green]Intact[/]: {found['entries']} entries."
    else:
        yield f"[red]Not intact[/]: {plain(found['fault'])} (after {found['entries']} good ones)."
        yield "Keep the database as it is, and find out who could write to it."
    for chain, why in found["unproven"].items():
        yield f"Part {plain(chain)} cannot be proven: {plain(why)}."
    yield f"Head  {plain(found['head'])}"
