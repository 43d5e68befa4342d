"""Working on and on: memory, files, threads and the database's log do not grow."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from syncer.testing import Fault
from tests.campaign import COUNTS
from tests.e2e.service import Service
from tests.faults.town import FIRST, Town

REPAIRERS = 8
MOST_GROWTH_BYTES = 24 * 1024 * 1024
MOST_MORE_FILES = 6
MOST_LOG_BYTES = 8 * 1024 * 1024
WRITES = 250
SLOW_CLIENTS = 5


@dataclass(frozen=True)
class Sample:
    """What a process uses."""

    bytes: int
    files: int
    threads: int


def sample(pid: int) -> Sample:
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    found = {line.partition(":")[0]: line.split()[1] for line in status if len(line.split()) > 1}
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    return Sample(int(found["VmRSS"]) * 1024, files, int(found["Threads"]))


@pytest.mark.timeout(1_200)
async def test_a_long_run_with_faults_uses_no_more_in_the_end_than_in_the_beginning(
    service: Service,
    partner: PlayedClaims360,
    shop: PlayedShop,
    record_property: Callable[[str, object], None],
) -> None:
    partner.has_limits = False
    town = Town(service, partner, {FIRST: shop})
    service.configure(service.base_url, interval="1s")
    await service.start()
    for number in range(REPAIRERS):
        await town.join(f"garage-{number}x")
    await town.join(FIRST)
    town.happen()
    await town.recover()
    assert service.process is not None
    samples = []
    ends_at = time.monotonic() + COUNTS.soak_seconds
    while time.monotonic() < ends_at:
        shop.change_status("mission", next(iter(shop.objects))[1], "in_progress")
        partner.faults.append(Fault(status=503))
        await asyncio.sleep(0.5)
        samples.append(sample(service.process.pid))

    early, late = samples[len(samples) // 3], samples[-1]
    log = (service.folder / "data" / "syncer.db-wal").stat().st_size
    record_property("seconds of soak", COUNTS.soak_seconds)
    record_property("most growth in a soak, KiB", (late.bytes - early.bytes) // 1024)
    assert late.bytes - early.bytes < MOST_GROWTH_BYTES
    assert late.files - early.files <= MOST_MORE_FILES
    assert late.threads <= early.threads + 1
    assert log < MOST_LOG_BYTES
    partner.faults.clear()
    await asyncio.sleep(1)
    await town.recover()
    await town.check()


async def test_clients_that_do_not_read_let_the_log_of_the_database_stay_small(
    service: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    partner.has_limits = False
    town = Town(service, partner, {FIRST: shop})
    await service.start()
    await town.join(FIRST)
    for _ in range(15):
        town.happen()
    await town.recover()
    slow = [slow_client(service, path) for path in SLOW_PATHS for _ in range(SLOW_CLIENTS)]

    for number in range(WRITES):
        await service.good("PUT", "/v1/repairers/garage-often", {"name": f"Garage {number}"})

    log = (service.folder / "data" / "syncer.db-wal").stat().st_size
    for client in slow:
        client.close()
    assert log < MOST_LOG_BYTES


SLOW_PATHS = ("/v1/records?limit=500", "/v1/changes?limit=500", "/v1/changes/stream")


def slow_client(service: Service, path: str) -> socket.socket:
    """Ask for much, and read none of it."""
    host, _, port = service.address.removeprefix("http://").partition(":")
    client = socket.create_connection((host, int(port)))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {service.token}"
    client.sendall(f"{head}\r\n\r\n".encode())
    return client
