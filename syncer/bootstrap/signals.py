"""Running until the operator says stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

from syncer.bootstrap.host import Host, running
from syncer.config import Settings
from syncer.services.guard import USUAL_PATIENCE, Patience

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
KILLED_EXIT_CODE = 130


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
    finally:
        for number in STOP_SIGNALS:
            loop.remove_signal_handler(number)
