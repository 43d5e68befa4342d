"""`syncer run`: everything in one process."""

from __future__ import annotations

import os
from typing import Any

import click

from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root

_OWNER_ONLY = 0o077


@command(root, "run")
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65_535), help="TCP port; 0 takes a free one.")
@click.option("--socket", help="Unix socket to listen on instead.")
@click.option("--data-dir", help="Folder for database, files and API token.")
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]))
async def run(invocation: Invocation, **options: Any) -> None:
    """Run the host until SIGTERM or Ctrl-C; prints one line with the address when it is ready."""
    from syncer.bootstrap import Host, run_until_signal
    from syncer.observability import configure_logging
    from syncer.vault import harden_process

    settings = invocation.settings(
        server__host=options["host"],
        server__port=_text(options["port"]),
        server__socket=options["socket"],
        data_dir=options["data_dir"],
        log_level=options["log_level"],
    )
    harden_process()
    os.umask(_OWNER_ONLY)
    configure_logging(settings.log_level)
    output = invocation.output
    for notice in settings.notices:
        output.progress(f"[yellow]note:[/] {plain(notice)}")

    async def tell(host: Host) -> None:
        output.show({"address": host.address}, f"syncer is ready at {plain(host.address)}")

    await run_until_signal(settings, tell)


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
