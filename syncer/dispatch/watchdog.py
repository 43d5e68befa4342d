"""Watches the event loop from a thread and says what blocked it.

One connector that computes or waits without ``await`` stops everybody. The loop cannot see that
itself, so a thread asks it for a sign of life and reads the stack of the loop's thread while the
sign is missing.
"""

from __future__ import annotations

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Self

SAMPLE_SECONDS = 0.1
BLOCKED = timedelta(milliseconds=500)
_MOST_FRAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The loop stood still. ``connector`` is whose code was running, None for our own.

    ``stack`` names files, lines and functions, innermost last, and no values.
    """

    connector: str | None
    stack: str
    lasted: timedelta


class LoopWatchdog:
    """Reports blocks of the running loop; a context manager used inside it.

    ``packages`` names the connector of each import package (or module) of connector code.
    ``report`` is called on the loop, once for each block, when it is over. ``lag_seconds`` is how
    late the loop was last time it was asked for a sign of life.
    """

    def __init__(
        self,
        packages: Mapping[str, str],
        report: Callable[[Block], None],
        *,
        blocked: timedelta = BLOCKED,
    ) -> None:
        self._packages = packages
        self._report = report
        self._blocked_seconds = blocked.total_seconds()
        self.lag_seconds = 0.0
        self._alive_at = 0.0
        self._has_ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._alive_at = time.monotonic()
        self._has_ended.clear()
        self._thread = threading.Thread(
            target=self._watch,
            args=(asyncio.get_running_loop(), threading.get_ident()),
            name="loop-watchdog",
            daemon=True,
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._has_ended.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, loop: asyncio.AbstractEventLoop, thread_id: int) -> None:
        seen: tuple[str | None, str] | None = None
        asked_at = time.monotonic()
        self._alive_at = asked_at
        while not self._has_ended.wait(SAMPLE_SECONDS):
            if self._alive_at >= asked_at:
                self.lag_seconds = self._alive_at - asked_at
                if seen is not None:
                    self._tell(loop, seen, self.lag_seconds)
                seen = None
                asked_at = time.monotonic()
                self._call(loop, self._sign)
            elif seen is None and time.monotonic() - asked_at >= self._blocked_seconds:
                seen = self._look(thread_id)

    def _sign(self) -> None:
        self._alive_at = time.monotonic()

    def _tell(
        self, loop: asyncio.AbstractEventLoop, seen: tuple[str | None, str], seconds: float
    ) -> None:
        connector, stack = seen
        block = Block(connector=connector, stack=stack, lasted=timedelta(seconds=seconds))
        self._call(loop, self._report, block)

    def _call(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *values: Block
    ) -> None:
        try:
            loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:  # the loop is closed: there is nothing left to watch
            self._has_ended.set()

    def _look(self, thread_id: int) -> tuple[str | None, str] | None:
        frame = sys._current_frames().get(thread_id)  # noqa: SLF001  its documented name
        if frame is None:
            return None
        stack = traceback.StackSummary.extract(
            traceback.walk_stack(frame), limit=_MOST_FRAMES, lookup_lines=False
        )
        stack.reverse()
        lines = [f"{entry.filename}:{entry.lineno} {entry.name}" for entry in stack]
        return self._connector_of(frame), "\n".join(lines)

    def _connector_of(self, frame: FrameType | None) -> str | None:
        """Give whose code is innermost on the stack."""
        while frame is not None:
            module = str(frame.f_globals.get("__name__", ""))
            while module:
                connector = self._packages.get(module)
                if connector is not None:
                    return connector
                module = module.rpartition(".")[0]
            frame = frame.f_back
        return None
