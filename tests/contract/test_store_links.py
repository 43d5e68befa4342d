"""Repairers, links and their passes on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from syncer.domain.errors import NotFoundError
from syncer.domain.intake import IntakeState
from syncer.domain.links import LinkKey, LinkState
from syncer.domain.passes import Pass, PassCounts, PassError, PassState, PassTrigger
from syncer.domain.stored import LinkFilter, LinkOutcome, QuarantinedItem, Repairer
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore
from tests.contract.samples import (
    IDS,
    LINK,
    NOW,
    add_records,
    ask,
    attachment,
    decision,
    make_link,
    record,
    record_write,
    sealed,
)

HOUR = timedelta(hours=1)
OUTCOME = LinkOutcome(
    link=LINK, generation=1, pass_id="p", pass_state="succeeded", ended_at=NOW, succeeded=True
)
ENABLED = ["claims360"]


async def configure(unit: UnitOfWork, link: LinkKey = LINK, *, due: int = 0) -> None:
    await unit.credentials.add(sealed(link, id_=IDS.new().encode()))
    await unit.links.configured(
        link, generation=1, next_due_at=NOW + due * HOUR, activation_cursor=None
    )


async def verified(unit: UnitOfWork, at: datetime) -> None:
    await unit.links.note_verification(LINK, at)


async def save(unit: UnitOfWork, pass_: Pass) -> None:
    await unit.passes.save(pass_)


async def test_a_link_comes_with_its_credentials_in_one_query(store: SqlStore) -> None:
    await store.write(make_link)
    bare = await ask(store, lambda unit: unit.links.with_credential(LINK))
    await store.write(configure)
    both = await ask(store, lambda unit: unit.links.with_credential(LINK))

    link = await ask(store, lambda unit: unit.links.get(LINK))
    credentials = await ask(store, lambda unit: unit.credentials.get(LINK))
    assert bare is not None
    assert bare[1] is None
    assert credentials is not None
    assert both == (link, credentials)
    assert await ask(store, lambda unit: unit.links.with_credential(LinkKey("no", "one"))) is None


async def test_a_link_exists_for_every_repairer_and_connector(store: SqlStore) -> None:
    await store.write(lambda unit: unit.repairers.put(Repairer(id="garage-8", name="G8")))

    await store.write(lambda unit: unit.links.ensure(["claims360", "darva"]))
    await store.write(lambda unit: unit.links.ensure(["claims360", "darva"]))

    links = await ask(
        store,
        lambda unit: unit.links.find(
            LinkFilter(enabled=["claims360", "darva"]), after=None, limit=9
        ),
    )
    assert [link.key for link in links] == [
        ("garage-7", "claims360"),
        ("garage-7", "darva"),
        ("garage-8", "claims360"),
        ("garage-8", "darva"),
    ]
    assert {link.state for link in links} == {LinkState.UNCONFIGURED}


async def test_links_are_listed_after_the_last_one_seen(store: SqlStore) -> None:
    await store.write(lambda unit: make_link(unit, LinkKey("garage-8", "claims360")))
    wanted = LinkFilter(enabled=ENABLED)

    rest = await ask(store, lambda unit: unit.links.find(wanted, after=LINK, limit=9))

    assert [link.key.repairer for link in rest] == ["garage-8"]


async def test_links_are_found_by_the_state_that_they_are_shown_in(store: SqlStore) -> None:
    paused = LinkFilter(
        enabled=ENABLED, overruled={"claims360": LinkState.PAUSED}, states=("paused",)
    )
    own = replace(paused, states=("unconfigured",))

    async with store.read() as unit:
        assert await unit.links.count(paused) == 1
        assert await unit.links.count(own) == 0
        assert await unit.links.count(replace(own, overruled={})) == 1
        assert await unit.links.count(LinkFilter(enabled=[])) == 0


async def test_only_active_unheld_links_are_due_earliest_first(store: SqlStore) -> None:
    keys = {name: LinkKey(name, "claims360") for name in ("late", "early", "held", "off", "future")}

    async def prepare(unit: UnitOfWork) -> None:
        for name, key in keys.items():
            await make_link(unit, key)
            await configure(unit, key, due={"early": -3, "future": 1}.get(name, -1))
        await unit.links.set_state(keys["off"], LinkState.PAUSED, "by hand")
        held = replace(OUTCOME, link=keys["held"], hold_until=NOW + HOUR)
        await unit.links.finish([held])

    await store.write(prepare)

    due = await ask(store, lambda unit: unit.links.due(NOW, connectors=ENABLED, limit=9))

    assert [link.key.repairer for link, _ in due] == ["early", "late"]
    assert [credential.link.repairer for _, credential in due] == ["early", "late"]
    others = await ask(store, lambda unit: unit.links.due(NOW, connectors=["darva"], limit=9))
    assert others == []


async def test_a_finished_pass_is_written_on_its_link(store: SqlStore) -> None:
    await store.write(configure)

    await store.write(lambda unit: unit.links.finish([replace(OUTCOME, cursor="c-9")]))

    link = await ask(store, lambda unit: unit.links.get(LINK))
    assert link is not None
    assert link.last_pass is not None
    assert (link.last_pass.id, link.last_pass.state) == ("p", "succeeded")
    assert (link.cursor, link.last_success_at, link.first_pass_at) == ("c-9", NOW, NOW)
    assert link.state is LinkState.ACTIVE


async def test_a_failed_pass_keeps_cursor_and_last_success(store: SqlStore) -> None:
    await store.write(configure)
    await store.write(lambda unit: unit.links.finish([replace(OUTCOME, cursor="c-9")]))
    failed = replace(
        OUTCOME,
        ended_at=NOW + HOUR,
        succeeded=False,
        state=LinkState.CREDENTIALS_REJECTED,
        reason="401",
    )

    await store.write(lambda unit: unit.links.finish([failed]))

    link = await ask(store, lambda unit: unit.links.get(LINK))
    assert link is not None
    assert (link.cursor, link.last_success_at, link.first_pass_at) == ("c-9", NOW, NOW)
    assert (link.state, link.reason) == (LinkState.CREDENTIALS_REJECTED, "401")


async def test_a_pass_of_an_earlier_generation_changes_nothing(store: SqlStore) -> None:
    await store.write(configure)

    await store.write(lambda unit: unit.links.finish([replace(OUTCOME, generation=0)]))

    link = await ask(store, lambda unit: unit.links.get(LINK))
    assert link is not None
    assert link.last_pass is None


async def test_a_reset_opens_the_slot_and_keeps_cursor_and_generation(store: SqlStore) -> None:
    await store.write(configure)
    await store.write(lambda unit: unit.links.finish([replace(OUTCOME, cursor="c-9")]))
    await store.write(lambda unit: unit.links.note_auth_failure(LINK, NOW))

    await store.write(lambda unit: unit.links.reset(LINK))

    async with store.read() as unit:
        link = await unit.links.get(LINK)
        failures = await unit.links.auth_failures_since(LINK, NOW - HOUR)
    assert link is not None
    assert (link.state, link.cursor, link.generation) == (LinkState.UNCONFIGURED, "c-9", 1)
    assert (link.next_due_at, failures) == (None, 0)


async def test_settings_and_due_times_read_back(store: SqlStore) -> None:
    async def change(unit: UnitOfWork) -> None:
        await configure(unit)
        await unit.links.set_settings(LINK, {"queueing": "none"}, start_date=date(2026, 1, 31))
        await unit.links.schedule({LINK: NOW + HOUR})
        await unit.links.note_activation(LINK, "a-1")

    await store.write(change)

    async with store.read() as unit:
        link = await unit.links.get(LINK)
        earliest = await unit.links.next_due_at(ENABLED)
        overdue = await unit.links.scheduled(connectors=ENABLED, before=NOW, after=None)
        ahead = await unit.links.scheduled(connectors=ENABLED, before=None, after=NOW)
    assert link is not None
    assert (link.settings, link.start_date) == ({"queueing": "none"}, date(2026, 1, 31))
    assert (link.activation_cursor, earliest) == ("a-1", NOW + HOUR)
    assert (overdue, [of.key for of in ahead]) == ([], [LINK])


async def test_changing_a_link_that_is_missing_is_an_error(store: SqlStore) -> None:
    missing = LinkKey("nobody", "claims360")

    with pytest.raises(NotFoundError):
        await store.write(lambda unit: unit.links.set_state(missing, LinkState.PAUSED, None))


async def test_verifications_are_counted_since_an_instant(store: SqlStore) -> None:
    for hours in (3, 1, 0):
        at = NOW - hours * HOUR
        await store.write(partial(verified, at=at))

    since = await ask(store, lambda unit: unit.links.verifications_since(LINK, NOW - 2 * HOUR))

    assert since == [NOW - HOUR, NOW]


async def test_a_link_counts_what_it_holds(store: SqlStore) -> None:
    rows = [
        record_write(record("1")),
        record_write(record("2")),
        record_write(record("3"), decision=decision(IntakeState.EXCLUDED)),
    ]
    await add_records(store, *rows)
    item = QuarantinedItem(
        id=IDS.new(), link=LINK, kind=None, partner_ref=None, reason="r", raw=b"x", at=NOW,
        resolved_at=None,
    )  # fmt: skip

    async def more(unit: UnitOfWork) -> None:
        await unit.records.take_over(rows[0].id, version=1, at=NOW)
        await unit.quarantine.add([item])
        await unit.quarantine.note_unknown(LINK, [("chat", "7", b"{}")], at=NOW)
        offers = [(IDS.new(), attachment(ref), None) for ref in "ab"]
        await unit.attachments.offer(LINK, offers, at=NOW)
        await unit.attachments.refused(offers[0][0], "too large", at=NOW)

    await store.write(more)

    assert await ask(store, lambda unit: unit.links.counts([LINK])) == {
        LINK: {
            "records": 3,
            "queued": 2,
            "accepted": 0,
            "dismissed": 0,
            "excluded": 1,
            "taken_over": 1,
            "quarantined": 1,
            "attachments_pending": 1,
            "attachments_refused": 1,
            "unknown_items": 1,
        }
    }


async def test_repairers_of_the_file_become_the_apis_when_they_leave_it(store: SqlStore) -> None:
    one = Repairer(
        id="one", name="One", sites=("a", "b"), prefilled={"claims360": {"bodyshop_id": "4"}}
    )
    two = Repairer(id="two", name="Two")
    await store.write(lambda unit: unit.repairers.keep_from_file([one, two]))

    await store.write(lambda unit: unit.repairers.keep_from_file([one]))

    async with store.read() as unit:
        first, second = await unit.repairers.get("one"), await unit.repairers.get("two")
        listed = await unit.repairers.find(after="garage-7", limit=9)
    assert first is not None
    assert second is not None
    assert (first.origin, first.sites, first.prefilled) == ("file", one.sites, one.prefilled)
    assert second.origin == "api"
    assert [repairer.id for repairer in listed] == ["one", "two"]


async def test_putting_a_repairer_again_replaces_it(store: SqlStore) -> None:
    is_new = await store.write(lambda unit: unit.repairers.put(Repairer(id="x", name="X")))
    again = await store.write(lambda unit: unit.repairers.put(Repairer(id="x", name="Y")))

    assert (is_new, again) == (True, False)
    assert await ask(store, lambda unit: unit.repairers.count()) == 2


async def test_a_pass_is_kept_and_updated(store: SqlStore) -> None:
    pass_ = Pass(id=IDS.new(), link=LINK, trigger=PassTrigger.REFRESH, created_at=NOW)
    await store.write(lambda unit: unit.passes.save(pass_))
    assert await ask(store, lambda unit: unit.passes.unended()) == [pass_]
    pass_.state = PassState.FAILED
    pass_.error = PassError(code="timeout", text="too slow", retry_at=NOW + HOUR)
    pass_.counts = PassCounts(seen=3, new=1)
    pass_.started_at = pass_.ended_at = NOW

    await store.write(lambda unit: unit.passes.save(pass_))

    async with store.read() as unit:
        assert await unit.passes.get(pass_.id) == pass_
        assert await unit.passes.unended() == []


async def test_passes_are_listed_newest_first_by_state(store: SqlStore) -> None:
    states = (PassState.FAILED, PassState.SUCCEEDED, PassState.FAILED)
    passes = [
        Pass(id=IDS.new(), link=LINK, trigger=PassTrigger.SCHEDULE, state=state, created_at=NOW)
        for state in states
    ]
    for pass_ in passes:
        await store.write(partial(save, pass_=pass_))
    failed: Any = {"repairers": None, "connectors": ("claims360",), "states": ("failed",)}

    async with store.read() as unit:
        found = await unit.passes.find(**failed, after=None, limit=9)
        older = await unit.passes.find(**failed, after=found[0].id, limit=9)
        count = await unit.passes.count(**failed)

    assert [of.id for of in found] == [passes[2].id, passes[0].id]
    assert ([of.id for of in older], count) == ([passes[0].id], 2)
