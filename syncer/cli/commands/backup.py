"""`syncer backup` and `syncer restore`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from syncer.cli.exits import Exit
from syncer.cli.host import act
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root

_FOLDER = click.Path(path_type=Path, file_okay=False)
_SHOWN_MISSING = 10
_MIB = 1_048_576


@command(root, "backup")
@click.option(
    "--to", "place", type=_FOLDER, help="Folder of backups; default: backups in the data folder."
)
async def backup(invocation: Invocation, place: Path | None) -> int:
    """Take a backup into a new folder, whether the service runs or not.

    It holds the database and the files, never the root key: keep that apart. Ends with 6 when files
    that the database names were missing or damaged; all others are in it.
    """
    from syncer.bootstrap.actions import BACKUP
    from syncer.bootstrap.places import BACKUPS_FOLDER

    settings = invocation.settings()
    to = (place or settings.data_dir / BACKUPS_FOLDER).absolute()
    taken = await act(settings, BACKUP, to=str(to))
    size = (taken["database_bytes"] + taken["files_bytes"]) / _MIB
    invocation.output.show(
        {**taken, "root_key_included": False},
        f"Backup  {plain(taken['folder'])}",
        f"        {size:,.1f} MiB, {taken['files']} files, schema {plain(taken['schema'])}",
        *_missing(taken),
        "",
        "The root key is [bold]not[/] in it, nor are the configuration and the API token. Without",
        "the root key nobody can open the credentials: keep a copy of it apart from this backup.",
    )
    return Exit.PARTLY_FAILED if taken["missing"] else Exit.OK


@command(root, "restore")
@click.option(
    "--from",
    "place",
    type=_FOLDER,
    required=True,
    help="The folder of one backup, as `syncer backup` printed it.",
)
def restore(invocation: Invocation, place: Path) -> int:
    """Bring a backup into the data folder, which must hold no database; the service is stopped.

    Readers of the change feed are told to list anew (410 feed_reset), because time has gone back.
    Ends with 6 when files are missing.
    """
    from syncer.bootstrap.operating import bring_back

    settings = invocation.settings()
    done = bring_back(settings, place.absolute())
    manifest = done.manifest
    value = {
        "data_dir": str(settings.data_dir),
        "taken_at": manifest.taken_at,
        "version": manifest.version,
        "schema": manifest.schema,
        "files": done.files,
        "missing": done.missing,
    }
    invocation.output.show(
        value,
        f"Restored  {plain(str(settings.data_dir))}, as it was at {plain(manifest.taken_at)}",
        f"          {done.files} files",
        *_missing(value),
        "",
        "Next:",
        "  1. See that vault.key_file names the root key that was in force then.",
        "  2. Start syncer. Credentials that were reset since that moment are back: reset them "
        "again.",
        "  3. Readers of the change feed are told to list anew.",
    )
    return Exit.PARTLY_FAILED if done.missing else Exit.OK


def _missing(value: Mapping[str, Any]) -> Iterator[str]:
    missing = value["missing"]
    if missing:
        yield f"[red]{len(missing)} files that the database names are missing or damaged[/]:"
        yield from (f"  {plain(sha256)}" for sha256 in missing[:_SHOWN_MISSING])
        if len(missing) > _SHOWN_MISSING:
            yield "  ... (--json lists them all)"
