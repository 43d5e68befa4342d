"""One measured run of syncer: the real wired services in this process, one workload, one result.

Store with ``synchronous=FULL``, sealed credentials, limits, breaker, dispatcher, sweep and upkeep
are those of ``syncer run``; only the API does not listen. A cycle begins when all links are made
due and ends when all their passes have ended and their outcomes are on the disk.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import json
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
METADATA = "Metadata-Version: 2.1\nName: syncer-benchmark\nVersion: 0.1.0\n"
ENTRY_POINTS = "[syncer.connectors]\nbenchmark = syncer_benchmark\n"
REGISTERED_AT_ONCE = 500
LONGEST_IDLE_CYCLE_SECONDS = 2.0
FURNISHED = ("repairer", "link", "credential", "credential_key")
"""The tables of what there is before the first pass."""
DUE_AT_ONCE = 100
"""Beside refreshes, which would wait for one write of 2,000 due times; no host makes such a one."""


def put_connector_on_the_path(folder: Path) -> None:
    """Make the connector's distribution visible to this process alone."""
    info = folder / "path" / "syncer_benchmark-0.1.0.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    sys.path[:0] = [str(info.parent), str(HERE / "connector"), str(HERE.parent)]


def write_configuration(folder: Path, base_url: str, *, interval: str) -> Path:
    """Write the configuration file, and the root key if there is none."""
    from syncer.vault import create_key_file

    key = folder / "root.key"
    if not key.exists():
        create_key_file(key)
    (folder / "data").mkdir(exist_ok=True)
    file = folder / "syncer.toml"
    file.write_text(
        f'data_dir = "{folder / "data"}"\nlog_level = "warning"\n'
        f'[vault]\nkey_file = "{key}"\n'
        f'[sync]\nconcurrency = 64\ninterval = "{interval}"\n'
        f"[connectors.benchmark]\nenabled = true\nallow_insecure = true\n"
        f'base_url = "{base_url}"\n'
    )
    return file


def key_of(number: int) -> Any:
    """Name a link."""
    from syncer.domain.links import LinkKey

    return LinkKey(f"r{number:06d}", "benchmark")


class Counting:
    """Stands before the pull service and says when as many passes have ended as were awaited.

    ``late`` holds for each pass the seconds between its due time and its beginning.
    """

    def __init__(self, pull: Any) -> None:
        self._pull = pull
        self.late: list[float] = []
        self._left = 0
        self._done = asyncio.Event()

    def expect(self, passes: int) -> asyncio.Event:
        """Begin to count down."""
        self._left = passes
        self._done = asyncio.Event()
        return self._done

    async def run(self, live: Any) -> None:
        """Run a pass."""
        if live.link is not None and live.link.next_due_at is not None:
            begins_at = self._pull.clock.now()
            self.late.append((begins_at - live.link.next_due_at).total_seconds())
        await self._pull.run(live)
        self._left -= 1
        if self._left == 0:
            self._done.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The running services."""

    ports: Any
    wired: Any
    counting: Counting

    async def register(self) -> None:
        """Make one repairer whose link is configured and due in a long while."""
        from syncer.domain.stored import Repairer

        sealed = self.seal(0)

        async def write(uow: Any) -> None:
            await uow.repairers.put(Repairer(id=sealed.link.repairer, name="Garage"))
            await uow.links.ensure(["benchmark"])
            await uow.credentials.add(sealed)
            due_at = sealed.created_at + timedelta(days=7)
            await uow.links.configured(
                sealed.link, generation=1, next_due_at=due_at, activation_cursor=None
            )

        await self.ports.store.write(write)

    def seal(self, number: int) -> Any:
        """Seal the credentials of a link."""
        fields, now = {"token": f"token-{number}"}, self.ports.clock.now()
        return self.ports.vault.seal(
            key_of(number), fields, generation=1, schema="benchmark@0.1.0", at=now
        )

    async def links(self) -> list[Any]:
        """List all links."""
        return await _scheduled(self.ports.store, self.ports.clock)

    async def cycle(self, keys: list[Any], *, at_once: int | None = None) -> tuple[float, float]:
        """Run one cycle over these links, made due ``at_once`` at a time; wall and CPU seconds."""
        now = self.ports.clock.now()
        due = {key: now - timedelta(microseconds=place) for place, key in enumerate(keys)}
        began, cpu = time.perf_counter(), time.process_time()
        done = self.counting.expect(len(keys))
        for part in _parts(due, at_once or len(due)):
            await self.ports.store.write(partial(_schedule, part))
            self.wired.sweep.nudge()
        await done.wait()
        await self.flush()
        return time.perf_counter() - began, time.process_time() - cpu

    async def flush(self) -> None:
        """Bring outcomes to the disk, those on their way included."""
        await self.wired.idle.flush()
        await self.ports.store.write(_nothing)


async def _nothing(_: Any) -> None:
    pass


async def _put_off(store: Any, clock: Any) -> None:
    """Let no link be due by itself while something is measured."""
    due = dict.fromkeys(await _scheduled(store, clock), clock.now() + timedelta(days=7))
    await store.write(partial(_schedule, due))


async def _scheduled(store: Any, clock: Any) -> list[Any]:
    far = clock.now() + timedelta(days=400)
    async with store.read() as uow:
        found = await uow.links.scheduled(connectors=["benchmark"], before=far, after=None)
    return [link.key for link in found]


async def _schedule(due: dict[Any, Any], uow: Any) -> None:
    await uow.links.schedule(due)


def _parts(due: dict[Any, Any], size: int) -> Iterator[dict[Any, Any]]:
    left = iter(due.items())
    while part := dict(islice(left, size)):
        yield part


@asynccontextmanager
async def opened(
    folder: Path, base_url: str, *, clock: Any = None, interval: str = "7d"
) -> AsyncIterator[Subject]:
    """Build and run the services as ``syncer.bootstrap.running`` does, without the API."""
    from syncer.bootstrap.breakers import StoredBreakers
    from syncer.bootstrap.checking import check_configuration
    from syncer.bootstrap.host import key_files, store_url
    from syncer.bootstrap.upkeep import working
    from syncer.bootstrap.wiring import Ports, wire
    from syncer.config import load
    from syncer.dispatch.ambient import SystemChance, SystemClock, UuidIds
    from syncer.observability import configure_logging
    from syncer.observability.metrics import metrics
    from syncer.partner import FolderRoots, Partners, Target
    from syncer.store import FileBlobStore, open_store
    from syncer.vault import open_vault

    configure_logging("warning")
    file = write_configuration(folder, base_url, interval=interval)
    settings = load(file, environ={})
    registry = check_configuration(settings)
    one = registry.get("benchmark")
    assert one.connector is not None, one.reason
    clock, ids = clock or SystemClock(), UuidIds()
    target = Target(base_url=base_url, allow_insecure=True, limits=one.connector.limits)
    async with open_store(store_url(settings), clock=clock, ids=ids) as store:
        await _put_off(store, clock)
        vault = await open_vault(store, *key_files(settings), clock=clock)
        async with Partners(
            {"benchmark": target},
            clock=clock,
            chance=SystemChance(),
            memory=StoredBreakers(store),
            meter=metrics,
        ) as partners:
            ports = Ports(
                store=store,
                blobs=FileBlobStore(folder / "files"),
                vault=vault,
                registry=registry,
                sessions=partners,
                folders=FolderRoots({}, clock=clock),
                clock=clock,
                ids=ids,
            )
            wired = wire(ports, settings, started_at=clock.now())
            counting = Counting(wired.sweep.pull)
            wired.sweep.pull = counting
            async with working(wired, ports):
                yield Subject(ports=ports, wired=wired, counting=counting)


def peak_mb() -> float:
    """Give the most memory that this process ever held."""
    return _status_kb("VmHWM") / 1024


def resident_kb() -> float:
    """Give the memory that this process holds now."""
    return _status_kb("VmRSS")


def _status_kb(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1])


# -- workloads ------------------------------------------------------------------------------------


async def prepare(args: argparse.Namespace) -> dict[str, Any]:
    """Configure the links; load them if there is something to load."""
    async with opened(args.folder, args.base_url) as subject:
        await subject.register()
        sealed = [subject.seal(number) for number in range(1, args.links)]
    multiply(args.folder / "data" / "syncer.db", sealed)
    if args.load:
        async with opened(args.folder, args.base_url) as subject:
            await subject.cycle(await subject.links())
    return {}


def multiply(database: Path, sealed: list[Any]) -> None:
    """Copy the rows of the one link for all others; registering 50,000 would take minutes."""
    named = [{"id": one.link.repairer, "repairer": one.link.repairer} for one in sealed]
    keys = [
        {"credential_id": one.id, "wrapped_key": one.wrapped_key, "payload": one.payload}
        for one in sealed
    ]
    with closing(sqlite3.connect(database)) as connection:
        for table in FURNISHED:
            found = connection.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            first = dict(zip(names, found.fetchone(), strict=True))
            rows = [
                [{**first, **name, **key}[column] for column in names]
                for name, key in zip(named, keys, strict=True)
            ]
            marks = ", ".join("?" * len(names))
            connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        connection.commit()


async def cycles(args: argparse.Namespace) -> dict[str, Any]:
    """Run warm-up and timed cycles; between timed ones the partner changes if asked to."""
    times, cpus = [], []
    async with opened(args.folder, args.base_url) as subject:
        keys = await subject.links()
        for number in range(args.warm + args.cycles):
            if args.changed and number >= args.warm:
                await control(args.base_url, f"change?share={args.changed}&seed={number}")
            if args.profiler and number == args.warm:
                args.profiler.enable()
            wall, cpu = await subject.cycle(keys)
            if number >= args.warm:
                times.append(wall)
                cpus.append(cpu)
        if args.profiler:
            args.profiler.disable()
        async with subject.ports.store.read() as uow:
            head = (await uow.feed.head()).seq
    return {"cycle": median(times), "cycle_cpu": median(cpus), "feed": head, "cycles": times}


async def refresh(args: argparse.Namespace) -> dict[str, Any]:
    """Ask for one changed link again and again while idle cycles run; gives the waits."""
    waits: list[float] = []
    async with opened(args.folder, args.base_url) as subject:
        keys = await subject.links()
        await subject.cycle(keys)
        stop = asyncio.Event()

        async def keep_cycling() -> None:
            while not stop.is_set():
                with suppress(TimeoutError):  # a link that is being refreshed is not begun again
                    async with asyncio.timeout(LONGEST_IDLE_CYCLE_SECONDS):
                        await subject.cycle(keys, at_once=DUE_AT_ONCE)

        alone = await partner_alone(args.base_url)
        cycling = asyncio.create_task(keep_cycling())
        while len(waits) < args.refreshes:
            number = (len(waits) * 37) % len(keys)
            await control(args.base_url, f"change_one?link={number}")
            waits.append(await _refreshed(subject, keys[number]))
            await asyncio.sleep(0.02)
        stop.set()
        await cycling
    waits.sort()
    return {
        "median": median(waits) - alone,
        "p99": waits[int(len(waits) * 0.99)] - alone,
        "partner": alone,
    }


async def _refreshed(subject: Subject, key: Any) -> float:
    service = subject.wired.services.refresh
    began = time.perf_counter()
    (joined,) = await service.start(repairer=key.repairer, connector=key.connector)
    await service.wait([joined.pass_.id], 30)
    waited = time.perf_counter() - began
    found = await service.get(joined.pass_.id)
    assert found.state == "succeeded", found
    return waited


async def interval(args: argparse.Namespace) -> dict[str, Any]:
    """Run one whole interval of idle links on a clock that goes faster; CPU share and lateness."""
    clock = FastClock(args.speed)
    async with opened(args.folder, args.base_url, clock=clock, interval="15m") as subject:
        keys = await subject.links()
        now = clock.now()
        every = timedelta(minutes=15)
        from syncer.domain import schedule

        due = {key: schedule.next_due(key, now, every) for key in keys}
        await subject.ports.store.write(lambda uow: uow.links.schedule(due))
        began, cpu, wall = clock.now(), time.process_time(), time.perf_counter()
        subject.counting.late.clear()
        done = subject.counting.expect(len(keys))
        subject.wired.sweep.nudge()
        await done.wait()
        await subject.flush()
        simulated = (clock.now() - began).total_seconds()
        used, took = time.process_time() - cpu, time.perf_counter() - wall
        late = sorted(subject.counting.late)
    return {
        "cpu_seconds": used,
        "real_seconds": took,
        "simulated_seconds": simulated,
        "cpu_share": used / simulated,
        "late_median": median(late),
        "late_most": late[-1],
    }


class FastClock:
    """The machine's clock, going ``speed`` times as fast."""

    def __init__(self, speed: float) -> None:
        from syncer.dispatch.ambient import SystemClock

        self._clock = SystemClock()
        self._speed = speed
        self._began = self._clock.now()
        self._zero = self._clock.monotonic()

    def now(self) -> Any:
        """Give the simulated instant."""
        return self._began + timedelta(seconds=(self._clock.monotonic() - self._zero) * self._speed)

    def monotonic(self) -> float:
        """Give simulated seconds."""
        return self._zero + (self._clock.monotonic() - self._zero) * self._speed

    async def sleep(self, seconds: float) -> None:
        """Wait for simulated seconds."""
        await self._clock.sleep(seconds / self._speed)


async def memory(args: argparse.Namespace) -> dict[str, Any]:
    """Give what the process holds after idle cycles over all links, made due a few at a time.

    What the C library keeps for later is given back first: it is no link's.
    """
    async with opened(args.folder, args.base_url) as subject:
        for start in [*range(0, args.links, REGISTERED_AT_ONCE)] * 3:
            numbers = range(start, min(start + REGISTERED_AT_ONCE, args.links))
            await subject.cycle([key_of(number) for number in numbers])
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        return {"resident_kb": resident_kb()}


async def control(base_url: str, what: str) -> None:
    """Set up the partner's world."""
    host, port = base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET /control/{what} HTTP/1.1\r\nHost: partner\r\n\r\n".encode())
    await reader.readuntil(b"\r\n\r\n")
    writer.close()


async def partner_alone(base_url: str) -> float:
    """Give what the partner itself takes to answer, over a connection that is kept."""
    host, port = base_url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    ask = b"GET /quotes?after=24 HTTP/1.1\r\nAuthorization: Bearer token-0\r\n\r\n"
    waits = []
    for _ in range(50):
        began = time.perf_counter()
        writer.write(ask)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length: ")[1].split(b"\r")[0])
        await reader.readexactly(length)
        waits.append(time.perf_counter() - began)
    writer.close()
    return median(waits)


WORKLOADS: dict[str, Callable[[argparse.Namespace], Any]] = {
    "prepare": prepare,
    "cycles": cycles,
    "refresh": refresh,
    "interval": interval,
    "memory": memory,
}


def main() -> None:
    """Run one workload and print its result as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--links", type=int, default=0)
    parser.add_argument("--load", action="store_true")
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=1)
    parser.add_argument("--changed", type=float, default=0.0)
    parser.add_argument("--refreshes", type=int, default=200)
    parser.add_argument("--speed", type=float, default=10.0)
    parser.add_argument("--profile", default="")
    parser.set_defaults(profiler=None)
    args = parser.parse_args()
    began = time.perf_counter()
    put_connector_on_the_path(args.folder)
    found = _run(args)
    found["process"] = time.perf_counter() - began
    times = os.times()
    found["process_cpu"] = times.user + times.system
    found["peak_mb"] = peak_mb()
    print(json.dumps(found))


def _run(args: argparse.Namespace) -> dict[str, Any]:
    from syncer.cli.invocation import run as run_async

    if not args.profile:
        return run_async(WORKLOADS[args.workload](args))
    import cProfile

    profile = cProfile.Profile()
    args.profiler = profile
    found = run_async(WORKLOADS[args.workload](args))
    profile.dump_stats(args.profile)
    return found


if __name__ == "__main__":
    main()
