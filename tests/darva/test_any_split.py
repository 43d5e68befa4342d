"""Whatever the pages and crashes: a claim file ends where its messages, one by one, would lead."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from syncer_darva.folders import Darva, DarvaCredentials
from syncer_darva.mapping import map_message
from syncer_darva.message import read_message
from syncer_darva.played_messages import Draft

from syncer.dispatch.ambient import UuidIds
from syncer.domain.claim_files import ClaimFile
from syncer.domain.links import LinkKey
from syncer.domain.lives import LoggedEvent
from syncer.domain.records import ClaimRef
from syncer.domain.stored import Repairer
from syncer.ports.store import Store
from syncer.sdk import Event, Link, Page, Record, Settings, Standing
from syncer.services.lifecycles import fold
from syncer.services.page import PageStorer
from syncer.store import open_store, sqlite_url
from syncer.testing import FakeClock
from tests.campaign import COUNTS

LINK = LinkKey("garage-7", "darva")
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
DARVA = Darva()
MESSAGES = st.sampled_from(
    [("AS", None), ("AP", None), *(("SD", code) for code in ("12", "25", "36", "37", "54", "99"))]
)
CLAIMS = count()


def records_of(
    claim: str, messages: Sequence[tuple[str, str | None]]
) -> list[tuple[Record, bytes]]:
    made = []
    for seq, (type_, code) in enumerate(messages, 1):
        draft = Draft(
            type=type_,
            id=f"{claim}-{seq}",
            claim=claim,
            code=code,
            notice=f"AS-{seq}" if type_ == "AS" else None,
            expert=None if seq % 2 else "Cabinet Demo",
        )
        at = AT + timedelta(minutes=seq)
        raw = draft.written(seq=seq, sent_at=at, subscriber="1", station="1")
        mapped = map_message(read_message(raw), raw)
        assert isinstance(mapped, Record)
        made.append((mapped, raw))
    return made


def one_by_one(records: Sequence[tuple[Record, bytes]]) -> Standing:
    """Lead a file through its messages, with what waits tried again after each that moves it."""
    life = DARVA.lifecycle
    now = life.begin()
    waiting: list[Event] = []
    for record, _ in records:
        pending = [*waiting, *DARVA.events(record)]
        moved = True
        while moved:
            moved, waiting, before = False, [], now
            for event in pending:
                after = life.apply(now, event)
                if after is None:
                    waiting.append(event)
                else:
                    now = after
            pending, moved = waiting, now != before
    return now


class Shelf:
    """A store with the link, and what pages do to it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        clock = FakeClock()
        self.pages = PageStorer(store=store, clock=clock, ids=UuidIds())
        credentials = DarvaCredentials(subscriber_no="1", station_no="1")
        self.link: Any = Link(
            repairer="garage-7", credentials=credentials, settings=Settings(), start_date=None
        )

    async def take(self, page: Sequence[tuple[Record, bytes]]) -> None:
        records, originals = [one for one, _ in page], [raw for _, raw in page]
        await self.pages.take(LINK, DARVA, self.link, Page(records=records, originals=originals))

    async def seen(self, claim: str) -> tuple[ClaimFile, list[LoggedEvent]]:
        async with self.store.read() as uow:
            file = await uow.claim_files.named(LINK, ClaimRef(partner_ref=f"DEMO:{claim}"))
            assert file is not None
            return file, (await uow.lives.log_of([file.id]))[file.id]


@pytest.fixture(scope="module")
def loop_and_shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A loop of its own with a store that lives as long as the module."""
    folder: Path = tmp_path_factory.mktemp("split")
    with asyncio.Runner() as runner:
        opened = open_store(sqlite_url(folder / "syncer.db"), clock=FakeClock(), ids=UuidIds())
        store = runner.run(opened.__aenter__())
        repairer = Repairer(id="garage-7", name="Carrosserie Demo")
        runner.run(store.write(lambda uow: uow.repairers.put(repairer)))
        runner.run(store.write(lambda uow: uow.links.ensure(["darva"])))
        yield runner, Shelf(store)
        runner.run(opened.__aexit__(None, None, None))


@settings(
    max_examples=COUNTS.model_runs,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), messages=st.lists(MESSAGES, min_size=1, max_size=8))
def test_any_split_into_pages_leads_to_the_same_standing(
    loop_and_shelf: Any, data: st.DataObject, messages: list[tuple[str, str | None]]
) -> None:
    runner, shelf = loop_and_shelf
    claim = f"C{next(CLAIMS)}"
    records = records_of(claim, messages)
    start = 0
    while start < len(records):
        end = data.draw(st.integers(start + 1, len(records)), label="page ends before")
        runner.run(shelf.take(records[start:end]))
        if data.draw(st.booleans(), label="crash before the cursor was saved"):
            start = data.draw(st.integers(0, start), label="listed again from")
        else:
            start = end

    file, log = runner.run(shelf.seen(claim))
    assert file.standing == one_by_one(records)
    assert fold(DARVA.lifecycle, log) == file.standing
    assert len(log) == len(records)
