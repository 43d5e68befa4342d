"""Named places at which a test ends the process, to see what a restart makes of it.

A running host has nobody watching them: no setting, file or environment name can arm one. Only a
program that calls ``watch`` itself, as the tests' own launcher does, hears of them.
"""

from __future__ import annotations

from collections.abc import Callable

_reached: Callable[[str], None] | None = None


def crash_point(name: str) -> None:
    """Pass a named place; may be called from any thread."""
    if _reached is not None:
        _reached(name)


def watch(reached: Callable[[str], None] | None) -> None:
    """Have ``reached`` called with the name of each place that is passed; None ends that."""
    global _reached  # noqa: PLW0603 - one process has one watcher
    _reached = reached
