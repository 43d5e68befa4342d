"""Reading the list of changes, against a partner that was written from the contract alone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.attack.service import LINK, Service, serving
from tests.attack.strict_partner import Asked, StrictPartner, instant, jpeg, problem, spelled

T1, T2, T3 = "2026-03-02T09:14:05.120Z", "2026-03-02T09:40:00Z", "2026-03-02T10:30:00.5Z"


@pytest.fixture(autouse=True)
def keeps_the_contract(partner: StrictPartner) -> Iterator[None]:
    """Whatever a test shows, no request of it may break a rule of the contract."""
    yield
    assert partner.broken_rules == []


def first_requests(partner: StrictPartner) -> list[Asked]:
    """Give the requests that begin a listing."""
    return [one for one in partner.asked("changes") if "cursor" not in one.query]


async def test_a_status_event_is_imported_once_and_an_edit_never(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", T1, number="one")
    await service.refresh()
    partner.edit("quote", "Q-1", number="edited")
    idle = await service.refresh()
    before = await service.records()

    partner.put("quote", "Q-1", T2, number="edited again")
    news = await service.refresh()
    again = await service.refresh()

    assert (idle["counts"]["changed"], before["Q-1"]["number"]) == (0, "one")
    record = (await service.records())["Q-1"]
    assert (record["number"], record["version"]) == ("edited again", 3)
    assert (news["counts"]["changed"], again["counts"]["changed"]) == (1, 0)
    types = [one["type"] for one in await service.feed() if one["type"].startswith("record.")]
    assert types == ["record.created", "record.updated"]


async def test_the_same_status_word_again_is_imported_when_its_event_is_later(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, status="assigned", photoCount=0)
    await service.refresh()

    partner.put("mission", "M-1", T2, status="assigned", depositCount=2, photoCount=0)

    assert (await service.refresh())["counts"]["changed"] == 1
    assert (await service.records())["M-1"]["version"] == 2


async def test_an_unknown_status_is_kept_as_it_is(service: Service, partner: StrictPartner) -> None:
    partner.put("mission", "M-1", T1, status="teleported", previousStatus="dreamt", photoCount=0)

    ended = await service.refresh()

    record = (await service.records())["M-1"]
    assert (ended["state"], record["status"]) == ("succeeded", "teleported")
    assert record["previous_status"] == "dreamt"


async def test_an_unknown_type_is_counted_and_spoils_nothing(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", T1, photoCount=0)
    partner.put("valuation", "V-1", T1)

    ended = await service.refresh()

    assert (ended["state"], ended["counts"]["seen"], ended["counts"]["new"]) == ("succeeded", 2, 1)
    assert await service.everything("/v1/quarantine") == []


@pytest.mark.parametrize("nothing", [True, False], ids=["null", "absent"])
async def test_everything_but_five_fields_may_be_missing(
    service: Service, partner: StrictPartner, nothing: bool
) -> None:
    names = ("missionId", "number", "previousStatus", "updatedAt", "smartExpertise", "site")
    more = ("vehicle", "insurer", "insured", "expert", "lossDate", "totals", "photoCount")
    for kind in ("quote", "mission"):
        item = partner.put(kind, f"{kind}-1", T1)
        del item["updatedAt"]
        item |= dict.fromkeys((*names, *more, "depositCount"), None) if nothing else {}

    ended = await service.refresh()

    assert (ended["state"], ended["counts"]["new"]) == ("succeeded", 2), ended
    assert {record["number"] for record in (await service.records()).values()} == {None}


async def test_parts_that_are_all_null_are_taken(service: Service, partner: StrictPartner) -> None:
    partner.put(
        "quote",
        "Q-1",
        T1,
        site={"id": None, "name": None},
        vehicle=dict.fromkeys(("plate", "vin", "powerKw", "firstRegistrationDate", "mileageKm")),
        insurer={},
        insured={"name": None},
        expert={"name": None},
        totals=dict.fromkeys(("net", "vat", "gross", "currency")),
    )
    partner.lines["Q-1"] = [{"id": "1", "kind": None, "description": None, "unitPrice": None}]

    assert (await service.refresh())["state"] == "succeeded"


SPELLINGS = {
    "no fraction": "2026-03-02T09:14:05Z",
    "one digit": "2026-03-02T09:14:05.1Z",
    "nine digits": "2026-03-02T09:14:05.123456789Z",
    "nine digits in Brussels": "2026-03-02T10:14:05.123456789+01:00",
    "west": "2026-03-01T22:44:05.120-10:30",
    "far east": "2026-03-02T23:14:05.12+14:00",
    "minus zero": "2026-03-02T09:14:05.000000001-00:00",
    "over new year": "2026-01-01T00:30:00.5+01:00",
}


@pytest.mark.parametrize("text", SPELLINGS.values(), ids=SPELLINGS.keys())
async def test_an_instant_is_taken_in_any_spelling_and_asked_from_five_minutes_before(
    service: Service, partner: StrictPartner, text: str
) -> None:
    partner.put("mission", "M-1", text, photoCount=0)
    await service.refresh()
    again = await service.refresh()

    second, nanos = instant(text)
    shown = instant((await service.records())["M-1"]["status_changed_at"])
    assert shown == (second, nanos // 1000 * 1000)
    since = instant(first_requests(partner)[-1].query["statusChangedSince"])
    assert since == (second - timedelta(minutes=5), nanos // 1000 * 1000)
    assert again["counts"]["unchanged"] == 1


async def test_another_spelling_of_the_same_instant_is_no_event(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", "2026-03-02T09:14:05.12Z", photoCount=0)
    await service.refresh()

    partner.put("mission", "M-1", "2026-03-02T10:14:05.120000000+01:00", photoCount=0, number="x")

    assert (await service.refresh())["counts"]["changed"] == 0


async def test_an_event_one_nanosecond_later_is_an_event(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("mission", "M-1", "2026-03-02T09:14:05.123456788Z", photoCount=0)
    await service.refresh()

    partner.put("mission", "M-1", "2026-03-02T09:14:05.123456789Z", photoCount=0, number="x")

    assert (await service.refresh())["counts"]["changed"] == 1


async def test_an_item_that_moves_while_the_list_is_read_is_neither_lost_nor_doubled(
    service: Service, partner: StrictPartner
) -> None:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    for number in range(9):
        at = spelled(start + timedelta(seconds=number // 3))  # three share each instant
        partner.put("mission", f"M-{number}", at, photoCount=0)
    partner.page_size = 2
    pages = 0

    async def moving(asked: Asked) -> web.StreamResponse:
        nonlocal pages
        pages += 1
        answer = partner.answer(asked)
        if pages <= 4:
            at = spelled(start + timedelta(minutes=pages))
            partner.put("mission", f"M-{pages - 1}", at, status="assigned", photoCount=0)
        return answer

    partner.answers["changes"] = moving
    ended = await service.refresh()

    assert ended["state"] == "succeeded"
    theirs = {id_: item["status"] for (_, id_), item in partner.items.items()}
    assert {ref: one["status"] for ref, one in (await service.records()).items()} == theirs


async def test_an_expired_cursor_begins_the_listing_again(
    service: Service, partner: StrictPartner
) -> None:
    for number in range(5):
        partner.put("mission", f"M-{number}", T1, photoCount=0)
    partner.page_size = 2
    expiries = 0

    async def expiring(asked: Asked) -> web.StreamResponse:
        nonlocal expiries
        if "cursor" in asked.query and not expiries:
            expiries += 1
            return problem(410, "CURSOR_EXPIRED")
        return partner.answer(asked)

    partner.answers["changes"] = expiring
    ended = await service.refresh()

    assert (ended["state"], expiries) == ("succeeded", 1)
    assert len(await service.records()) == 5
    begun = [one.query["statusChangedSince"] for one in first_requests(partner)]
    assert begun == [begun[0]] * 2


async def test_an_etag_is_sent_for_its_own_listing_only_and_304_ends_the_pass(
    service: Service, partner: StrictPartner
) -> None:
    for number in range(3):
        partner.put("mission", f"M-{number}", T1, photoCount=0)
    partner.page_size = 1

    passes = [await service.refresh() for _ in range(4)]

    begun = first_requests(partner)
    assert [one["state"] for one in passes] == ["succeeded"] * 4
    assert "if-none-match" not in begun[0].headers
    assert "if-none-match" not in begun[1].headers  # it begins elsewhere than the first one
    assert begun[2].headers["if-none-match"] == begun[3].headers["if-none-match"]
    assert begun[1].query["statusChangedSince"] == begun[2].query["statusChangedSince"]
    partner.put("mission", "M-9", T2, photoCount=0)
    assert (await service.refresh())["counts"]["new"] == 1


async def test_an_event_from_the_future_is_stored_and_does_not_move_the_start(
    service: Service, partner: StrictPartner
) -> None:
    partner.now = lambda: datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
    partner.put("mission", "M-1", T1, photoCount=0)
    partner.put("mission", "M-2", "2099-01-01T00:00:00Z", photoCount=0)
    await service.refresh()
    partner.put("mission", "M-3", T2, photoCount=0)

    await service.refresh()

    assert (await service.records()).keys() == {"M-1", "M-2", "M-3"}
    since = first_requests(partner)[-1].query["statusChangedSince"]
    assert instant(since) == instant("2026-03-02T09:09:05.120Z")


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(hours=-1)], ids=["ahead", "late"])
async def test_a_partner_whose_clock_is_wrong_loses_nothing(
    service: Service, partner: StrictPartner, ahead: timedelta
) -> None:
    true = partner.now
    partner.now = lambda: true() + ahead
    for number in range(3):
        partner.put("mission", f"M-{number}", spelled(partner.now()), photoCount=0)
        await service.refresh()

    assert (await service.records()).keys() == {"M-0", "M-1", "M-2"}


@pytest.mark.parametrize(
    ("day", "since"),
    [
        ("2026-01-11", "2026-01-10T23:00:00Z"),
        ("2026-07-01", "2026-06-30T22:00:00Z"),
        ("2026-03-29", "2026-03-28T23:00:00Z"),
    ],
    ids=["winter", "summer", "the day the clock changes"],
)
async def test_a_start_date_begins_at_midnight_in_brussels_inclusive(
    idle: Service, partner: StrictPartner, day: str, since: str
) -> None:
    partner.put("mission", "AT", since, photoCount=0)
    second, _ = instant(since)
    just_before = spelled(second - timedelta(milliseconds=1))
    partner.put("mission", "BEFORE", just_before, photoCount=0)
    await idle.configure(partner.credentials(), start_date=day)

    await idle.refresh()

    assert (await idle.records()).keys() == {"AT"}
    assert instant(first_requests(partner)[-1].query["statusChangedSince"]) == instant(since)


async def test_without_a_start_date_nothing_older_than_the_credentials_comes_ever(
    idle: Service, partner: StrictPartner
) -> None:
    activation = partner.now().replace(microsecond=0)
    partner.now = lambda: activation
    partner.put("mission", "OLD", spelled(activation - timedelta(seconds=1)), photoCount=0)
    await idle.configure(partner.credentials(), start_date=None)
    listed = partner.asked("changes")
    later = activation + timedelta(minutes=1)
    partner.now = lambda: later
    partner.put("mission", "AT", spelled(activation), photoCount=0)
    partner.put("mission", "NEW", spelled(later), photoCount=0)

    for _ in range(3):  # the overlap must not reach back behind the activation
        await idle.refresh()

    assert [one.query for one in listed] == [{"limit": "1"}]
    assert (await idle.records()).keys() == {"AT", "NEW"}
    assert await idle.everything("/v1/passes") != []


@pytest.mark.parametrize("how", ["skip", "listing fails"])
async def test_the_activation_is_found_at_the_first_pass_when_it_is_not_known(
    idle: Service, partner: StrictPartner, how: str
) -> None:
    async def failing(asked: Asked) -> web.StreamResponse:
        return problem(500, "OOPS")

    if how == "listing fails":
        partner.answers["changes"] = failing
    query = "?verify=skip" if how == "skip" else ""
    await idle.good("PUT", f"{LINK}/credentials{query}", partner.credentials())
    if how == "skip":
        assert partner.seen == []
    partner.answers.clear()
    partner.put("mission", "OLD", T1, photoCount=0)
    await idle.refresh()
    partner.put("mission", "NEW", spelled(partner.now()), photoCount=0)
    await idle.refresh()

    assert (await idle.records()).keys() == {"NEW"}


async def test_a_base_url_with_a_path_and_ids_with_odd_characters_are_asked_for_correctly(
    folder: Path, partner: StrictPartner
) -> None:
    partner.prefix = "/gateway/claims 360".replace(" ", "%20")
    odd = "Q/1?x=1#é+%2F &;ü"
    partner.put("mission", "M/..%", T1, photoCount=1)
    partner.put("quote", odd, T1, missionId="M/..%")
    partner.put("quote", "..", T1, missionId=".")
    partner.lines[odd] = [{"id": "1", "kind": "labour", "unitPrice": "12.50"}]
    partner.add_photo("M/..%", "P/1 ?", jpeg("odd"))
    async with partner.serve() as base_url, serving(folder, base_url + "/") as service:
        await service.configure(partner.credentials())

        ended = await service.refresh()

        assert ended["counts"]["attachments"] == 1, ended
        records = await service.records()
        assert records[odd]["lines"][0]["unit_price"]["amount"] == "12.50"


async def test_one_correlation_id_goes_with_a_whole_pass_and_with_no_other(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-1", T1, missionId="M-1")
    partner.add_photo("M-1", "P-1", jpeg("one"))
    before = len(partner.seen)
    first = await service.refresh()
    middle = len(partner.seen)
    second = await service.refresh()

    ids = [one.headers["x-correlation-id"] for one in partner.seen]
    assert len(set(ids[:before])) == 1
    assert ids[before:middle] == [first["id"]] * 4  # list, detail, photos, photo
    assert ids[middle:] == [second["id"]]


async def test_a_check_carries_the_id_of_the_request_that_asked_for_it(
    idle: Service, partner: StrictPartner
) -> None:
    wrong = {**partner.credentials(), "planning_api_key": "another key of a body shop"}

    refused = await idle.ask("PUT", f"{LINK}/credentials", wrong)

    assert (refused.status, refused.code) == (422, "credentials_rejected_by_partner")
    assert [one.headers["x-correlation-id"] for one in partner.seen] == [refused.json["instance"]]


async def test_the_limits_of_a_body_shop_are_kept_in_a_large_pass(
    service: Service, partner: StrictPartner
) -> None:
    partner.pause = 0.02
    for number in range(36):
        partner.put("quote", f"Q-{number:02}", T1, photoCount=0)

    ended = await service.refresh()

    assert (ended["state"], ended["counts"]["new"]) == ("succeeded", 36)
    assert len(partner.asked("quote")) == 36


async def test_refused_requests_count_against_the_rate_too(
    service: Service, partner: StrictPartner
) -> None:
    for number in range(30):
        partner.put("quote", f"Q-{number:02}", T1, photoCount=0)
    refusals = iter(range(6))

    async def busy(asked: Asked) -> web.StreamResponse:
        if next(refusals, None) is not None:
            return problem(429, "TOO_MANY_REQUESTS", headers={"Retry-After": "0"})
        return partner.answer(asked)

    partner.answers["quote"] = busy
    ended = await service.refresh()
    if ended["state"] == "failed":
        ended = await service.refresh()

    assert ended["state"] == "succeeded", ended
    assert len(await service.records()) == 30


ITEM: dict[str, Any] = {
    "missionId": "M-55120",
    "number": "2026/884213",
    "previousStatus": "submitted",
    "smartExpertise": True,
    "site": {"id": "gent", "name": "Gent"},
    "vehicle": {
        "plate": "1-ABC-234",
        "vin": "VF1RFB00X56789012",
        "make": "Renault",
        "model": "Megane",
        "powerKw": 92,
        "displacementCc": 1598,
        "fuel": "diesel",
        "firstRegistrationDate": "2019-05-14",
        "mileageKm": 84210,
        "colour": {"code": "NNP"},
    },
    "insurer": {"name": "Demo Verzekeringen", "claimNumber": "24/778-1", "policyNumber": "P-1"},
    "insured": {"name": "Jansens An", "phone": "+32 9 000 00 00", "email": "an@example.org"},
    "expert": {"name": "Bureau Demo"},
    "lossDate": "2026-02-21",
    "totals": {"net": "1240.50", "vat": "260.51", "gross": "1501.01", "currency": "EUR"},
    "photoCount": 0,
    "novelty": [1, None, {"deep": "1.10"}],
}


async def test_all_that_a_quote_says_arrives_where_it_belongs(
    service: Service, partner: StrictPartner
) -> None:
    partner.put("quote", "Q-884213", T1, **ITEM)
    partner.lines["Q-884213"] = [
        {
            "id": "L1",
            "kind": "labour",
            "description": "Débosselage",
            "quantity": "1.00",
            "unitPrice": "52.500",
            "total": "52.50",
            "labourHours": "2.50",
        }
    ]

    await service.refresh()

    record = (await service.records())["Q-884213"]
    expected = {
        "kind": "quote",
        "number": "2026/884213",
        "previous_status": "submitted",
        "smart_expertise": True,
        "site": {"id": "gent", "name": "Gent"},
        "vehicle": {
            "plate": "1-ABC-234",
            "vin": "VF1RFB00X56789012",
            "make": "Renault",
            "model": "Megane",
            "power_kw": 92,
            "displacement_cc": 1598,
            "fuel": "diesel",
            "first_registration_date": "2019-05-14",
            "mileage_km": 84210,
        },
        "insurer": {
            "name": "Demo Verzekeringen",
            "claim_number": "24/778-1",
            "policy_number": "P-1",
        },
        "insured": {
            "name": "Jansens An",
            "phone": "+32 9 000 00 00",
            "email": "an@example.org",
        },
        "surveyor": {"name": "Bureau Demo"},
        "loss_date": "2026-02-21",
        "totals": {
            "net": {"amount": "1240.50", "currency": "EUR"},
            "vat": {"amount": "260.51", "currency": "EUR"},
            "gross": {"amount": "1501.01", "currency": "EUR"},
        },
        "lines": [
            {
                "id": "L1",
                "kind": "labour",
                "description": "Débosselage",
                "quantity": "1.00",
                "unit_price": {"amount": "52.500", "currency": "EUR"},
                "total": {"amount": "52.50", "currency": "EUR"},
                "labour_hours": "2.50",
            }
        ],
    }
    assert {name: record[name] for name in expected} == expected
    assert record["extra"]["vehicle"] == {"colour": {"code": "NNP"}}
    assert record["extra"]["novelty"] == ITEM["novelty"]
