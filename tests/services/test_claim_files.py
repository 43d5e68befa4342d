"""Claim files: made by the planning system, completed beside the partner's data."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from syncer.domain.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    NotFoundError,
    StaleError,
)
from syncer.domain.feed import ChangeType
from syncer.domain.links import LinkKey
from syncer.domain.records import ClaimRef
from syncer.domain.stored import ClaimFileFilter, ClaimFileRef
from syncer.ports.store import UnitOfWork
from syncer.services.claim_data import ClaimData
from syncer.services.claim_files import NewClaimFile

if TYPE_CHECKING:
    from tests.services.conftest import House

LINK = LinkKey("garage-7", "paper")


def a_new_file(reference: str = "W-1", link: LinkKey = LINK, **data: Any) -> NewClaimFile:
    return NewClaimFile(
        link=link, reference=reference, claim_type=None, data=ClaimData.model_validate(data)
    )


async def partner_says(house: House, **vehicle: Any) -> str:
    """Let a record of the partner contribute to a claim file; gives its id."""
    claim = ClaimRef(partner_ref="M-1", reference="2026/M-1", claim_number="24/778-1")
    now = house.clock.now()
    ref = ClaimFileRef(claim=claim, data={"vehicle": vehicle}, at=now)

    async def work(uow: UnitOfWork) -> str:
        id_, _ = (await uow.claim_files.ensure(LINK, [ref], at=now))["M-1"]
        return id_

    return await house.store.write(work)


async def enter(house: House, id_: str, data: Mapping[str, Any]) -> dict[str, Any]:
    return await house.claim_files.complete(id_, ClaimData.model_validate(data))


async def test_made_file_is_shown_in_its_documented_shape(house: House) -> None:
    made = await house.claim_files.make(
        a_new_file(client={"name": "Jansens An"}, insurer={"claim_number": "24/778-1"})
    )

    assert made == await house.claim_files.one(made["id"])
    assert made == {
        "id": made["id"],
        "connector": "paper",
        "repairer": "garage-7",
        "reference": "W-1",
        "partner_ref": None,
        "claim_number": "24/778-1",
        "claim_type": None,
        "state": None,
        "selectable": None,
        "selectable_reason": None,
        "in_sales_document": False,
        "unassigned": False,
        "warnings": [],
        "timeline": [],
        "data": {"client": {"name": "Jansens An"}, "insurer": {"claim_number": "24/778-1"}},
        "conflicts": [],
        "documents": {"received": 0, "missing": 0, "waived": 0, "complete": True},
        "records": [],
        "deliveries": [],
        "updated_at": "2026-03-02T09:15:00Z",
    }


async def test_made_file_is_told_in_the_feed(house: House) -> None:
    made = await house.claim_files.make(a_new_file())

    [entry] = await house.told(ChangeType.CLAIM_FILE_CREATED)
    assert entry.change.subject_id == made["id"]
    assert entry.change.data["reference"] == "W-1"


async def test_known_reference_is_refused_with_the_id_of_its_file(house: House) -> None:
    made = await house.claim_files.make(a_new_file())

    with pytest.raises(ConflictError) as caught:
        await house.claim_files.make(a_new_file())

    assert caught.value.code == "reference_known"
    assert caught.value.facts == {"id": made["id"]}


async def test_same_reference_may_stand_on_another_link(house: House) -> None:
    await house.claim_files.make(a_new_file())

    other = await house.claim_files.make(a_new_file(link=LinkKey("garage-8", "paper")))

    assert other["repairer"] == "garage-8"


@pytest.mark.parametrize(
    ("new", "pointer"),
    [
        pytest.param(a_new_file("123456789"), "/reference", id="reference-too-long"),
        pytest.param(a_new_file(link=LinkKey("nobody", "paper")), "/repairer", id="repairer"),
        pytest.param(a_new_file(link=LinkKey("garage-7", "none")), "/connector", id="connector"),
    ],
)
async def test_file_that_cannot_be_is_refused_with_a_pointer(
    house: House, new: NewClaimFile, pointer: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        await house.claim_files.make(new)

    faults: list[FieldError] = list(caught.value.errors)
    assert [fault.pointer for fault in faults] == [pointer]
    assert (await house.claim_files.find(ClaimFileFilter())).total == 0


@pytest.mark.parametrize(
    ("connector", "code"), [("off", "connector_disabled"), ("odd", "link_unavailable")]
)
async def test_file_needs_a_connector_that_can_be_used(
    house: House, connector: str, code: str
) -> None:
    with pytest.raises(ConflictError) as caught:
        await house.claim_files.make(a_new_file(link=LinkKey("garage-7", connector)))

    assert caught.value.code == code


async def test_answer_is_remembered_in_the_write_that_makes_the_file(house: House) -> None:
    async def forgetful(_uow: UnitOfWork, _view: Mapping[str, Any]) -> None:
        raise ConflictError("forgotten", "the answer could not be kept")

    with pytest.raises(ConflictError):
        await house.claim_files.make(a_new_file(), remember=forgetful)

    assert (await house.claim_files.find(ClaimFileFilter())).total == 0


async def test_entered_value_stands_over_the_partner_s_and_the_difference_is_shown(
    house: House,
) -> None:
    id_ = await partner_says(house, plate="1-ABC-234", mileage_km=84210)
    house.clock.advance(timedelta(hours=1))

    shown = await enter(house, id_, {"vehicle": {"mileage_km": 84500}})

    assert shown["data"] == {"vehicle": {"plate": "1-ABC-234", "mileage_km": 84500}}
    assert shown["conflicts"] == [
        {
            "field": "vehicle.mileage_km",
            "ours": 84500,
            "partner": 84210,
            "since": "2026-03-02T10:15:00Z",
        }
    ]


async def test_partner_s_new_value_does_not_overwrite_what_was_entered(house: House) -> None:
    id_ = await partner_says(house, mileage_km=84500)
    await enter(house, id_, {"vehicle": {"mileage_km": 84500}})
    house.clock.advance(timedelta(hours=1))

    await partner_says(house, mileage_km=90000)

    shown = await house.claim_files.one(id_)
    assert shown["data"]["vehicle"]["mileage_km"] == 84500
    assert [conflict["partner"] for conflict in shown["conflicts"]] == [90000]


async def test_null_takes_back_what_was_entered(house: House) -> None:
    id_ = await partner_says(house, mileage_km=84210)
    await enter(house, id_, {"vehicle": {"mileage_km": 1, "fuel": "diesel"}})

    shown = await enter(house, id_, {"vehicle": {"mileage_km": None}})

    assert shown["data"] == {"vehicle": {"mileage_km": 84210, "fuel": "diesel"}}
    assert shown["conflicts"] == []


async def test_entering_keeps_since_when_other_fields_were_entered(house: House) -> None:
    id_ = await partner_says(house, mileage_km=84210, fuel="petrol")
    await enter(house, id_, {"vehicle": {"fuel": "diesel"}})
    house.clock.advance(timedelta(hours=1))

    shown = await enter(house, id_, {"vehicle": {"mileage_km": 1}})

    since = {conflict["field"]: conflict["since"] for conflict in shown["conflicts"]}
    assert since == {
        "vehicle.fuel": "2026-03-02T09:15:00Z",
        "vehicle.mileage_km": "2026-03-02T10:15:00Z",
    }


async def test_entering_is_told_once_and_repeating_it_is_not(house: House) -> None:
    made = await house.claim_files.make(a_new_file())

    await enter(house, made["id"], {"channel": "mail"})
    again = await enter(house, made["id"], {"channel": "mail"})

    assert again["data"] == {"channel": "mail"}
    assert len(await house.told(ChangeType.CLAIM_FILE_UPDATED)) == 1


async def test_shown_after_entering_is_what_is_read(house: House) -> None:
    made = await house.claim_files.make(a_new_file())
    house.clock.advance(timedelta(hours=1))

    entered = await enter(house, made["id"], {"loss": {"date": "2026-02-21", "collision": True}})

    assert entered == await house.claim_files.one(made["id"])
    assert entered["updated_at"] == "2026-03-02T10:15:00Z"


async def test_stale_caller_enters_nothing(house: House) -> None:
    made = await house.claim_files.make(a_new_file())
    seen: list[Mapping[str, Any]] = []

    def refuse(current: Mapping[str, Any]) -> None:
        seen.append(current)
        raise StaleError("it was changed")

    with pytest.raises(StaleError):
        await house.claim_files.complete(made["id"], ClaimData(channel="mail"), unless_stale=refuse)

    assert seen == [made]
    assert (await house.claim_files.one(made["id"]))["data"] == {}


async def test_records_are_listed_without_excluded_ones(house: House, a_claim: ClaimRef) -> None:
    kept = await house.add(house.a_record("Q-1", claim=a_claim))
    file_id = (await house.stored(kept)).claim_file_id

    shown = await house.claim_files.one(file_id or "")

    assert shown["records"] == [kept]


async def test_unknown_file_is_not_found(house: House) -> None:
    with pytest.raises(NotFoundError):
        await house.claim_files.one("none")
    with pytest.raises(NotFoundError):
        await enter(house, "none", {"channel": "mail"})


async def test_list_is_newest_change_first_and_walks_without_loss(house: House) -> None:
    ids = []
    for number in range(5):
        ids.append((await house.claim_files.make(a_new_file(f"W-{number}")))["id"])
        house.clock.advance(timedelta(minutes=number % 2))
    seen: list[str] = []
    place = None
    while True:
        found = await house.claim_files.find(ClaimFileFilter(), after=place, limit=2)
        seen += [item["id"] for item in found.items]
        place = found.last
        if place is None:
            break

    assert found.total == 5
    assert sorted(seen) == sorted(ids)
    assert seen[0] == ids[-1]


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param({"reference": "2026/m"}, id="reference"),
        pytest.param({"partner_ref": "m-1"}, id="partner-reference"),
        pytest.param({"claim_number": "778"}, id="claim-number"),
        pytest.param({"q": "24/778"}, id="anything"),
        pytest.param({"repairers": ("garage-7",)}, id="repairer"),
        pytest.param({"connectors": ("paper",), "reference": "2026"}, id="connector"),
    ],
)
async def test_filter_finds_the_one_that_matches(house: House, parts: dict[str, Any]) -> None:
    wanted = await partner_says(house, plate="X")
    await house.claim_files.make(a_new_file("Z-9", link=LinkKey("garage-8", "paper")))

    found = await house.claim_files.find(ClaimFileFilter(**parts))

    assert [item["id"] for item in found.items] == [wanted]


async def test_none_is_selectable_where_the_connector_has_no_lifecycle(house: House) -> None:
    await house.claim_files.make(a_new_file())

    found = await house.claim_files.find(ClaimFileFilter(selectable=True))

    assert found.total == 0


@pytest.mark.parametrize(
    ("data", "place"),
    [
        pytest.param({"colour": "red"}, ("colour",), id="unknown-branch"),
        pytest.param({"vehicle": {"colour": "red"}}, ("vehicle", "colour"), id="unknown-field"),
        pytest.param({"vehicle": {"mileage_km": "1"}}, ("vehicle", "mileage_km"), id="text"),
        pytest.param({"vehicle": {"mileage_km": True}}, ("vehicle", "mileage_km"), id="flag"),
        pytest.param({"vehicle": {"mileage_km": -1}}, ("vehicle", "mileage_km"), id="negative"),
        pytest.param({"vehicle": {"plate": ""}}, ("vehicle", "plate"), id="empty-text"),
        pytest.param({"loss": {"date": "21/02/2026"}}, ("loss", "date"), id="date-form"),
        pytest.param({"loss": {"date": "2026-02-30"}}, ("loss", "date"), id="no-such-day"),
        pytest.param({"loss": {"injuries": "no"}}, ("loss", "injuries"), id="word-for-flag"),
        pytest.param({"quote": {"net": "12.50"}}, ("quote", "net"), id="money-without-currency"),
        pytest.param(
            {"quote": {"net": {"amount": 12.5, "currency": "EUR"}}},
            ("quote", "net", "amount"),
            id="amount-as-number",
        ),
        pytest.param(
            {"contract": {"excess": {"amount": "1", "currency": "euro"}}},
            ("contract", "excess", "currency"),
            id="currency-as-word",
        ),
    ],
)
def test_data_of_the_wrong_type_is_refused_at_its_place(
    data: dict[str, Any], place: tuple[str, ...]
) -> None:
    with pytest.raises(ValidationError) as caught:
        ClaimData.model_validate(data)

    assert [fault["loc"] for fault in caught.value.errors()] == [place]
