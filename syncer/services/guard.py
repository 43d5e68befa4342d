"""The wall around a connector's code: whatever leaves it is one of our errors, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from syncer.domain.errors import ConnectorFailedError, PartnerTimeoutError, SyncerError
from syncer.observability import Event, get_logger
from syncer.ports.plugins import ConnectorRegistry

T = TypeVar("T")

HUNG = "a call did not end although it was cancelled"

_log = get_logger(__name__)
_left_behind: set[asyncio.Task[Any]] = set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a connector is waited for.

    ``call`` is for one call of it, all its requests and waits included; ``grace`` is how long a
    call that was cancelled may take to end before it counts as hung; ``stop`` is how long passes
    may go on once the program was asked to stop.
    """

    call: timedelta = timedelta(minutes=5)
    grace: timedelta = timedelta(seconds=30)
    stop: timedelta = timedelta(seconds=20)


USUAL_PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class _Watch:
    patience: Patience
    on_hang: Callable[[], None] | None


_watch: ContextVar[_Watch] = ContextVar("connector_watch")
_unwatched = _Watch(USUAL_PATIENCE, None)


@contextmanager
def watched(patience: Patience, on_hang: Callable[[], None]) -> Iterator[None]:
    """Have every guarded call of the block, and of tasks begun in it, watched for hanging.

    A call that swallows its cancelling never comes back: ``on_hang`` is told then, once for each
    such call, and has to do without the result.
    """
    token = _watch.set(_Watch(patience, on_hang))
    try:
        yield
    finally:
        _watch.reset(token)


async def guarded(call: Awaitable[T]) -> T:
    """Await a connector's call.

    ``SystemExit``, ``KeyboardInterrupt`` and a ``CancelledError`` of its own making are held too,
    so that no connector ends the host.

    Raises:
        PartnerTimeoutError: the call did not end within its deadline.
        ConnectorFailedError: the connector let something else than a ``SyncerError`` escape.
    """
    watch = _watch.get(_unwatched)
    patience = watch.patience
    longest = (patience.call + patience.grace).total_seconds()
    hang = watch.on_hang and asyncio.get_running_loop().call_later(longest, watch.on_hang)
    try:
        return await _bounded(call, patience.call)
    except SyncerError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectorFailedError("the connector cancelled itself") from None
    except BaseException as error:
        raise ConnectorFailedError(f"the connector failed with {type(error).__name__}") from error
    finally:
        if hang:
            hang.cancel()


async def _bounded(call: Awaitable[T], longest: timedelta) -> T:
    bound = asyncio.timeout(longest.total_seconds())
    try:
        async with bound:
            return await call
    except TimeoutError:
        if not bound.expired():
            raise
        text = "the connector's call took longer than it may"
        raise PartnerTimeoutError(text) from None


def plainly_guarded(name: str, call: Callable[[], T]) -> T:
    """Give what a connector's plain function gives; ``name`` is the function's.

    Raises:
        ConnectorFailedError: it let anything escape.
    """
    try:
        return call()
    except BaseException as error:
        raise ConnectorFailedError(f"{name} failed with {type(error).__name__}") from error


def purely_guarded(name: str, call: Callable[[], T]) -> T:
    """Give what a connector's plain function gives, or the error that it answers with.

    Raises:
        SyncerError: its answer.
        ConnectorFailedError: it let anything else escape.
    """
    try:
        return call()
    except SyncerError:
        raise
    except BaseException as error:
        raise ConnectorFailedError(f"{name} failed with {type(error).__name__}") from error


async def guarded_apart(call: Awaitable[T], patience: Patience, on_hang: Callable[[], None]) -> T:
    """Await a connector's call in a task of its own, so that one that hangs can be left behind.

    For calls that somebody waits for and that are rare: a task is what it costs.

    Raises:
        PartnerTimeoutError: the call did not end within its deadline, or hangs.
        ConnectorFailedError: the connector let something else than a ``SyncerError`` escape.
    """
    task = asyncio.ensure_future(_under(patience, call))
    try:
        await asyncio.wait({task}, timeout=(patience.call + patience.grace).total_seconds())
    finally:
        if not task.done():
            task.cancel()
            _left_behind.add(task)
            task.add_done_callback(_forget)
    if task.done():
        return task.result()
    on_hang()
    raise PartnerTimeoutError("the connector's call does not end")


async def _under(patience: Patience, call: Awaitable[T]) -> T:
    _watch.set(_Watch(patience, None))
    return await guarded(call)


async def together(calls: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Await calls side by side. The first that fails ends the others, and its error is raised.

    Of several errors one is raised, by itself: what is none of ours before what is.
    """
    try:
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(call)
    except BaseExceptionGroup as failed:
        errors = sorted(failed.exceptions, key=lambda error: isinstance(error, SyncerError))
        raise errors[0] from None


def _forget(task: asyncio.Task[Any]) -> None:
    """Take a late end for what it is; whoever waited has gone on."""
    _left_behind.discard(task)
    if not task.cancelled():
        task.exception()


def set_aside(registry: ConnectorRegistry, connector: str, reason: str) -> None:
    """Quarantine a connector until the next start, and say so."""
    registry.quarantine(connector, f"{reason}; set aside until the next start")
    _log.error(Event.CONNECTOR_QUARANTINED, connector=connector, reason=reason)
