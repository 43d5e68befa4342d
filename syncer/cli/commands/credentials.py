"""`syncer credentials put`, `show` and `reset`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.exits import Exit
from syncer.cli.host import act
from syncer.cli.invocation import Function, Invocation, command
from syncer.cli.output import instant_cell, plain
from syncer.cli.root import credentials


def _link_options(function: Function) -> Function:
    click.option("--connector", required=True, help="The connector.")(function)
    click.option("--repairer", required=True, help="The repairer.")(function)
    return function


@command(credentials, "put")
@_link_options
@click.option(
    "--verify/--no-verify",
    default=True,
    show_default=True,
    help="Ask the partner first; a wrong key could not be changed afterwards.",
)
async def put(invocation: Invocation, repairer: str, connector: str, verify: bool) -> None:
    """Register the credentials of a link. It is done once; they cannot be changed or read back.

    They are asked for, without showing what you type; or read from standard input, as a JSON object
    or as lines name=value. Never put them into the command itself: others could see them there.
    """
    path = f"/v1/repairers/{repairer}/links/{connector}/credentials"
    async with ServiceClient(invocation.settings()) as service:
        fields = (await service.get(f"/v1/connectors/{connector}"))["credentials"]["properties"]
        prefilled = (await service.get(f"/v1/repairers/{repairer}"))["prefilled"].get(connector, {})
        values = _from_prompt(fields, prefilled) if sys.stdin.isatty() else _from_lines(sys.stdin)
        _, stored = await service.call(
            "PUT", path, query={"verify": None if verify else "skip"}, body=values
        )
    invocation.output.show(
        stored,
        f"Registered for {plain(repairer)}/{plain(connector)}: {plain(stored['fields'])}.",
        "The first scheduled pass comes by itself; `syncer refresh` starts one now.",
    )


def _from_prompt(fields: Json, prefilled: Json) -> dict[str, str]:
    values = {}
    for name, schema in fields.items():
        if name in prefilled:
            click.echo(f"{schema.get('title') or name}: {prefilled[name]} (prefilled)", err=True)
            continue
        is_secret = schema.get("format") == "password" or schema.get("writeOnly") is True
        values[name] = click.prompt(schema.get("title") or name, hide_input=is_secret, err=True)
    return values


def _from_lines(lines: Iterable[str]) -> dict[str, Any]:
    text = "".join(lines)
    if text.lstrip().startswith("{"):
        try:
            values = json.loads(text)
        except ValueError:
            raise click.UsageError("Standard input is not a JSON object.") from None
        return dict(values)
    pairs = [line.partition("=") for line in text.splitlines() if line.strip()]
    if not pairs or any(not equals for _, equals, _ in pairs):
        raise click.UsageError("Standard input must be a JSON object, or lines name=value.")
    return {name.strip(): value.strip() for name, _, value in pairs}


@command(credentials, "show")
@_link_options
async def show(invocation: Invocation, repairer: str, connector: str) -> None:
    """Say whether credentials are registered, since when, and which fields; never a value."""
    async with ServiceClient(invocation.settings()) as service:
        found = await service.get(f"/v1/repairers/{repairer}/links/{connector}/credentials")
    if not found["configured"]:
        invocation.output.show(found, "Not registered.")
        return
    invocation.output.show(
        found,
        f"Registered   {instant_cell(found['created_at'])}",
        f"Fields       {plain(found['fields'])}",
        f"Generation   {found['generation']}",
    )


@command(credentials, "reset")
@_link_options
@click.option("--ticket", required=True, help="The helpdesk ticket that asks for it.")
@click.option("--reason", required=True, help="Why, in words.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
async def reset(
    invocation: Invocation, repairer: str, connector: str, ticket: str, reason: str, yes: bool
) -> int:
    """Destroy a link's credentials so that new ones can be registered. Audited; not undone.

    Works on the service's own machine only, whether the service runs or not. Data and the place
    where the next pass starts stay.
    """
    link = f"{repairer}/{connector}"
    if not yes:
        typed = click.prompt(
            f"Type {link} to destroy its credentials", err=True, default="", show_default=False
        )
        if typed.strip() != link:
            click.echo("That is not the link's name; nothing was changed.", err=True)
            return Exit.REFUSED
    done = await act(
        invocation.settings(),
        "credentials.reset",
        repairer=repairer,
        connector=connector,
        ticket=ticket,
        reason=reason,
    )
    lines = [
        f"The credentials of {plain(link)} are destroyed; new ones can be registered.",
        "Backups made before now still hold the sealed old ones.",
    ]
    if done["vault_sealed"]:
        lines.append("The vault is sealed: new ones can be registered once a root key is there.")
    if done["key_given_up"]:
        lines.append("None are left under the lost root key; the next start takes a new one.")
    invocation.output.show(done, *lines)
    return Exit.OK
