"""The wall around a connector's code: whatever leaves it is one of our errors, in bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from syncer.domain.errors import ConnectorFailedError, PartnerTimeoutError, SyncerError

T = TypeVar("T")

CALL_DEADLINE = timedelta(minutes=5)
"""For one call of a connector, all its requests and waits included."""
HANG_GRACE = timedelta(seconds=30)
"""How long a cancelled call may take to end before it counts as hung."""


async def guarded(call: Awaitable[T], *, on_hang: Callable[[], None] | None = None) -> T:
    """Await a connector's call.

    ``SystemExit``, ``KeyboardInterrupt`` and a ``CancelledError`` of its own making are held too,
    so that no connector ends the host. A call that swallows its cancelling never comes back:
    ``on_hang`` is told then, and has to do without the result.

    Raises:
        PartnerTimeoutError: the call did not end within its deadline.
        ConnectorFailedError: the connector let something else than a ``SyncerError`` escape.
    """
    loop = asyncio.get_running_loop()
    hang = on_hang and loop.call_later((CALL_DEADLINE + HANG_GRACE).total_seconds(), on_hang)
    try:
        return await _bounded(call)
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


async def _bounded(call: Awaitable[T]) -> T:
    bound = asyncio.timeout(CALL_DEADLINE.total_seconds())
    try:
        async with bound:
            return await call
    except TimeoutError:
        if not bound.expired():
            raise
        text = "the connector's call took longer than it may"
        raise PartnerTimeoutError(text) from None
