"""What leaves the wall around a connector's code."""

from __future__ import annotations

import asyncio

import pytest

from syncer.domain.errors import PartnerUnavailableError, SyncerError
from syncer.services.guard import together

OURS = PartnerUnavailableError("The partner is away.")
FOREIGN = KeyError("a mistake of ours")


async def _fails_when_ended(error: Exception, begun: asyncio.Event) -> None:
    begun.set()
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        raise error from None


async def _fails_after(error: Exception, begun: asyncio.Event) -> None:
    await begun.wait()
    raise error


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [(OURS, FOREIGN, FOREIGN), (FOREIGN, OURS, FOREIGN), (OURS, OURS, OURS)],
)
async def test_two_errors_at_once_leave_as_one_that_callers_know(
    first: Exception, second: Exception, raised: Exception
) -> None:
    begun = asyncio.Event()
    with pytest.raises((SyncerError, KeyError)) as caught:
        await together([_fails_when_ended(second, begun), _fails_after(first, begun)])
    assert caught.value is raised


async def test_an_error_leaves_by_itself_and_ends_the_other_calls() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def goes_on() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with pytest.raises(PartnerUnavailableError) as caught:
        await together([goes_on(), _fails_after(OURS, begun)])
    assert caught.value is OURS
    assert ended.is_set()


async def test_being_cancelled_is_no_error_of_the_calls() -> None:
    begun = asyncio.Event()
    waiting = asyncio.ensure_future(together([_fails_after(OURS, asyncio.Event()), _set(begun)]))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def _set(event: asyncio.Event) -> None:
    event.set()
