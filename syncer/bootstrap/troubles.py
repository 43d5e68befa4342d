"""What becomes of connectors that break the rules while they run."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from syncer.dispatch.watchdog import Block
from syncer.observability import Event, get_logger
from syncer.ports.plugins import ConnectorRegistry
from syncer.services.guard import set_aside

_log = get_logger(__name__)

MOST_BLOCKS = 3
LONGEST_BLOCK = timedelta(seconds=5)


@dataclass(slots=True)
class Troubles:
    """Hears of connectors that break the rules, and sets aside those that go on.

    A connector that blocked the loop three times, or once for five seconds, is quarantined.
    """

    registry: ConnectorRegistry
    blocks: dict[str, int] = field(default_factory=dict)

    def work_raised(self, partner: str, error: BaseException) -> None:
        """Note that work let an exception escape."""
        _log.error(Event.UNEXPECTED, connector=partner, exc_info=error)

    def work_hung(self, partner: str) -> None:
        """Set a connector aside whose work goes on although it was cancelled."""
        self.set_aside(partner, "its work did not end although it was cancelled")

    def loop_stuck(self, block: Block) -> None:
        """Note who keeps everybody waiting and may never end; called beside the stuck loop."""
        _report(block)

    def loop_blocked(self, block: Block) -> None:
        """Note who kept everybody waiting."""
        _report(block)
        if block.connector is None:
            return
        times = self.blocks[block.connector] = self.blocks.get(block.connector, 0) + 1
        if times >= MOST_BLOCKS or block.lasted >= LONGEST_BLOCK:
            self.set_aside(block.connector, "it blocked the event loop")

    def set_aside(self, connector: str, reason: str) -> None:
        """Quarantine a connector until the next start."""
        set_aside(self.registry, connector, reason)


def _report(block: Block) -> None:
    _log.warning(
        Event.LOOP_BLOCKED,
        connector=block.connector,
        seconds=block.lasted.total_seconds(),
        stack=block.stack,
    )
