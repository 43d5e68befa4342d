"""Keeping secrets of this process out of core dumps and away from other users' debuggers."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # prctl(2)


def harden_process() -> None:
    """Forbid core dumps, and on Linux also reading of the memory by the same user's programs.

    Python cannot wipe memory: a secret that was opened stays there until it is overwritten by
    chance. This only keeps it from being written down or read out.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
