"""`syncer demo`: everything real but the partners."""

from __future__ import annotations

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from syncer.cli.demo.narrating import narrate
from syncer.cli.demo.once import pass_once
from syncer.cli.demo.stage import LIVE_INTERVAL, ONCE_INTERVAL, set_up
from syncer.cli.demo.view import watch
from syncer.cli.exits import Exit
from syncer.cli.invocation import Invocation, command
from syncer.cli.root import root


@command(root, "demo")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the demo's data here; default: a folder that goes with the demo.",
)
@click.option("--once", is_flag=True, help="Make one pass over every link, print it, and end.")
async def demo(invocation: Invocation, data_dir: Path | None, once: bool) -> int:
    """Run the host against played partners: no configuration, no account, no network.

    On a terminal it shows a live view; into a pipe it prints plain lines. With --once it ends with
    0, or with 6 when a part failed.
    """
    output = invocation.output
    with _folder(data_dir) as folder:
        interval = ONCE_INTERVAL if once else LIVE_INTERVAL
        async with set_up(folder, interval=interval) as stage:
            if once:
                return await pass_once(stage, output)
            console = output.console
            show = watch if console.is_terminal else narrate
            await _until_stopped(asyncio.create_task(show(stage, console)))
    return Exit.OK


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given.absolute()
        return
    with tempfile.TemporaryDirectory(prefix="syncer-demo-") as made:
        yield Path(made)


async def _until_stopped(showing: asyncio.Task[None]) -> None:
    """Wait for Ctrl-C or SIGTERM, or until showing fails."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, showing.cancel)
    try:
        await showing
    except asyncio.CancelledError:
        if not showing.cancelled():
            raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
