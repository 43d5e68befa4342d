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
from dataclasses import dataclass, replace
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Self

SAMPLE_SECONDS = 0.1
BLOCKED = timedelta(milliseconds=500)
STUCK = timedelta(seconds=5)
_MOST_FRAMES = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The loop stood still. ``connector`` is whose one call did it, None when it was nobody's.

    ``stack`` names files, lines and functions, innermost last, and no values.
    """

    connector: str | None
    stack: str
    lasted: timedelta


@dataclass(frozen=True, slots=True)
class _Suspect:
    connector: str
    frame: FrameType
    since: float
    until: float


class LoopWatchdog:
    """Reports blocks of the running loop; a context manager used inside it.

    ``packages`` names the connector of each import package (or module) of connector code.
    ``report`` is called on the loop, once for each block, when it is over; ``stuck`` from the
    watching thread, once for a block that reached ``STUCK`` and may never be over; ``lagged``
    from the watching thread, with how late each sign of life came.
    """

    def __init__(
        self,
        packages: Mapping[str, str],
        report: Callable[[Block], None],
        *,
        stuck: Callable[[Block], None] = lambda _: None,
        lagged: Callable[[timedelta], None] = lambda _: None,
        blocked: timedelta = BLOCKED,
    ) -> None:
        self._packages = packages
        self._report = report
        self._blocked = blocked
        self._stuck = stuck
        self._lagged = lagged
        self._alive_at = 0.0
        self._has_ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._suspect: _Suspect | None = None

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
        seen: Block | None = None
        asked_at = self._alive_at
        while not self._has_ended.wait(SAMPLE_SECONDS):
            if self._alive_at >= asked_at:
                late = timedelta(seconds=self._alive_at - asked_at)
                self._lagged(late)
                if seen is not None:
                    block = replace(seen, lasted=late, connector=self._blamed())
                    self._call(loop, self._report, block)
                seen = self._suspect = None
                asked_at = time.monotonic()
                self._call(loop, self._sign)
            else:
                late = timedelta(seconds=time.monotonic() - asked_at)
                self._suspect = self._suspected(thread_id)
                seen = self._look_again(seen, late, thread_id)

    def _look_again(self, seen: Block | None, late: timedelta, thread_id: int) -> Block | None:
        """Look at the stack when the block begins to count, and again when it is stuck."""
        bound = self._blocked if seen is None else STUCK
        if late < bound or (seen is not None and seen.lasted >= STUCK):
            return seen
        block = self._look(thread_id, late)
        if block is not None and late >= STUCK:
            self._stuck(block)
        return block or seen

    def _sign(self) -> None:
        self._alive_at = time.monotonic()

    def _call(
        self, loop: asyncio.AbstractEventLoop, callback: Callable[..., None], *values: Block
    ) -> None:
        try:
            loop.call_soon_threadsafe(callback, *values)
        except RuntimeError:  # the loop is closed: there is nothing left to watch
            self._has_ended.set()

    def _look(self, thread_id: int, late: timedelta) -> Block | None:
        frame = sys._current_frames().get(thread_id)  # noqa: SLF001  its documented name
        if frame is None:
            return None
        stack = traceback.StackSummary.extract(
            traceback.walk_stack(frame), limit=_MOST_FRAMES, lookup_lines=False
        )
        stack.reverse()
        lines = [f"{entry.filename}:{entry.lineno} {entry.name}" for entry in stack]
        return Block(connector=self._blamed(), stack="\n".join(lines), lasted=late)

    def _suspected(self, thread_id: int) -> _Suspect | None:
        """Give the outermost call of a connector on the stack, and since when it is seen there."""
        frame, found = sys._current_frames().get(thread_id), None  # noqa: SLF001  see above
        now = time.monotonic()
        while frame is not None:
            connector = self._connector_of(frame)
            if connector is not None:
                found = _Suspect(connector, frame, since=now, until=now)
            frame = frame.f_back
        known = self._suspect
        if found and known and found.frame is known.frame:
            return replace(known, until=now)
        return found

    def _blamed(self) -> str | None:
        """Give the connector one call of which filled the block.

        A loop that is late because many short callbacks came together is nobody's fault, whoever
        of them is met on the stack.
        """
        suspect = self._suspect
        if suspect is None:
            return None
        seen_for = timedelta(seconds=suspect.until - suspect.since + SAMPLE_SECONDS)
        return suspect.connector if seen_for >= self._blocked else None

    def _connector_of(self, frame: FrameType) -> str | None:
        module = str(frame.f_globals.get("__name__", ""))
        while module:
            connector = self._packages.get(module)
            if connector is not None:
                return connector
            module = module.rpartition(".")[0]
        return None
