"""Listings that take longer than a pass may."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from syncer.domain.passes import PassState
from syncer.services.pull import LONGEST_LISTING_SECONDS
from tests.sync.world import ModelConnector, ModelObject, ModelPartner, World

MISSIONS = 12


async def test_a_listing_that_takes_too_long_is_given_up_and_what_it_brought_stays(
    tmp_path: Path,
) -> None:
    partner = ModelPartner()
    world = World(tmp_path, ModelConnector(partner))
    await world.open()
    for number in range(MISSIONS):
        ref = f"M-{number:02}"
        partner.objects[ref] = ModelObject(ref, "created", world.clock.now())
    slowly = timedelta(seconds=LONGEST_LISTING_SECONDS / 2)
    partner.between = [lambda: world.clock.advance(slowly)] * 3

    first = await world.run_pass()
    stored = await world.records()
    second = await world.run_pass()

    assert first.state is PassState.FAILED
    assert first.error is not None
    assert first.error.code == "timeout"
    assert len(stored) == first.counts.new == 3 * partner.page_size
    assert (second.state, second.counts.new) == (PassState.SUCCEEDED, MISSIONS - len(stored))
    await world.close()
