"""Records as JSON and in lists."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import NotFoundError
from syncer.domain.links import LinkKey
from syncer.domain.records import (
    Attachment,
    ClaimRef,
    Insured,
    Insurer,
    Kind,
    Line,
    Money,
    Record,
    Site,
    Surveyor,
    Totals,
    Vehicle,
)
from syncer.domain.stored import RecordFilter
from syncer.services.record_json import decode_record, encode_record

if TYPE_CHECKING:
    from tests.services.conftest import House

TEXT = st.none() | st.text(max_size=8)
DECIMAL = st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=2)
MONEY = st.none() | st.builds(
    Money,
    amount=st.decimals(allow_nan=False, allow_infinity=False, places=2),
    currency=st.just("EUR"),
)
WHOLE = st.none() | st.integers(0, 10**9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)
RECORDS = st.builds(
    Record,
    kind=st.sampled_from(Kind),
    partner_ref=st.text(max_size=8),
    revision=st.text(max_size=8),
    status=st.text(max_size=8),
    status_changed_at=st.datetimes(timezones=st.just(UTC)),
    number=TEXT,
    version=WHOLE,
    previous_status=TEXT,
    claim=st.none() | st.builds(ClaimRef, partner_ref=st.text(max_size=5), reference=TEXT),
    site=st.none() | st.builds(Site, id=TEXT, name=TEXT),
    smart_expertise=st.none() | st.booleans(),
    vehicle=st.none()
    | st.builds(
        Vehicle, plate=TEXT, power_kw=WHOLE, first_registration_date=st.none() | st.dates()
    ),
    insurer=st.none() | st.builds(Insurer, name=TEXT, claim_number=TEXT),
    insured=st.none() | st.builds(Insured, name=TEXT),
    surveyor=st.none() | st.builds(Surveyor, name=TEXT),
    loss_date=st.none() | st.dates(),
    totals=st.none() | st.builds(Totals, net=MONEY, gross=MONEY),
    lines=st.lists(st.builds(Line, id=TEXT, quantity=DECIMAL, unit_price=MONEY), max_size=3).map(
        tuple
    ),
    extra=st.dictionaries(st.text(max_size=3), JSON, max_size=3),
)


@given(RECORDS)
def test_encoded_record_reads_back_without_loss(record: Record) -> None:
    assert decode_record(encode_record(record)) == record


async def test_record_is_shown_in_its_documented_shape(house: House) -> None:
    money = Money(amount=Decimal("1240.50"), currency="EUR")
    record = house.a_record(
        previous_status="draft",
        loss_date=date(2026, 2, 21),
        totals=Totals(net=money),
        lines=(Line(id="1", kind="labour", quantity=Decimal("1.00"), unit_price=money),),
        extra={"vehicle": {"colour": "red"}},
    )
    id_ = await house.add(record, version=4)

    shown = await house.records.one(id_)

    assert shown["id"] == id_
    assert (shown["connector"], shown["repairer"]) == ("paper", "garage-7")
    assert (shown["status"], shown["previous_status"]) == ("submitted", "draft")
    assert shown["version"] == 4
    assert shown["status_changed_at"] == "2026-03-02T09:00:00Z"
    assert shown["received_at"] == "2026-03-02T09:15:00Z"
    assert shown["loss_date"] == "2026-02-21"
    assert shown["totals"]["net"] == {"amount": "1240.50", "currency": "EUR"}
    assert shown["lines"][0]["quantity"] == "1.00"
    assert shown["extra"] == {"vehicle": {"colour": "red"}}
    assert shown["intake"] == {
        "state": "queued",
        "rule": "queueing = all",
        "decided_at": "2026-03-02T09:15:00Z",
        "decided_by": "rule",
    }
    assert shown["taken_over_at"] is None
    assert shown["missing_documents"] == 0
    assert shown["withdrawn"] is False
    assert shown["attachments"] == []
    assert "claim" not in shown
    assert "revision" not in shown


async def test_excluded_record_shows_no_lines(house: House) -> None:
    record = house.a_record(lines=(Line(id="1"),))
    id_ = await house.add(record, state="excluded", rule="no quotes")

    assert (await house.records.one(id_))["lines"] == []


async def test_attachments_are_shown_on_their_record(house: House) -> None:
    mission = house.a_record("M-1", kind=Kind.MISSION)
    id_ = await house.add(mission)
    photo = Attachment(owner=mission.key, partner_ref="P-1", kind="photo", name="front.jpg")
    await house.store.write(
        lambda uow: uow.attachments.offer(
            LinkKey("garage-7", "paper"), [("a-1", photo, None)], at=house.clock.now()
        )
    )

    [shown] = (await house.records.one(id_))["attachments"]

    assert (shown["id"], shown["name"], shown["state"]) == ("a-1", "front.jpg", "pending")


async def test_list_is_newest_status_change_first_then_by_id(house: House) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    ids = [
        await house.add(house.a_record(f"Q-{n}", status_changed_at=at + timedelta(hours=hours)))
        for n, hours in enumerate([1, 3, 3, 2])
    ]

    found = await house.records.find(RecordFilter())

    assert [item["id"] for item in found.items] == [ids[1], ids[2], ids[3], ids[0]]


async def test_list_walks_page_by_page_without_loss_or_doubling(house: House) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    ids = {
        await house.add(house.a_record(f"Q-{n}", status_changed_at=at + timedelta(hours=n // 3)))
        for n in range(10)
    }
    seen: list[str] = []
    place = None
    while True:
        found = await house.records.find(RecordFilter(), after=place, limit=3)
        seen += [item["id"] for item in found.items]
        assert found.total == 10
        place = found.last
        if place is None:
            break

    assert sorted(seen) == sorted(ids)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"kinds": ("quote",)}, id="kind"),
        pytest.param({"kinds": ("notice", "quote")}, id="any-of-two-kinds"),
        pytest.param({"repairers": ("garage-7",)}, id="repairer"),
        pytest.param({"connectors": ("paper",)}, id="connector"),
        pytest.param({"intake": ("queued",)}, id="intake"),
        pytest.param({"statuses": ("submitted",)}, id="status"),
        pytest.param({"number": "2026/q-1"}, id="number"),
        pytest.param({"plate": "abc"}, id="plate"),
        pytest.param({"name": "JANSENS"}, id="name-of-insured"),
        pytest.param({"name": "verzek"}, id="name-of-insurer"),
        pytest.param({"name": "bureau"}, id="name-of-surveyor"),
        pytest.param({"make": "renault"}, id="make"),
        pytest.param({"model": "megane"}, id="model-without-accent"),
        pytest.param({"site": "noord"}, id="site-by-name"),
        pytest.param({"site": "gent"}, id="site-by-id"),
        pytest.param({"smart_expertise": True}, id="smart-expertise"),
        pytest.param({"taken_over": "no"}, id="not-taken-over"),
        pytest.param({"q": "778"}, id="anything-by-claim-number"),
        pytest.param({"q": "jansens"}, id="anything-by-name"),
        pytest.param({"q": "1-abc"}, id="anything-by-plate"),
        pytest.param({"q": "2026/q"}, id="anything-by-number"),
        pytest.param({"kinds": ("quote",), "plate": "1-abc", "q": "2026"}, id="all-at-once"),
    ],
)
async def test_filter_finds_the_one_that_matches(house: House, parts: dict[str, Any]) -> None:
    wanted = await house.add()
    other = house.a_record(
        "X-9",
        kind=Kind.MISSION,
        status="created",
        number="77/X",
        site=Site(id="luik", name="Luik"),
        smart_expertise=False,
        vehicle=Vehicle(plate="9-ZZZ-999", make="Opel", model="Corsa"),
        insurer=Insurer(name="Other", claim_number="1"),
        insured=Insured(name="Peeters"),
        surveyor=Surveyor(name="Expert"),
    )
    elsewhere = LinkKey("garage-8", "paper")
    await house.add(other, link=elsewhere, state="accepted", taken_over=True)
    if "connectors" in parts:
        parts = {**parts, "kinds": ("quote",)}

    found = await house.records.find(RecordFilter(**parts))

    assert ([item["id"] for item in found.items], found.total) == ([wanted], 1)


async def test_list_leaves_out_excluded_and_dismissed_ones_unless_asked_for(
    house: House,
) -> None:
    await house.add(house.a_record("Q-1"), state="dismissed", person=True)
    await house.add(house.a_record("Q-2"), state="excluded", rule="x")

    unasked = await house.records.find(RecordFilter())
    asked = await house.records.find(RecordFilter(intake=("excluded", "dismissed")))

    assert (unasked.total, asked.total) == (0, 2)


@pytest.mark.parametrize(("asked", "number"), [("yes", 2), ("no", 1), ("outdated", 1)])
async def test_filter_tells_taken_over_and_outdated_ones(
    house: House, asked: Any, number: int
) -> None:
    await house.add(house.a_record("Q-1"))
    await house.add(house.a_record("Q-2"), state="accepted", taken_over=True)
    outdated = await house.add(house.a_record("Q-3"), state="accepted", taken_over=True)
    await house.new_version(outdated, version=2)

    assert (await house.records.find(RecordFilter(taken_over=asked))).total == number


async def test_wildcards_of_sql_are_plain_signs_in_filters(house: House) -> None:
    await house.add()

    found = await house.records.find(RecordFilter(plate="1%4"))

    assert found.total == 0


async def test_history_lists_versions_newest_first(house: House) -> None:
    id_ = await house.add(version=1)
    await house.new_version(id_, version=2)

    history = await house.records.history(id_)

    assert [version["version"] for version in history] == [2, 1]
    assert history[1]["record"]["vehicle"]["plate"] == "1-ABC-234"


async def test_unknown_record_has_no_view_and_no_history(house: House) -> None:
    with pytest.raises(NotFoundError):
        await house.records.one("none")
    with pytest.raises(NotFoundError):
        await house.records.history("none")


async def test_none_miss_documents_while_none_are_expected(house: House) -> None:
    await house.add()

    missing = await house.records.find(RecordFilter(missing_documents=True))
    complete = await house.records.find(replace(RecordFilter(), missing_documents=False))

    assert (missing.total, complete.total) == (0, 1)
