"""`syncer audit verify`."""

from __future__ import annotations

from syncer.cli.exits import Exit
from syncer.cli.host import act
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import audit


@command(audit, "verify")
async def verify(invocation: Invocation) -> int:
    """Check that no entry of the audit trail was changed, removed, added or moved."""
    found = await act(invocation.settings(), "audit.verify")
    if found["intact"]:
        invocation.output.show(found, f"[green]Intact[/]: {found['entries']} entries.")
        return Exit.OK
    invocation.output.show(
        found,
        f"[red]Not intact[/]: {plain(found['fault'])}.",
        "Keep the database as it is and look who could write to it.",
    )
    return Exit.PARTLY_FAILED
