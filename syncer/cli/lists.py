"""Lists on the command line: the newest of something, with its filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Function, Invocation

MOST_IN_A_PAGE = 500


class ListsByDefault(click.Group):
    """Lists when no other command is named, with the options of the list."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put ``list`` before what names no command."""
        if not args or (args[0].startswith("-") and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def filtered_by(filters: dict[str, str]) -> Callable[[Function], Function]:
    """Give a list the options of its filters, by name with their help, and ``--limit``."""

    def give(function: Function) -> Function:
        limit = click.IntRange(1, 10_000)
        click.option("--limit", type=limit, default=50, show_default=True)(function)
        for name, text in reversed(filters.items()):
            click.option(f"--{name}", help=text)(function)
        return function

    return give


async def show_newest(
    invocation: Invocation,
    things: str,
    filters: Mapping[str, Any],
    limit: int,
    columns: Sequence[str],
    row: Callable[[Json], Sequence[str]],
) -> None:
    """Show the newest ``limit`` of the list at ``/v1/<things>`` as a table."""
    path = f"/v1/{things}"
    async with ServiceClient(invocation.settings()) as service:
        page = await service.get(path, {**filters, "limit": min(limit, MOST_IN_A_PAGE)})
        items = page["items"]
        if page["next"] and limit > len(items):
            items = await service.all(path, filters, most=limit)
    invocation.output.table(
        {"items": items, "total": page["total"]},
        columns,
        [row(each) for each in items],
        nothing=f"No {things} match.",
        summary=f"{len(items)} of {page['total']}",
    )
