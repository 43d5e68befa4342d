from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from syncer.domain.errors import ConflictError, VaultSealedError
from syncer.services import audit
from syncer.testing import FakeClock
from tests.credentials.conftest import LINK, OTHER, Desk, OpenDesk


@pytest.fixture
async def busy(desk: Desk) -> Desk:
    """A trail of six entries: key_load, unseal, set, set_refused, set, reset."""
    await desk.register()
    with pytest.raises(ConflictError):
        await desk.register()
    await desk.register(link=OTHER)
    await desk.resets.reset(OTHER, ticket="HD-1", reason="typo", actor="anna")
    return desk


async def test_an_untouched_trail_is_intact(busy: Desk) -> None:
    verdict = await busy.trail.verify()

    assert verdict.intact
    assert verdict.entries == 6
    assert verdict.unproven == {}


@pytest.mark.parametrize(
    ("statements", "fault"),
    [
        (["UPDATE audit SET actor = 'bert' WHERE seq = 6"], "entry 6 was changed"),
        (["UPDATE audit SET action = 'set' WHERE seq = 4"], "entry 4 was changed"),
        (["UPDATE audit SET detail = '{}' WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET at = at + 1 WHERE seq = 5"], "entry 5 was changed"),
        (["UPDATE audit SET repairer = NULL WHERE seq = 3"], "entry 3 was changed"),
        (["UPDATE audit SET chain = 2 WHERE seq >= 3"], "entry 3 is of a chain"),
        (["UPDATE audit SET chain = 0"], "entry 1 is of a chain"),
        (["UPDATE audit SET mac = zeroblob(32) WHERE seq = 2"], "entry 2 was changed"),
        (["DELETE FROM audit WHERE seq = 4"], "entry 4 is missing"),
        (["DELETE FROM audit WHERE seq = 1"], "entry 1 is missing"),
        (["DELETE FROM audit"], "all entries are missing"),
        (
            ["DELETE FROM audit WHERE seq = 4", "UPDATE audit SET seq = seq - 1 WHERE seq > 4"],
            "entry 4 was changed",
        ),
        (
            [
                "UPDATE audit SET seq = seq + 100 WHERE seq >= 4",
                "CREATE TABLE copied AS SELECT * FROM audit WHERE seq = 3",
                "UPDATE copied SET seq = 4",
                "INSERT INTO audit SELECT * FROM copied",
                "UPDATE audit SET seq = seq - 99 WHERE seq > 100",
            ],
            "entry 4 was changed",
        ),
        (
            [
                "UPDATE audit SET seq = 100 WHERE seq = 4",
                "UPDATE audit SET seq = 4 WHERE seq = 5",
                "UPDATE audit SET seq = 5 WHERE seq = 100",
            ],
            "entry 4 was changed",
        ),
    ],
    ids=[
        "actor", "action", "detail", "instant", "link", "chain", "all-chains", "mac", "delete",
        "delete-first", "delete-all", "delete-and-close-up", "insert", "reorder",
    ],
)  # fmt: skip
async def test_a_change_behind_our_back_is_found_at_its_first_entry(
    busy: Desk, statements: list[str], fault: str
) -> None:
    busy.meddle(*statements)

    verdict = await busy.trail.verify()

    assert not verdict.intact
    assert fault in (verdict.fault or "")


async def test_a_cut_off_end_is_found_with_the_head_from_the_log(busy: Desk) -> None:
    head = (await busy.trail.verify()).head
    busy.meddle("DELETE FROM audit WHERE seq = 6")

    assert (await busy.trail.verify()).intact
    assert not (await busy.trail.verify(head=head)).intact


async def test_a_head_from_the_log_that_is_still_there_is_no_fault(busy: Desk) -> None:
    head = (await busy.trail.verify()).head
    await busy.register(link=OTHER)

    assert (await busy.trail.verify(head=head)).intact


async def test_entries_that_claim_to_be_from_a_sealed_time_do_not_pass(busy: Desk) -> None:
    busy.meddle(
        "INSERT INTO note (name, value) VALUES ('vault.keyless_chains', x'5b315d')",
        "UPDATE audit SET actor = 'bert' WHERE seq = 6",
    )

    assert not (await busy.trail.verify()).intact


@pytest.mark.parametrize("batch", [1, 2, 3, 6, 7])
async def test_a_trail_is_verified_whole_in_batches(
    busy: Desk, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(audit, "BATCH", batch)
    intact = await busy.trail.verify()
    busy.meddle("UPDATE audit SET actor = 'bert' WHERE seq = 6")

    broken = await busy.trail.verify()

    assert (intact.intact, intact.entries) == (True, 6)
    assert (broken.intact, broken.entries) == (False, 5)


async def test_nothing_can_be_verified_in_a_sealed_vault(open_desk: OpenDesk) -> None:
    with pytest.raises(VaultSealedError):
        await (await open_desk(None)).trail.verify()


# -- decryptions ----------------------------------------------------------------------------------


async def test_openings_of_a_link_are_audited_once_with_their_count(desk: Desk) -> None:
    await desk.register()
    sealed, link = await desk.sealed(), await desk.link()
    assert sealed is not None
    for _ in range(3):
        desk.opener.open(link, sealed, correlation_id="x")

    await desk.tally.flush()
    await desk.tally.flush()

    decrypts = [entry for entry in await desk.audit() if entry.action == "decrypt"]
    assert [(entry.repairer, entry.detail) for entry in decrypts] == [(LINK.repairer, {"count": 3})]


async def test_openings_are_audited_every_hour(desk: Desk, clock: FakeClock) -> None:
    desk.tally.opened(LINK)
    begun_at = clock.now()

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await desk.tally.run()

    entry = next(each for each in await desk.audit() if each.action == "decrypt")
    assert entry.at - begun_at == timedelta(hours=1)


async def test_openings_count_nothing_in_a_sealed_vault(open_desk: OpenDesk) -> None:
    desk: Desk = await open_desk(None)
    desk.tally.opened(LINK)

    await desk.tally.flush()

    assert await desk.audit() == []
