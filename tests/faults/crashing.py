"""The program, made to kill itself at a named point: ``SYNCER_CRASH_AT=point:n``.

The n-th time that the point is passed counts. ``point:n@USR1`` begins to count only when the
process gets SIGUSR1, so that it can be furnished first.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

from syncer.cli import main
from syncer.observability.crash_points import watch


@dataclass
class Crash:
    """Counts how often a point is passed, from any thread, and ends the process."""

    point: str
    left: int
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reached(self, name: str) -> None:
        if name != self.point:
            return
        with self.lock:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def arm(self, *_: Any) -> None:
        watch(self.reached)


def arm(asked: str) -> None:
    """Arm the point that the environment asks for, now or at a signal."""
    at, _, number = asked.partition("@")
    point, _, times = at.partition(":")
    crash = Crash(point, int(times or 1))
    if number:
        signal.signal(signal.Signals[f"SIG{number}"], crash.arm)
    else:
        crash.arm()


def run() -> None:
    """Be the program, armed if that is asked for."""
    if asked := os.environ.get("SYNCER_CRASH_AT"):  # noqa: TID251 - a program of its own
        arm(asked)
    sys.argv[0] = "syncer"
    main()


if __name__ == "__main__":
    run()
