"""A disk that is full, and a database that another program holds: refused, told, and over alone."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager

from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.e2e.service import Service
from tests.faults.town import FIRST, Town


@contextmanager
def full_disk(service: Service) -> Iterator[None]:
    """No file of the process can grow while the block runs."""
    assert service.process is not None
    kind = resource.RLIMIT_FSIZE
    before = resource.prlimit(service.process.pid, kind)
    resource.prlimit(service.process.pid, kind, (1, before[1]))
    try:
        yield
    finally:
        resource.prlimit(service.process.pid, kind, before)


async def furnished(service: Service, partner: PlayedClaims360, shop: PlayedShop) -> Town:
    town = Town(service, partner, {FIRST: shop})
    await service.start()
    await town.join(FIRST)
    await town.work()
    return town


async def test_a_full_disk_is_told_reads_go_on_and_all_resumes_alone(
    service: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    town = await furnished(service, partner, shop)
    town.happen()
    _, dismissed = town.told.decisions
    accept = f"/v1/records/{dismissed}/accept"

    with full_disk(service):
        refused = [
            await service.ask("PUT", "/v1/repairers/garage-late", {"name": "Late"}),
            await service.ask("POST", "/v1/refresh?wait=20", {}),
            await service.ask("POST", "/v1/refresh?wait=20", {}, key="full"),
            await service.ask("POST", accept),
        ]
        read = [(await service.ask("GET", path))[0] for path in READS]
    shown = await service.good("GET", "/v1/repairers")

    assert [(status, body["code"]) for status, body in refused] == [(507, "storage_full")] * 4
    assert read == [200] * len(READS)
    assert "garage-late" not in {one["id"] for one in shown["items"]}
    await town.recover()
    await town.check()
    assert await service.stop() == 0
    town.check_files()


READS = ("/v1/records", "/v1/changes", "/v1/passes", "/v1/links", "/healthz", "/readyz")


async def test_a_disk_that_fills_up_during_a_pass_refuses_no_photo(
    service: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    town = await furnished(service, partner, shop)
    town.happen()
    full = full_disk(service)

    async def fill_at_photo(request: object) -> None:
        if "/content" in str(getattr(request, "path", "")):
            partner.before = None
            full.__enter__()

    partner.before = fill_at_photo
    answer = await service.good("POST", "/v1/refresh?wait=20", {"repairer": FIRST})
    full.__exit__(None, None, None)

    assert partner.before is None
    pass_ = answer["passes"][0]
    assert pass_["state"] == "failed"
    shown = await service.good("GET", f"/v1/passes/{pass_['id']}")
    assert shown["error"]["code"] == "storage_full"
    await town.recover()
    await town.check()


async def test_a_database_held_by_another_program_is_waited_for_and_then_told(
    service: Service, partner: PlayedClaims360, shop: PlayedShop
) -> None:
    town = await furnished(service, partner, shop)
    file = service.folder / "data" / "syncer.db"

    with closing(sqlite3.connect(file, isolation_level=None)) as outside:
        outside.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        status, headers, body = await service.answer("PUT", "/v1/repairers/late", {"name": "Late"})
        took = time.monotonic() - began
        read = [(await service.ask("GET", path))[0] for path in READS]
        outside.execute("ROLLBACK")

    assert (status, body["code"]) == (503, "store_busy")
    assert int(headers["Retry-After"]) >= 1
    assert 4 < took < 12
    assert read == [200] * len(READS)
    await service.good("PUT", "/v1/repairers/late", {"name": "Late"})
    await town.recover()
    await town.check()
