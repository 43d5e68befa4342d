"""What exclude rules would do to stored records, and doing it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import ConflictError, InvalidError, NotFoundError
from syncer.domain.feed import ChangeType
from syncer.domain.links import LinkKey
from syncer.domain.records import ClaimRef, Kind
from syncer.services.excludes import BATCH

if TYPE_CHECKING:
    from tests.services.conftest import House

LINK = LinkKey("garage-7", "paper")
NO_QUOTES = [{"rule": "no quotes", "kind": "quote"}]


async def rules_in_force(house: House, *rules: dict[str, Any], queueing: str = "all") -> None:
    settings = {"excludes": list(rules), "queueing": queueing}
    await house.store.write(lambda uow: uow.links.set_settings(LINK, settings, start_date=None))


async def test_preview_lists_what_the_rules_would_decide_otherwise(house: House) -> None:
    quote = await house.add()
    await house.add(house.a_record("M-1", kind=Kind.MISSION))

    items = await house.excludes.preview(LINK, NO_QUOTES)

    assert items == [
        {
            "record": quote,
            "kind": "quote",
            "partner_ref": "Q-1",
            "current": {"state": "queued", "rule": "queueing = all"},
            "would_be": {"state": "excluded", "rule": "no quotes"},
            "kept": False,
        }
    ]


async def test_preview_says_that_a_taken_over_record_is_kept(house: House) -> None:
    await house.add(state="accepted", taken_over=True)

    [item] = await house.excludes.preview(LINK, NO_QUOTES)

    assert item["kept"] is True
    assert item["would_be"]["state"] == "excluded"


async def test_preview_shows_what_comes_back_when_a_rule_goes(house: House) -> None:
    await house.add(state="excluded", rule="no quotes")

    [item] = await house.excludes.preview(LINK, [])

    assert item["would_be"] == {"state": "queued", "rule": "queueing = all"}


async def test_preview_changes_nothing(house: House) -> None:
    id_ = await house.add()

    await house.excludes.preview(LINK, NO_QUOTES)

    assert (await house.stored(id_)).decision.state == "queued"
    assert await house.told() == []


async def test_preview_names_a_faulty_rule(house: House) -> None:
    with pytest.raises(InvalidError) as caught:
        await house.excludes.preview(LINK, [{"colour": "red"}])

    assert [fault.pointer for fault in caught.value.errors] == ["/excludes/0/colour"]


async def test_preview_looks_at_every_record_of_the_link_only(house: House) -> None:
    for number in range(BATCH + 3):
        await house.add(house.a_record(f"Q-{number}"))
    await house.add(link=LinkKey("garage-8", "paper"))

    items = await house.excludes.preview(LINK, NO_QUOTES)

    assert len(items) == BATCH + 3


async def test_apply_excludes_and_says_by_which_rule(house: House) -> None:
    await rules_in_force(house, *NO_QUOTES)
    id_ = await house.add()

    done = await house.excludes.apply(LINK)

    record = await house.stored(id_)
    assert (done.matched, done.changed) == (1, 1)
    assert (record.decision.state, record.decision.rule) == ("excluded", "no quotes")
    [entry] = await house.told(ChangeType.RECORD_DECIDED)
    assert entry.change.data["intake"] == "excluded"


async def test_apply_moves_a_person_s_decision_that_a_rule_hits_and_restores_it(
    house: House,
) -> None:
    id_ = await house.add(state="dismissed", person=True)
    await rules_in_force(house, *NO_QUOTES)
    await house.excludes.apply(LINK)
    excluded = (await house.stored(id_)).decision.state
    await rules_in_force(house)

    await house.excludes.apply(LINK)

    restored = (await house.stored(id_)).decision
    assert excluded == "excluded"
    assert (restored.state, restored.decided_by) == ("dismissed", "person")


async def test_apply_leaves_taken_over_records(house: House) -> None:
    await rules_in_force(house, *NO_QUOTES)
    id_ = await house.add(state="accepted", taken_over=True)

    done = await house.excludes.apply(LINK)

    assert (done.matched, done.changed) == (0, 0)
    assert (await house.stored(id_)).decision.state == "accepted"


async def test_apply_follows_a_changed_queueing_setting(house: House) -> None:
    await rules_in_force(house, queueing="none")
    id_ = await house.add()

    await house.excludes.apply(LINK)

    assert (await house.stored(id_)).decision.state == "accepted"


async def test_apply_twice_changes_nothing_more(house: House) -> None:
    await rules_in_force(house, *NO_QUOTES)
    await house.add()
    await house.excludes.apply(LINK)

    again = await house.excludes.apply(LINK)

    assert (again.matched, again.changed) == (1, 0)


async def test_apply_reaches_records_beyond_one_batch(house: House) -> None:
    await rules_in_force(house, *NO_QUOTES)
    for number in range(BATCH + 3):
        await house.add(house.a_record(f"Q-{number}"))

    done = await house.excludes.apply(LINK)

    assert done.changed == BATCH + 3


async def test_record_that_comes_back_is_completed_at_once(house: House) -> None:
    id_ = await house.add(state="excluded", rule="no quotes")

    await house.excludes.apply(LINK)

    assert (await house.stored(id_)).incomplete
    assert house.woken == [LINK]


async def test_withdrawn_record_that_comes_back_is_not_asked_for(house: House) -> None:
    id_ = await house.add(state="excluded", rule="no quotes")
    await house.store.write(lambda uow: uow.records.withdraw([id_]))

    await house.excludes.apply(LINK)

    record = await house.stored(id_)
    assert (record.decision.state, record.incomplete) == ("queued", False)
    assert house.woken == []


async def test_link_is_left_asleep_when_nothing_comes_back(house: House) -> None:
    await rules_in_force(house, *NO_QUOTES)
    await house.add()

    await house.excludes.apply(LINK)

    assert house.woken == []


async def test_record_that_comes_back_makes_its_claim_file(house: House, a_claim: ClaimRef) -> None:
    id_ = await house.add(house.a_record(claim=a_claim), state="excluded", rule="no quotes")

    await house.excludes.apply(LINK)

    claim_file = await house.claim_files.one((await house.stored(id_)).claim_file_id or "")
    assert claim_file["partner_ref"] == "M-1"
    assert claim_file["reference"] == "2026/M-1"
    assert claim_file["data"] == {"vehicle": {"plate": "1-ABC-234", "mileage_km": 84210}}
    assert claim_file["records"] == [id_]
    assert len(await house.told(ChangeType.CLAIM_FILE_CREATED)) == 1


async def test_record_that_comes_back_joins_the_claim_file_of_its_mission(
    house: House, a_claim: ClaimRef
) -> None:
    mission = house.a_record("M-1", kind=Kind.MISSION, claim=a_claim)
    mission_id = await house.add(mission)
    quote_id = await house.add(house.a_record(claim=a_claim), state="excluded", rule="no quotes")

    await house.excludes.apply(LINK)

    files = {(await house.stored(id_)).claim_file_id for id_ in (mission_id, quote_id)}
    assert len(files) == 1
    assert await house.told(ChangeType.CLAIM_FILE_CREATED) == []


@pytest.mark.parametrize(
    ("link", "error"),
    [
        pytest.param(LinkKey("garage-7", "nowhere"), NotFoundError, id="unknown-connector"),
        pytest.param(LinkKey("nobody", "paper"), NotFoundError, id="unknown-repairer"),
        pytest.param(LinkKey("garage-7", "off"), ConflictError, id="disabled-connector"),
        pytest.param(LinkKey("garage-7", "odd"), ConflictError, id="connector-set-aside"),
    ],
)
async def test_link_that_is_not_there_is_refused(
    house: House, link: LinkKey, error: type[Exception]
) -> None:
    with pytest.raises(error):
        await house.excludes.preview(link, [])
    with pytest.raises(error):
        await house.excludes.apply(link)
