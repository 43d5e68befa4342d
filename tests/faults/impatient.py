"""The program, with a second of patience for connectors instead of minutes."""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from syncer.bootstrap import Host, run_until_signal
from syncer.config import load
from syncer.observability import configure_logging
from syncer.services.guard import Patience

PATIENCE = Patience(
    call=timedelta(seconds=1), grace=timedelta(seconds=1), stop=timedelta(seconds=2)
)


async def run(config: Path) -> None:
    """Run the host as ``syncer run`` does."""
    settings = load(config)
    configure_logging(settings.log_level)

    async def tell(host: Host) -> None:
        sys.stdout.write(f"ready at {host.address}\n")
        sys.stdout.flush()

    await run_until_signal(settings, tell, patience=PATIENCE)


def main() -> None:
    """Be the program; the last argument is the configuration file."""
    asyncio.run(run(Path(sys.argv[-1])))
