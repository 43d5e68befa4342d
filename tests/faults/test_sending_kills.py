"""kill -9 before, while and after a delivery leaves: what cannot be known waits for a person."""

from __future__ import annotations

import asyncio
import os
import random  # noqa: TID251 - the moment of a kill is meant to be any
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from syncer.dispatch.ambient import UuidIds
from syncer.domain.deliveries import DeliveryFilter, StoredDelivery
from syncer.store import open_store, sqlite_url
from syncer.testing import FakeClock, serve_app
from tests.campaign import COUNTS
from tests.faults import sending

ALL = "keyed,looked,blind"
AT = (
    ("delivery-accepted:2", ALL),
    ("delivery-taken:1", "looked"),
    ("delivery-leaving:3", ALL),
    ("delivery-answered:1", "blind"),
    ("delivery-answered:2", "keyed,looked"),
    ("delivery-ended:1", ALL),
    ("delivery-noted:1", "keyed"),
    ("deliveries-recovered:1", ALL),
)
"""One after the other over one outbox; the last needs what the one before it surely leaves: a
delivery that was being sent, for the next start to judge."""
POINTS = tuple(point for point, _ in AT)
DEATH_SECONDS = 60.0
LONGEST_LIFE_SECONDS = 0.5


class Partner:
    """Counts what took effect; honours a key, and can be asked."""

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.keys: set[str] = set()

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{operation}/{id}", self.take)
        app.router.add_get("/{operation}/{id}", self.look_up)
        return app

    async def take(self, request: web.Request) -> web.Response:
        key = request.headers.get("Idempotency-Key")
        if key is None or key not in self.keys:
            self.effects[request.match_info["id"]] += 1
        if key is not None:
            self.keys.add(key)
        return web.json_response({})

    async def look_up(self, request: web.Request) -> web.Response:
        return web.Response(status=200 if self.effects[request.match_info["id"]] else 404)


@pytest.fixture
async def partner() -> AsyncIterator[tuple[Partner, str]]:
    partner = Partner()
    async with serve_app(partner.application()) as base_url:
        yield partner, base_url


@dataclass
class Outboxes:
    """Runs outboxes over one store, one after the other."""

    process: asyncio.subprocess.Process
    file: Path
    base_url: str
    accepted: set[str] = field(default_factory=set)

    async def run(self, operations: str = ALL, point: str = "") -> int:
        """Run one to its end; gives its exit code."""
        await self.begin(operations, point)
        return await self.ended()

    async def begin(self, operations: str = ALL, point: str = "") -> int:
        """Begin to run one; gives its process id."""
        assert self.process.stdin is not None
        line = f"{self.file} {self.base_url} {operations} {point}\n"
        self.process.stdin.write(line.encode())
        return int(await self._next("began"))

    async def ended(self) -> int:
        """Wait for the end; gives the exit code."""
        return int(await self._next("ended"))

    async def _next(self, wanted: str) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(DEATH_SECONDS):
            while True:
                word, _, rest = (await self.process.stdout.readline()).decode().partition(" ")
                if word == "accepted":
                    self.accepted.add(rest.strip())
                elif word == wanted:
                    return rest


@pytest.fixture
async def outboxes(tmp_path: Path, partner: tuple[Partner, str]) -> AsyncIterator[Outboxes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        sending.__name__,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    yield Outboxes(process=process, file=tmp_path / "syncer.db", base_url=partner[1])
    process.kill()
    await process.wait()


async def stored(file: Path) -> dict[str, StoredDelivery]:
    clock = FakeClock()
    async with (
        open_store(sqlite_url(file), clock=clock, ids=UuidIds()) as store,
        store.read() as uow,
    ):
        found = await uow.deliveries.find(DeliveryFilter(), after=None, limit=10_000)
    return {one.id: one for one in found}


def check(found: dict[str, StoredDelivery], accepted: set[str], effects: Counter[str]) -> None:
    """Nothing accepted is lost; what can be known happened once; the rest is with a person."""
    assert accepted <= found.keys()
    for id_, one in found.items():
        if one.operation == "blind" and one.state == "needs_attention":
            assert effects[id_] <= 1, one
        else:
            assert (one.state, effects[id_]) == ("delivered", 1), one


async def test_kills_around_a_sending_have_one_effect_or_tell_a_person(
    outboxes: Outboxes, partner: tuple[Partner, str], record_property: Callable[[str, object], None]
) -> None:
    for point, operations in AT:
        assert await outboxes.run(operations, point) == -signal.SIGKILL, point
    assert await outboxes.run() == 0

    found = await stored(outboxes.file)
    effects = partner[0].effects
    check(found, outboxes.accepted, effects)
    doubted = [one.id for one in found.values() if one.state == "needs_attention"]
    assert any(effects[id_] == 1 for id_ in doubted)
    record_property("kills at named points", len(AT))


async def test_kills_at_any_moment_have_one_effect_or_tell_a_person(
    outboxes: Outboxes, partner: tuple[Partner, str], record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random()

    for _ in range(COUNTS.kills):
        child = await outboxes.begin()
        await asyncio.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
        with suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
        await outboxes.ended()
    assert await outboxes.run() == 0

    check(await stored(outboxes.file), outboxes.accepted, partner[0].effects)
    record_property("kills at random moments", COUNTS.kills)
