"""The watchdog names who blocked the loop."""

from __future__ import annotations

import asyncio
import threading
import time
import types
from datetime import timedelta

import pytest

from syncer.dispatch.watchdog import Block, LoopWatchdog

BLOCKED = timedelta(seconds=0.15)
CONNECTOR_CODE = """
import time

def block(seconds):
    time.sleep(seconds)

async def pull(seconds):
    block(seconds)
"""


def connector_module(name: str) -> types.ModuleType:
    module = types.ModuleType(name)
    exec(CONNECTOR_CODE, module.__dict__)
    return module


class Reports:
    """The blocks that were reported."""

    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self._has_come = asyncio.Event()

    def __call__(self, block: Block) -> None:
        self.blocks.append(block)
        self._has_come.set()

    async def first(self) -> list[Block]:
        async with asyncio.timeout(5):
            await self._has_come.wait()
        return self.blocks


async def test_watchdog_names_the_connector_whose_code_blocks_the_loop() -> None:
    reports = Reports()
    module = connector_module("syncer_slow.connector")

    with LoopWatchdog({"syncer_slow": "slow"}, reports, blocked=BLOCKED):
        await asyncio.create_task(module.pull(0.5))
        blocks = await reports.first()

    assert [block.connector for block in blocks] == ["slow"]
    assert blocks[0].stack.splitlines()[-1].endswith(" block")
    assert blocks[0].lasted >= timedelta(seconds=0.3)


async def test_watchdog_tells_two_connectors_of_one_package_apart() -> None:
    reports = Reports()
    module = connector_module("syncer_edi.iris.connector")
    packages = {"syncer_edi.darva": "darva", "syncer_edi.iris": "iris"}

    with LoopWatchdog(packages, reports, blocked=BLOCKED):
        await module.pull(0.5)
        blocks = await reports.first()

    assert [block.connector for block in blocks] == ["iris"]


async def test_watchdog_blames_no_connector_for_many_short_calls_that_come_together() -> None:
    reports = Reports()
    module = connector_module("syncer_busy.connector")

    with LoopWatchdog({"syncer_busy": "busy"}, reports, blocked=BLOCKED):
        await asyncio.gather(*(module.pull(0.02) for _ in range(30)))
        blocks = await reports.first()

    assert [block.connector for block in blocks] == [None]


async def test_watchdog_names_no_connector_for_our_own_code() -> None:
    reports = Reports()

    with LoopWatchdog({"syncer_slow": "slow"}, reports, blocked=BLOCKED):
        time.sleep(0.5)  # noqa: ASYNC251, TID251  blocking is what is tested
        blocks = await reports.first()

    assert [block.connector for block in blocks] == [None]


async def test_watchdog_is_silent_while_the_loop_runs() -> None:
    reports = Reports()
    lags: list[timedelta] = []

    with LoopWatchdog({}, reports, lagged=lags.append, blocked=BLOCKED):
        for _ in range(40):
            await asyncio.sleep(0.01)

    assert reports.blocks == []
    assert lags
    assert max(lags) < BLOCKED


async def test_watchdog_tells_of_a_stuck_loop_without_waiting_for_its_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("syncer.dispatch.watchdog.STUCK", timedelta(seconds=0.3))
    told = threading.Event()
    reports = Reports()

    def stuck(block: Block) -> None:
        assert block.stack
        told.set()

    with LoopWatchdog({}, reports, stuck=stuck, blocked=BLOCKED):
        assert told.wait(5)
        blocks = await reports.first()

    assert len(blocks) == 1
