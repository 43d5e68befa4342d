"""Where and when passes execute."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol


class Dispatcher(Protocol):
    """Runs pieces of work within the bounds of this process (or hands them to others)."""

    def start(self, partner: str, work: Callable[[], Awaitable[None]], *, on_demand: bool) -> None:
        """Take a piece of work for a partner and run it as soon as there is room.

        On-demand work goes ahead of scheduled work and has slots of its own. No partner can take
        the room that is kept for the others. ``work`` must not raise.
        """
        ...

    def make_way(self) -> None:
        """Begin no scheduled work for a moment: work that somebody waits for is on its way."""
        ...

    def room(self, partner: str) -> int:
        """Say how many more pieces of a partner's scheduled work make sense now."""
        ...
