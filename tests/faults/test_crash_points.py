"""kill -9 at every named point: after a restart nothing is lost, doubled or half there."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from syncer_claims360.played import PlayedClaims360
from syncer_claims360.played_shop import PlayedShop

from tests.campaign import COUNTS
from tests.e2e.forked import forked
from tests.e2e.service import Service
from tests.faults import crashing
from tests.faults.test_folder_crashes import AT_FOLDERS
from tests.faults.test_mail_crashes import AT_MAILS
from tests.faults.test_sending_kills import POINTS as AT_SENDING
from tests.faults.town import FIRST, UNREACHABLE, Town

Record = Callable[[str, object], None]
ROOT = Path(__file__).parents[2]
DEATH_SECONDS = 10.0
CRASHES = "kills at named points"

AT_START = (
    "token-written:1",
    "migration-done:1",
    "migration-committed:1",
    "store-before-epoch:1",
    "store-before-commit:1",
    "store-after-commit:1",
    "host-prepared:1",
    "vault-before-opening:1",
    "vault-opened:1",
    "passes-before-recovery:1",
    "deliveries-before-recovery:1",
    "caught-up:1",
    "status-mails-kept:1",
)
"""Passed while the program starts, the first time or any other."""

AT_WORK = (
    ("refresh-asked:1", "refresh-kept:1", "answer-made:1", "answer-kept:1", "pass-begun:1"),
    ("page-pulled:1", "page-completed:1", "page-half-written:1", "page-stored:1"),
    ("file-begun:1", "file-received:1", "file-flushed:1", "file-moved:1", "file-kept:1"),
    ("document-received:1", "document-stored:1"),
    ("attachment-stored:1", "listing-ended:1", "pass-ending:1", "pass-ended:1"),
    ("credentials-verified:1", "credentials-half-written:1", "credentials-kept:1"),
    ("due-found:1", "due-claimed:1", "due-started:1", "outcomes-waiting:1", "outcomes-written:1"),
    ("store-before-commit:2", "store-after-commit:4", "store-before-commit:9"),
)
"""Passed in a day's work; a row is a chain of crashes over one data folder."""

AT_STOP = ("host-drained:1", "store-before-checkpoint:1", "store-after-checkpoint:1")
AT_REWRAP = ("keys-batch-moved:1", "keys-rewrapped:1")
AT_RESET = ("credentials-reset:1",)


@pytest.fixture
def town(service: Service, partner: PlayedClaims360, shop: PlayedShop) -> Town:
    service.program = (sys.executable, crashing.__file__)
    service.launch = forked(crashing.run)
    partner.has_limits = False
    return Town(service, partner, {FIRST: shop})


async def start(service: Service, at: str = "") -> None:
    """Start the program; without a point it is the plain one."""
    service.environment = {"SYNCER_CRASH_AT": at} if at else {}
    await service.start()


async def work_until_death(town: Town) -> None:
    """Arm the point and work until the process is gone."""
    process = town.service.process
    assert process is not None
    process.send_signal(signal.SIGUSR1)
    with suppress(*UNREACHABLE):
        await town.work()
    async with asyncio.timeout(DEATH_SECONDS):
        assert await process.wait() == -signal.SIGKILL


async def test_a_kill_at_any_point_of_a_start_leaves_a_folder_that_starts(
    town: Town, record_property: Record
) -> None:
    for point in AT_START:
        service = town.service
        service.environment = {"SYNCER_CRASH_AT": point}
        await service.begin()
        assert service.process is not None
        assert await service.process.wait() == -signal.SIGKILL, (point, service.log())

    await start(town.service)
    await town.join(FIRST)
    await town.work()
    await town.recover()
    await town.check()
    assert await town.service.stop() == 0
    town.check_files()
    record_property(CRASHES, len(AT_START))


@pytest.mark.parametrize("_round", range(COUNTS.crash_rounds))
@pytest.mark.parametrize("points", AT_WORK, ids=lambda points: points[0].partition(":")[0])
async def test_a_kill_at_any_point_of_the_work_loses_and_doubles_nothing(
    town: Town, points: tuple[str, ...], _round: int, record_property: Record
) -> None:
    town.service.configure(town.service.base_url, interval="1s")
    await start(town.service, f"{points[0]}@USR1")
    await town.join(FIRST)

    for following in (*points[1:], ""):
        await work_until_death(town)
        await start(town.service, f"{following}@USR1" if following else "")
        await town.recover()
        await town.check()

    assert await town.service.stop() == 0
    town.check_files()
    record_property(CRASHES, len(points))


@pytest.mark.parametrize("point", AT_STOP)
async def test_a_kill_while_stopping_loses_nothing(town: Town, point: str) -> None:
    await start(town.service, f"{point}@USR1")
    await town.join(FIRST)
    await town.work()
    assert town.service.process is not None
    town.service.process.send_signal(signal.SIGUSR1)

    assert await town.service.stop() == -signal.SIGKILL

    await start(town.service)
    await town.recover()
    await town.check()
    await town.service.stop()
    town.check_files()


async def test_a_killed_rewrap_is_run_again_and_every_credential_opens(town: Town) -> None:
    service = town.service
    await start(service)
    await town.join(FIRST)
    await town.work()
    await service.stop()
    new = service.folder / "new.key"
    assert (await service.command("key", "add", "--to", str(new)))[0] == 0
    retired = f'retired_key_files = ["{service.folder}/root.key"]\n'
    text = service.config.read_text().replace("/root.key", "/new.key", 1)
    service.config.write_text(text.replace("[sync]", f"{retired}\n[sync]"))

    for point in AT_REWRAP:
        service.environment = {"SYNCER_CRASH_AT": point}
        assert (await service.command("key", "rewrap"))[0] == -signal.SIGKILL
    service.environment = {}
    again, _, err = await service.command("key", "rewrap")
    retire, _, _ = await service.command("key", "retire")

    assert (again, retire) == (0, 0), err
    service.config.write_text(service.config.read_text().replace(retired, ""))
    await start(service)
    await town.recover()
    await town.check()
    await service.stop()
    assert (await service.command("audit", "verify"))[0] == 0
    town.check_files()


async def test_a_killed_reset_is_done_and_takes_new_credentials(town: Town) -> None:
    service = town.service
    await start(service)
    await town.join(FIRST)
    await town.work()
    await service.stop()
    service.environment = {"SYNCER_CRASH_AT": "credentials-reset:1"}
    link = ("--connector", "claims360", "--repairer", FIRST)

    killed, _, err = await service.command(
        "credentials", "reset", *link, "--ticket", "T-1", "--reason", "lost", "--yes"
    )

    assert killed == -signal.SIGKILL, err
    await start(service)
    path = f"/v1/repairers/{FIRST}/links/claims360/credentials"
    shown = await service.good("GET", path)
    assert (shown["configured"], shown["generation"]) == (False, 1)
    await service.good("PUT", path, dict(town.shops[FIRST].credentials()))
    await town.recover()
    await town.check()
    await service.stop()
    town.check_files()


def test_every_named_point_is_tried() -> None:
    files = (ROOT / "syncer").rglob("*.py")
    named = [
        name for file in files for name in re.findall(r'crash_point\("(.*?)"\)', file.read_text())
    ]
    at_work = [*AT_FOLDERS, *AT_MAILS, *(point for row in AT_WORK for point in row)]
    tried = {
        point.partition(":")[0]
        for point in (*AT_START, *at_work, *AT_SENDING, *AT_STOP, *AT_REWRAP, *AT_RESET)
    }

    assert sorted(named) == sorted(set(named))
    assert tried == set(named)
