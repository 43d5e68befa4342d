"""`syncer connector list` and `show`: what is installed and what became of it."""

from __future__ import annotations

from collections.abc import Iterator

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain, styled
from syncer.cli.root import connector


@command(connector, "list")
async def list_connectors(invocation: Invocation) -> None:
    """List the installed connectors."""
    async with ServiceClient(invocation.settings()) as service:
        found = await service.all("/v1/connectors")
    invocation.output.table(
        {"items": found, "total": len(found)},
        ("name", "title", "version", "state", "why"),
        [
            (
                plain(each["name"]),
                plain(each.get("title")),
                plain(each.get("version")),
                styled(each["state"]),
                plain(each.get("reason") or each.get("superseded_by")),
            )
            for each in found
        ],
        nothing="No connector is installed.",
    )


@command(connector, "show")
@click.argument("name")
async def show_connector(invocation: Invocation, name: str) -> None:
    """Show one connector: kinds, credential fields, settings."""
    async with ServiceClient(invocation.settings()) as service:
        found = await service.get(f"/v1/connectors/{name}")
    invocation.output.show(found, *_lines(found))


def _lines(found: Json) -> Iterator[str]:
    yield f"[bold]{plain(found.get('title') or found['name'])}[/] ({plain(found['name'])})"
    yield f"State        {styled(found['state'])}"
    if found.get("reason"):
        yield f"Why          {plain(found['reason'])}"
    if found["state"] == "disabled":
        yield f"To enable    set enabled = true under [connectors.{found['name']}]".replace(
            "[", r"\["
        )
        return
    yield f"Version      {plain(found.get('version'))}"
    yield f"Wire format  {plain(found.get('wire_format'))}"
    yield f"Kinds        {plain(found.get('kinds'))}"
    for label, part in (("Credentials", "credentials"), ("Settings", "settings")):
        properties = (found.get(part) or {}).get("properties", {})
        for position, (field, schema) in enumerate(properties.items()):
            text = schema.get("description") or schema.get("title") or ""
            yield f"{label if position == 0 else '':<13}{plain(field)}: {plain(text)}"
