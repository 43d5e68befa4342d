"""Running until the operator says stop."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable

from syncer.bootstrap.host import Host, running
from syncer.config import Settings
from syncer.observability import Event, get_logger
from syncer.services.guard import USUAL_PATIENCE, Patience

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
KILLED_EXIT_CODE = 130
CANCELLING_SECONDS = 1.0
"""How long what is left after the stop may take to end."""

_log = get_logger(__name__)


async def run_until_signal(
    settings: Settings,
    ready: Callable[[Host], Awaitable[None]],
    *,
    patience: Patience = USUAL_PATIENCE,
) -> None:
    """Run the host; ``ready`` is called once it serves. Returns after a clean stop.

    A second signal while stopping ends the process at once.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(KILLED_EXIT_CODE)
        stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    try:
        async with running(settings, patience=patience) as host:
            await ready(host)
            await stop.wait()
        await _leave_behind_what_hangs()
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)


async def _leave_behind_what_hangs() -> None:
    """End the process here when a task goes on although it is cancelled.

    All is closed by now; only a connector's code can be left, and the event loop would wait for it
    for ever.
    """
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        _, others = await asyncio.wait(others, timeout=CANCELLING_SECONDS)
    if others:
        _log.warning(Event.TASKS_ABANDONED, tasks=sorted(task.get_name() for task in others))
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)
