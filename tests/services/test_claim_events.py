"""Events that the planning system reports, judged by a lifecycle."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import TransitionRefusedError
from syncer.domain.feed import ChangeType
from syncer.domain.lifecycles import LocalEvent
from syncer.services.claim_data import ClaimData
from syncer.services.claim_events import ClaimEvents, Reported
from syncer.services.claim_files import NewClaimFile
from syncer.services.lifecycles import Happening, fold, live_on
from tests.services.lives import LINK, ShelfConnector, ShelfLife, happened, installed, seen

if TYPE_CHECKING:
    from syncer.ports.store import UnitOfWork
    from tests.services.conftest import House


class Desk:
    """A claim file of the planning system that is open, and reports of it."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.connector = ShelfConnector()
        house.registry.installed["shelf"] = installed(self.connector)
        self.events = ClaimEvents(
            store=house.store, registry=house.registry, clock=house.clock, ids=house.ids
        )
        self.id = ""

    async def open(self) -> None:
        await self.house.store.write(lambda uow: uow.links.ensure(["shelf"]))
        new = NewClaimFile(link=LINK, reference="R-1", claim_type=None, data=ClaimData())
        self.id = (await self.house.claim_files.make(new))["id"]

        async def work(uow: UnitOfWork) -> None:
            notice = Happening(claim_file=self.id, event=happened("notice", "1"))
            await live_on(uow, self.connector, [notice], at=self.house.clock.now())

        await self.house.store.write(work)

    async def report(self, event: LocalEvent, **more: Any) -> dict[str, Any]:
        return await self.events.report(self.id, Reported(event=event, **more))


@pytest.fixture
async def desk(house: House) -> Desk:
    desk = Desk(house)
    await desk.open()
    return desk


async def test_a_report_moves_the_file_and_is_told(desk: Desk) -> None:
    at = desk.house.clock.now() - timedelta(days=3)

    view = await desk.report(LocalEvent.LINKED_TO_SALES_DOCUMENT, sales_document="F-1", at=at)

    assert (view["state"], view["selectable"], view["in_sales_document"]) == ("used", False, True)
    assert view["selectable_reason"] == "The file is used."
    assert (view["timeline"][-1]["note"], view["timeline"][-1]["to"]) == ("F-1", "used")
    [told] = await desk.house.told(ChangeType.CLAIM_FILE_STATE_CHANGED)
    assert (told.change.subject_id, told.change.data["from"]) == (desk.id, "open")
    _, log = await seen(desk.house.store, desk.id)
    assert log[-1].event.data == {"sales_document": "F-1"}


@pytest.mark.parametrize(
    "event", [LocalEvent.REMOVED_FROM_SALES_DOCUMENT, LocalEvent.CREDIT_NOTE_CREATED]
)
async def test_nothing_is_kept_of_a_report_that_cannot_be(desk: Desk, event: LocalEvent) -> None:
    before = await desk.house.claim_files.one(desk.id)
    told = await desk.house.told()

    with pytest.raises(TransitionRefusedError):
        await desk.report(event)

    assert await desk.house.claim_files.one(desk.id) == before
    assert await desk.house.told() == told


async def test_the_same_event_may_happen_again_later(desk: Desk) -> None:
    for _ in range(2):
        await desk.report(LocalEvent.LINKED_TO_SALES_DOCUMENT)
        await desk.report(LocalEvent.REMOVED_FROM_SALES_DOCUMENT)

    file, log = await seen(desk.house.store, desk.id)
    assert (file.standing.state, len(log)) == ("open", 5)
    assert fold(ShelfLife(), log) == file.standing


async def test_a_stage_is_none_of_the_lifecycles_business(desk: Desk) -> None:
    await desk.report(LocalEvent.CONVERTED)

    file, log = await seen(desk.house.store, desk.id)
    assert (file.stage, file.standing.state) == ("converted", "open")
    assert fold(ShelfLife(), log) == file.standing
