"""A process that is killed at any moment: what it said was kept is there afterwards."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.store import open_store, sqlite_url
from syncer.testing import FakeClock
from tests.contract.samples import ask

WRITES_BEFORE = (1, 20, 60)
PROGRAM = """
import asyncio, sys
from syncer.dispatch.ambient import SystemClock, UuidIds
from syncer.store import open_store
from tests.contract.samples import NOW, changes

async def write(store, number):
    async def work(unit):
        await unit.notes.put(str(number), b"x" * 3_000)
        unit.feed.append(changes(1), at=NOW)
    await store.write(work)
    print(number, flush=True)

async def main():
    async with open_store(sys.argv[1], clock=SystemClock(), ids=UuidIds()) as store:
        for first in range(0, 1_000_000, 3):
            await asyncio.gather(*(write(store, first + number) for number in range(3)))

asyncio.run(main())
"""


def run_and_kill(url: str, writes: int) -> list[str]:
    """Let a process write until it has said so a number of times; gives what it said was kept."""
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        said = [writer.stdout.readline() for _ in range(writes)]
        writer.kill()
        said += writer.stdout.readlines()
    return [line.strip() for line in said if line.endswith("\n")]


@pytest.mark.parametrize("writes", WRITES_BEFORE)
async def test_a_killed_process_loses_nothing_that_it_said_was_kept(
    sqlite_path: Path, writes: int
) -> None:
    url = sqlite_url(sqlite_path)

    said = await asyncio.to_thread(run_and_kill, url, writes)

    async with open_store(url, clock=FakeClock(), ids=UuidIds()) as store:
        async with store.read() as unit:
            lost = [number for number in said if await unit.notes.get(number) is None]
        entries = await ask(store, lambda unit: unit.feed.head())
        assert (lost, await store.faults()) == ([], [])
        assert entries.seq >= len(said) >= writes
