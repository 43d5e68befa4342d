"""`syncer attention`: everything that needs a person."""

from __future__ import annotations

from syncer.cli.client import ServiceClient
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import instant_cell, plain
from syncer.cli.root import root


@command(root, "attention")
async def attention(invocation: Invocation) -> None:
    """List what needs a person, and what to do about it. An entry goes when its cause goes."""
    async with ServiceClient(invocation.settings()) as service:
        found = await service.all("/v1/attention")
    invocation.output.table(
        {"items": found, "total": len(found)},
        ("since", "kind", "link", "what", "what to do"),
        [
            (
                instant_cell(each.get("since")),
                plain(each["kind"]),
                plain("/".join(filter(None, (each.get("repairer"), each.get("connector"))))),
                plain(each["text"]),
                plain(each["action"]),
            )
            for each in found
        ],
        nothing="Nothing needs a person.",
    )
