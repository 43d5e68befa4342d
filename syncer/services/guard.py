"""The wall around a connector's code: whatever leaves it is one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from syncer.domain.errors import ConnectorFailedError, SyncerError

T = TypeVar("T")


async def guarded(call: Awaitable[T]) -> T:
    """Await a connector's call.

    ``SystemExit``, ``KeyboardInterrupt`` and a ``CancelledError`` of its own making are held too, so
    that no connector ends the host.

    Raises:
        ConnectorFailedError: the connector let something else than a ``SyncerError`` escape.
    """
    try:
        return await call
    except SyncerError:
        raise
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectorFailedError("the connector cancelled itself") from None
    except BaseException as error:
        raise ConnectorFailedError(f"the connector failed with {type(error).__name__}") from error
