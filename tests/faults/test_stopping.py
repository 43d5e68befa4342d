"""SIGTERM under load, and two processes that want the same data folder."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.campaign import IS_CAMPAIGN
from tests.e2e.forked import forked
from tests.e2e.service import Service, installed
from tests.faults import impatient
from tests.faults.town import FIRST, UNREACHABLE, Town

REPAIRERS = 6
LONGEST_STOP_SECONDS = 25.0
IN_USE = 3
KILLED = 130


@pytest.fixture
async def town(service: Service, partner: PlayedClaims360, shop: PlayedShop) -> Town:
    if not IS_CAMPAIGN:
        service.launch = forked(impatient.main)
    partner.has_limits = False
    town = Town(service, partner, {FIRST: shop})
    service.configure(service.base_url, interval="1s")
    await service.start()
    await town.join(FIRST)
    for number in range(REPAIRERS):
        await town.join(f"garage-{number}x")
    return town


async def ask_for_ever(town: Town) -> None:
    """Be a client that never rests."""
    while True:
        await town.refresh(f"load-{time.monotonic_ns()}", wait=0)
        await town.service.good("GET", "/v1/records?limit=500")


async def stop_under_load(town: Town) -> tuple[int, float]:
    """Stop the process while clients work; gives its exit code and how long it took."""
    for _ in range(8):
        town.happen()
    clients = [asyncio.create_task(ask_for_ever(town)) for _ in range(4)]
    await asyncio.sleep(1)
    began = time.monotonic()
    code = await town.service.stop()
    took = time.monotonic() - began
    for client in clients:
        client.cancel()
        with suppress(asyncio.CancelledError, AssertionError, *UNREACHABLE):
            await client
    return code, took


async def start_again(town: Town) -> None:
    """Start the usual program and see that all is there."""
    town.service.launch = installed
    await town.service.start()
    await town.recover()
    await town.check()


async def test_a_stop_under_load_ends_in_time_and_loses_nothing(town: Town) -> None:
    code, took = await stop_under_load(town)

    assert code == 0, town.service.log()[-2000:]
    assert took < LONGEST_STOP_SECONDS
    town.check_files()
    await start_again(town)


async def test_a_stop_waits_for_no_partner_that_never_answers(
    town: Town, partner: PlayedClaims360
) -> None:
    never = asyncio.Event()

    async def hang(request: object) -> None:
        await never.wait()

    partner.before = hang
    code, took = await stop_under_load(town)
    partner.before = None
    never.set()

    assert code == 0, town.service.log()[-2000:]
    assert took < LONGEST_STOP_SECONDS
    await start_again(town)


async def test_a_second_stop_signal_ends_the_process_at_once(
    running: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    never = asyncio.Event()

    async def hang(request: object) -> None:
        await never.wait()

    partner.before = hang
    await running.good("POST", "/v1/refresh", {})
    stopping = asyncio.create_task(running.stop())
    await asyncio.sleep(0.5)
    began = time.monotonic()

    code = await running.stop()
    took = time.monotonic() - began

    never.set()
    assert (code, await stopping) == (KILLED, KILLED)
    assert took < 2


async def test_of_two_processes_started_together_one_runs_and_one_is_refused(
    service: Service,
) -> None:
    both = [service, Service(service.folder, service.http)]

    ended = await asyncio.gather(*(one.start() for one in both), return_exceptions=True)

    loser, winner = sorted(both, key=lambda one: ended[both.index(one)] is None)
    assert loser.process is not None
    assert await loser.process.wait() == IN_USE
    assert (await winner.ask("GET", "/healthz"))[0] == 200
    assert await winner.stop() == 0
