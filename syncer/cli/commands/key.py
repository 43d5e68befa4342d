"""`syncer key init`, `add`, `rewrap` and `retire`: the root key's life."""

from __future__ import annotations

import json
from pathlib import Path

import click

from syncer.cli.exits import Exit
from syncer.cli.host import act
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import key
from syncer.domain.errors import ConfigurationError, ConflictError, NotFoundError

_NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@command(key, "init")
@click.option("--to", "place", type=_NEW_FILE, required=True, help="The file to make.")
async def init(invocation: Invocation, place: Path) -> None:
    """Make the root key of a new installation: 32 random bytes in a file that only you can read.

    Refused when the store holds credentials already; then it is `syncer key add`.
    """
    from syncer.vault import create_key_file

    settings = invocation.settings()
    if await _holds_credentials(invocation):
        text = f"{settings.data_dir} holds credentials; `syncer key add` makes a further key."
        raise ConflictError("credentials_exist", text)
    create_key_file(place)
    file = _absolute(place)
    invocation.output.show(
        {"key_file": file},
        f"Root key  {plain(file)}",
        "",
        "Next:",
        f"  1. Set in the configuration, under {plain('[vault]')}: key_file = {json.dumps(file)}",
        "  2. Back it up apart from the data folder. Without it credentials are lost.",
    )


@command(key, "add")
@click.option("--to", "place", type=_NEW_FILE, required=True, help="The file to make.")
def add(invocation: Invocation, place: Path) -> None:
    """Make a further root key, and say how it becomes the active one."""
    from syncer.vault import create_key_file

    vault = invocation.settings().vault
    if not vault.key_file:
        raise ConfigurationError(
            ["vault.key_file: is not set; `syncer key init` makes the first key"]
        )
    create_key_file(place)
    file = str(place.absolute())
    retired = [vault.key_file, *vault.retired_key_files]
    invocation.output.show(
        {"key_file": file, "retired_key_files": retired},
        f"Root key  {plain(file)}",
        "",
        "Next:",
        f"  1. Write into the configuration, under {plain('[vault]')}:",
        f"       key_file = {json.dumps(file)}",
        f"       retired_key_files = {plain(json.dumps(retired))}",
        "  2. Back the new key up, and start syncer again.",
        "  3. syncer key rewrap",
        "  4. syncer key retire",
    )


@command(key, "rewrap")
async def rewrap(invocation: Invocation) -> int:
    """Move stored credentials over to the active key; may be broken off and repeated.

    Ends with 6 when some could not be opened with the keys that are configured.
    """
    output = invocation.output
    done = await act(
        invocation.settings(),
        "key.rewrap",
        progress=lambda so_far: output.progress(f"{so_far['moved']} moved"),
    )
    left = done["left"]
    rest = (
        f"[red]{left} could not be opened[/]: is a key missing from vault.retired_key_files?"
        if left
        else "`syncer key retire` says whether the old keys may go."
    )
    output.show(done, f"{done['moved']} moved to the active key.", rest)
    return Exit.PARTLY_FAILED if left else Exit.OK


@command(key, "retire")
@click.option("--kid", help="Only this key, by the kid that the audit trail shows.")
async def retire(invocation: Invocation, kid: str | None) -> None:
    """Confirm that the old keys may go; refused while anything is still under one of them."""
    settings = invocation.settings()
    done = await act(settings, "key.retire", kid=kid)
    invocation.output.show(
        done,
        f"Nothing needs {plain(done['retired'])} any more. Take its file out of",
        "vault.retired_key_files. In force now:",
        *[f"  {plain(name)}" for name in settings.vault.retired_key_files],
        "Keep a copy as long as backups from before the rotation are kept.",
    )


@command(key, "give-up")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
async def give_up(invocation: Invocation, yes: bool) -> int:
    """Let the next start take a new root key, because this installation's one is lost.

    Only when no credentials are left under it: reset them first.
    """
    if not yes and _typed("Type lost to give the key up") != "lost":
        click.echo("Nothing was changed.", err=True)
        return Exit.REFUSED
    done = await act(invocation.settings(), "key.give_up")
    invocation.output.show(done, "Given up. Name a new key file and start syncer again.")
    return Exit.OK


async def _holds_credentials(invocation: Invocation) -> bool:
    settings = invocation.settings()
    try:
        return bool((await act(settings, "key.state"))["credentials"])
    except NotFoundError:  # no database yet
        return False


def _typed(question: str) -> str:
    return str(click.prompt(question, err=True, default="", show_default=False)).strip()


def _absolute(place: Path) -> str:
    return str(place.absolute())
