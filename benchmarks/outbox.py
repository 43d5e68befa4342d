"""Deliveries in one queue: files sent to a fast partner, against a script that does the same posts.

python -m benchmarks.outbox                            1,000 files of 200 KB, three runs, in turn
python -m benchmarks.outbox --deliveries 100 --runs 1

All go over one link, whose partner takes four at once. *One lane*: all are of one claim file, so
they leave one after the other. *Many lanes*: each is of a claim file of its own. The floor is a
script with aiohttp that reads each file, posts it and looks at the answer; it keeps nothing, and a
crash makes it send all again, or none. The partner measures from the first request to the end of
the last. Each run is a process of its own; its last line is its result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Any

KB, MIB = 1_000, 1024 * 1024
AT_ONCE = 4
LOOK_SECONDS = 0.05
HERE = Path(__file__).parents[1]


# -- the partner ----------------------------------------------------------------------------------


def partner(port: int) -> None:
    """Take files as fast as they come, and say how long that took."""
    from aiohttp import web

    seen = {"first": 0.0, "last": 0.0, "files": 0, "bytes": 0}

    async def take(request: web.Request) -> web.Response:
        seen["first"] = seen["first"] or time.perf_counter()
        async for chunk in request.content.iter_any():
            seen["bytes"] += len(chunk)
        seen["files"] += 1
        seen["last"] = time.perf_counter()
        return web.json_response({"id": str(seen["files"])})

    async def stats(_request: web.Request) -> web.Response:
        return web.json_response(seen)

    app = web.Application()
    app.add_routes([web.post("/files", take), web.get("/stats", stats)])
    web.run_app(app, host="127.0.0.1", port=port, print=None)


@contextmanager
def running_partner() -> Iterator[str]:
    """Run the partner in a process of its own."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.outbox", "--partner", str(port)])
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(LOOK_SECONDS)
    raise SystemExit("the partner does not listen")


# -- the floor ------------------------------------------------------------------------------------


async def floor(folder: Path, base_url: str, deliveries: int, lanes: int) -> None:
    """Do it by hand."""
    import aiohttp

    file = next((folder / "files").glob("??/??/*"))
    numbers = iter(range(deliveries))

    async def chunks() -> AsyncIterator[bytes]:
        with file.open("rb") as opened:
            while chunk := opened.read(256 * 1024):
                yield chunk

    async def work(http: aiohttp.ClientSession) -> None:
        for _ in numbers:
            headers = {"Content-Length": str(file.stat().st_size)}
            async with http.post(f"{base_url}/files", data=chunks(), headers=headers) as answer:
                assert (await answer.json())["id"]

    async with aiohttp.ClientSession() as http:
        await asyncio.gather(*(work(http) for _ in range(min(AT_ONCE, lanes))))


# -- the host -------------------------------------------------------------------------------------


async def prepare(folder: Path, base_url: str, deliveries: int, lanes: int, size: int) -> None:
    """Store what is to be sent, for an hour from now."""
    from benchmarks.subject import key_of, opened, put_connector_on_the_path
    from syncer.domain.claim_files import ClaimFile, Origin
    from syncer.domain.deliveries import DeliveryFile, Lane, LostAnswer, StoredDelivery

    put_connector_on_the_path(folder)
    async with opened(folder, base_url) as subject:
        await subject.register()
        ports, link = subject.ports, key_of(0)
        async with ports.blobs.receive() as writer:
            for _ in range(0, size, 100 * KB):
                await writer.write(os.urandom(100 * KB))
            blob = await writer.finish()
            await writer.keep()
        now, later = ports.clock.now(), ports.clock.now() + timedelta(hours=1)
        file = DeliveryFile(
            id="f", type="photo", name="photo.jpg", content_type="image/jpeg",
            size_bytes=blob.bytes, sha256=blob.sha256,
        )  # fmt: skip
        ids = [ports.ids.new() for _ in range(lanes)]

        async def write(uow: Any) -> None:
            for number, id_ in enumerate(ids):
                made = ClaimFile(
                    id=id_, link=link, origin=Origin.PLANNING, reference=f"R-{number}",
                    partner_ref=None, claim_number=None, claim_type=None, partner_data={},
                    person_data={}, person_set_at={}, created_at=now, updated_at=now,
                )  # fmt: skip
                await uow.claim_files.make(made)
            for number in range(deliveries):
                one = StoredDelivery(
                    id=ports.ids.new(), key=ports.ids.new(), lane=Lane(ids[number % lanes], link),
                    operation="post", payload={}, lost_answer=LostAnswer.KEY, accepted_at=now,
                    updated_at=now, next_attempt_at=later, files=(file,),
                )  # fmt: skip
                await uow.deliveries.add(one)

        await ports.store.write(write)
    with closing(sqlite3.connect(folder / "data" / "syncer.db")) as database, database:
        database.execute("UPDATE delivery SET next_attempt_at = 0")


async def host(folder: Path, base_url: str) -> None:
    """Let the host do it: the wired services of ``syncer run``."""
    from benchmarks.subject import opened, put_connector_on_the_path
    from syncer.domain.deliveries import MOVING, DeliveryFilter

    put_connector_on_the_path(folder)
    moving = DeliveryFilter(states=tuple(MOVING))
    async with opened(folder, base_url) as subject:
        while True:
            async with subject.ports.store.read() as uow:
                if not await uow.deliveries.count(moving):
                    return
            await asyncio.sleep(LOOK_SECONDS)


# -- comparing ------------------------------------------------------------------------------------


def measured(args: argparse.Namespace) -> dict[str, float]:
    """Run a subject in this process; gives its CPU and memory beside what the partner saw."""
    from urllib.request import urlopen

    if args.subject == "floor":
        asyncio.run(floor(args.folder, args.base_url, args.deliveries, args.lanes))
    else:
        asyncio.run(host(args.folder, args.base_url))
    with urlopen(f"{args.base_url}/stats") as answer:
        seen = json.load(answer)
    assert seen["files"] == args.deliveries, seen
    peak = next(
        int(line.split()[1])
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    )
    return {
        "seconds": seen["last"] - seen["first"],
        "cpu": time.process_time(),
        "peak_mib": peak / 1024,
    }


def run(subject: str, args: argparse.Namespace, lanes: int, size: int) -> dict[str, float]:
    """Run a subject in a process and a folder of its own, against a partner of its own."""
    with tempfile.TemporaryDirectory() as name, running_partner() as base_url:
        folder = Path(name)
        asyncio.run(prepare(folder, base_url, args.deliveries, lanes, size))
        command = [
            sys.executable, "-m", "benchmarks.outbox", "--subject", subject, "--folder", name,
            "--base-url", base_url, "--deliveries", str(args.deliveries), "--lanes", str(lanes),
        ]  # fmt: skip
        done = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def compare(args: argparse.Namespace, lanes: int, size: int) -> None:
    """Compare the two in turn and print medians and their ratio."""
    found: dict[str, list[dict[str, float]]] = {"floor": [], "host": []}
    for _ in range(args.runs):
        for subject, runs in found.items():
            runs.append(run(subject, args, lanes, size))
    mid = {
        subject: {what: median(each[what] for each in runs) for what in runs[0]}
        for subject, runs in found.items()
    }
    ratio = mid["host"]["seconds"] / mid["floor"]["seconds"]
    print(f"{args.deliveries} files of {size // KB} KB in {lanes} lanes: ratio {ratio:.1f}")
    for subject, figures in mid.items():
        print(
            f"  {subject}: {figures['seconds']:.2f} s "
            f"({args.deliveries / figures['seconds']:.0f} a second), "
            f"CPU {figures['cpu']:.2f} s, peak {figures['peak_mib']:.0f} MiB"
        )


def main() -> None:
    """Compare, or be one of those compared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.outbox", description=__doc__)
    parser.add_argument("--deliveries", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--size", type=int, default=200 * KB)
    parser.add_argument("--lanes", type=int)
    parser.add_argument("--subject", choices=["floor", "host"])
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--base-url", default="")
    parser.add_argument("--partner", type=int)
    args = parser.parse_args()
    if args.partner:
        partner(args.partner)
    elif args.subject:
        print(json.dumps(measured(args)))
    else:
        for lanes in [args.lanes] if args.lanes else [args.deliveries, 1]:
            compare(args, lanes, args.size)


if __name__ == "__main__":
    main()
