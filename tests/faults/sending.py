"""Outboxes in processes of their own: each accepts deliveries, sends what is due, and ends.

Reads lines ``STORE BASE_URL OPERATIONS [POINT:N]`` and forks a process for each, since a new one
would read the whole program again. Says ``began PID``, ``accepted ID`` and ``ended CODE``; one with
a point kills itself the n-th time that it passes it.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.domain.deliveries import MOVING, DeliveryFilter
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import Credentials, Delivery, Link, Receipt, Settings
from syncer.store import open_store, sqlite_url
from syncer.store.blobs import FileBlobStore
from tests.faults.crashing import arm
from tests.outbox.office import Office, PaperConnector

LONGEST_SECONDS = 60.0
STATES = tuple(state.value for state in MOVING)


class NoMemory:
    """A breaker memory of a first start."""

    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        """Keep nothing."""


class NoJitter:
    """A chance that never makes anybody wait."""

    def uniform(self, low: float, _high: float) -> float:
        return low


class PostingConnector(PaperConnector):
    """Posts what it is given; only keyed ones carry a key that the partner honours."""

    async def deliver(self, link: Link[Credentials, Settings], delivery: Delivery[Any]) -> Receipt:
        operation = delivery.operation.name
        headers = {"Idempotency-Key": delivery.key} if operation == "keyed" else {}
        path = f"/{operation}/{delivery.id}"
        answer = await link.http.request("POST", path, headers=headers, body=b"{}")
        if operation == "keyed":
            await delivery.note("posted", True)
        return Receipt(raw={"status": answer.status})

    async def look_up(
        self, link: Link[Credentials, Settings], delivery: Delivery[Any]
    ) -> Receipt | None:
        path = f"/{delivery.operation.name}/{delivery.id}"
        answer = await link.http.request("GET", path, accept={200, 404})
        return Receipt(raw={"status": answer.status}) if answer.status == 200 else None


async def work(file: Path, base_url: str, operations: list[str]) -> None:
    """Accept one of each, then send until nothing moves."""
    clock = SystemClock()
    target = Target(base_url=base_url, allow_insecure=True, limits=PostingConnector.limits)
    partners = Partners({"paper": target}, clock=clock, chance=NoJitter(), memory=NoMemory())
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(
            open_store(sqlite_url(file), clock=clock, ids=UuidIds())
        )
        office = Office(
            store=store,
            clock=clock,
            blobs=FileBlobStore(file.parent / "files"),
            sessions=await stack.enter_async_context(partners),
            chance=NoJitter(),
        )
        office.use(PostingConnector())
        await office.outbox.recover(alone=True)
        await office.furnish(UuidIds().new())
        for operation in operations:
            id_ = await office.ask(await office.claim_file(UuidIds().new()), operation)
            say(f"accepted {id_}")
        await stack.enter_async_context(office.dispatcher)
        running = asyncio.create_task(office.outbox.run())
        async with asyncio.timeout(LONGEST_SECONDS):
            while await office.count(DeliveryFilter(states=STATES)):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        running.cancel()


def fork(file: str, base_url: str, operations: str, *point: str) -> int:
    """Work in a child to its end; gives its exit code, negative for a signal."""
    child = os.fork()
    if child == 0:
        if point:
            arm(point[0])
        say(f"began {os.getpid()}")
        asyncio.run(work(Path(file), base_url, operations.split(",")))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def say(line: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for asked in sys.stdin:
        say(f"ended {fork(*asked.split())}")
