"""Life at the played partners: one thing happens after another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import cycle

from syncer.cli.demo.stage import Stage

SECONDS_BETWEEN = 3.0


async def let_live(stage: Stage, tell: Callable[[str], None]) -> None:
    """Let things happen until cancelled."""
    for name, partner in cycle(stage.partners.items()):
        await asyncio.sleep(SECONDS_BETWEEN)
        tell(f"at {name}, {partner.live()}")
