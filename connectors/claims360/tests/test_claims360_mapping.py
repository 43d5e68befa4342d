"""The mapping alone: what is read, what is kept beside it, and what is refused by name."""

from __future__ import annotations

import copy
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from syncer_claims360.mapping import Items, read_items, read_listing

from syncer.sdk import ClaimRef, Kind, Money, Record, Totals, Vehicle

QUOTE: dict[str, Any] = {
    "type": "quote",
    "id": "Q-884213",
    "missionId": "M-55120",
    "number": "2026/884213",
    "status": "approved",
    "previousStatus": "submitted",
    "statusChangedAt": "2026-03-02T09:14:05.120Z",
    "updatedAt": "2026-03-02T09:14:05.120Z",
    "version": 4,
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
    },
    "insurer": {"name": "Demo Verzekeringen", "claimNumber": "24/778-1", "policyNumber": "P-1"},
    "insured": {"name": "Jansens An", "phone": "+32 9 000 00 00", "email": "an@example.org"},
    "expert": {"name": "Bureau Demo"},
    "lossDate": "2026-02-21",
    "totals": {"net": "1240.50", "vat": "260.51", "gross": "1501.01", "currency": "EUR"},
    "photoCount": 6,
}
NEEDED = {"type", "id", "status", "statusChangedAt", "version"}
REMOVED = object()


def read(*items: object) -> Items:
    raw = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
    return read_items(msgspec.Raw(item) for item in raw)


def changed(path: str, value: object) -> dict[str, Any]:
    item = copy.deepcopy(QUOTE)
    *parents, name = path.split(".")
    at = item
    for parent in parents:
        at = at[parent]
    if value is REMOVED:
        del at[name]
    else:
        at[name] = value
    return item


def record_of(item: object) -> Record:
    found = read(item)
    assert found.unreadable == []
    return found.records[0]


def reason_of(item: object) -> str:
    found = read(item)
    assert found.records == []
    return found.unreadable[0].reason


def test_a_quote_is_mapped_field_by_field() -> None:
    record = record_of(QUOTE)

    assert (record.kind, record.partner_ref, record.number) == (
        Kind.QUOTE,
        "Q-884213",
        "2026/884213",
    )
    assert (record.status, record.previous_status, record.version) == ("approved", "submitted", 4)
    assert record.status_changed_at == datetime(2026, 3, 2, 9, 14, 5, 120_000, tzinfo=UTC)
    assert record.revision == "2026-03-02T09:14:05.120000000Z"
    assert record.vehicle == Vehicle(
        plate="1-ABC-234",
        vin="VF1RFB00X56789012",
        make="Renault",
        model="Megane",
        power_kw=92,
        displacement_cc=1598,
        fuel="diesel",
        first_registration_date=date(2019, 5, 14),
        mileage_km=84210,
    )
    assert record.totals == Totals(
        net=Money(amount=Decimal("1240.50"), currency="EUR"),
        vat=Money(amount=Decimal("260.51"), currency="EUR"),
        gross=Money(amount=Decimal("1501.01"), currency="EUR"),
    )
    assert record.claim == ClaimRef(partner_ref="M-55120", claim_number="24/778-1")
    assert record.loss_date == date(2026, 2, 21)
    assert record.smart_expertise is True


def test_what_has_no_field_stands_under_extra_with_the_partners_names() -> None:
    item = changed("vehicle.colour", "red")
    item["depositCount"] = None
    item["note"] = {"deep": [1, 2.5, None]}
    item["lines"] = [{"id": "1"}, {"id": "2", "operator": "Koen"}]

    assert record_of(item).extra == {
        "missionId": "M-55120",
        "photoCount": 6,
        "depositCount": None,
        "updatedAt": "2026-03-02T09:14:05.120Z",
        "vehicle": {"colour": "red"},
        "note": {"deep": [1, 2.5, None]},
        "lines": [{}, {"operator": "Koen"}],
    }


@pytest.mark.parametrize("value", [None, REMOVED], ids=["null", "absent"])
@pytest.mark.parametrize("name", sorted(QUOTE.keys() - NEEDED))
def test_any_other_field_may_be_null_or_absent(name: str, value: object) -> None:
    assert record_of(changed(name, value)).partner_ref == "Q-884213"


@pytest.mark.parametrize(
    "value", [None, REMOVED, "", [], {}], ids=["null", "absent", "empty", "list", "object"]
)
@pytest.mark.parametrize("name", sorted(NEEDED))
def test_a_needed_field_is_missed_by_name(name: str, value: object) -> None:
    found = read(changed(name, value))

    if name == "type" and value == "":
        assert found.unknown
    else:
        assert name in found.unreadable[0].reason


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("totals.net", 1240.5),
        ("totals.net", 1240),
        ("totals.net", "NaN"),
        ("totals.net", "Infinity"),
        ("totals.net", "1e3"),
        ("totals.net", "1_000"),
        ("totals.net", "1.5\n"),
        ("totals.net", "\u0661"),
        ("totals.currency", "eur"),
        ("vehicle.powerKw", "92"),
        ("vehicle.powerKw", -1),
        ("vehicle.mileageKm", 2**70),
        ("vehicle.firstRegistrationDate", "2019-05-14T00:00:00Z"),
        ("lossDate", "21/02/2026"),
        ("statusChangedAt", "2026-03-02T09:14:05"),
        ("statusChangedAt", "0001-01-01T00:00:00+05:00"),
        ("statusChangedAt", "yesterday at the latest"),
        ("version", 1.5),
        ("version", True),
        ("smartExpertise", "yes"),
        ("insured.name", "An\0"),
        ("note", {"deep": ["\0"]}),
        ("photoCount", "6"),
    ],
    ids=repr,
)
def test_a_bad_value_is_refused_by_name(path: str, value: object) -> None:
    item = changed(path, value)

    assert path in reason_of(item).replace("note.deep[0]", "note")


@pytest.mark.parametrize(
    "raw",
    [
        b"null",
        b"[]",
        b"7",
        b'"text"',
        b"{}",
        b'{"type":"quote","id":"Q-1","insured":{"name":"\\ud800"}}',
        b'{"type":"quote","id":"Q-1","version":NaN}',
        b'{"type":"quote","id":"Q-1","insured":{"name":"\xff"}}',
        b'{"type":"quote","id":"Q-1","note":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"type":"quote","id":"Q-1","note":1e999}',
    ],
    ids=lambda raw: repr(raw[:60]),
)
def test_junk_is_set_aside_with_its_bytes_and_the_others_go_on(raw: bytes) -> None:
    good = json.dumps(QUOTE).encode()
    page = b'{"items":[' + good + b" , " + raw + b"," + good + b'],"hasMore":false}'

    found = read_items(read_listing(page).items)

    assert len(found.records) == 2
    assert [item.raw for item in found.unreadable] == [raw]


def test_a_set_aside_item_is_named_as_far_as_it_can_be_read() -> None:
    (item,) = read(b'{"type":"quote","id":"Q-1","version":NaN}').unreadable

    assert (item.kind, item.partner_ref) == (Kind.QUOTE, "Q-1")


def test_a_reason_holds_no_value() -> None:
    assert "hunter2" not in reason_of(changed("vehicle.powerKw", "hunter2"))


def test_unknown_statuses_and_line_kinds_are_kept() -> None:
    item = changed("status", "teleported")
    item["lines"] = [{"kind": "glue"}]

    record = record_of(item)

    assert record.status == "teleported"
    assert record.lines[0].kind == "glue"


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T10:14:05.12+01:00", "2026-03-02T09:14:05.120000000Z", "2026-03-02t09:14:05.12z"],
)
def test_other_spellings_of_an_instant_are_the_same_revision(text: str) -> None:
    assert record_of(changed("statusChangedAt", text)).revision == record_of(QUOTE).revision


def test_amounts_without_a_currency_are_in_euro() -> None:
    record = record_of(changed("totals", {"net": "1.00", "currency": None}))

    assert record.totals
    assert record.totals.net == Money(amount=Decimal("1.00"), currency="EUR")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
PATHS = [
    *QUOTE,
    *(f"{name}.{sub}" for name, value in QUOTE.items() if isinstance(value, dict) for sub in value),
    "lines",
    "note",
]


@given(path=st.sampled_from(PATHS), value=JSON)
def test_nothing_but_a_verdict_comes_out_of_generated_junk(path: str, value: object) -> None:
    found = read(changed(path, value))

    assert len(found.records) + len(found.unreadable) + len(found.unknown) == 1
    for record in found.records:
        assert record.status_changed_at.tzinfo is UTC
        assert "\0" not in json.dumps(record.extra, ensure_ascii=False)
        msgspec.json.encode(record.extra)


@given(raw=st.binary(max_size=200))
def test_nothing_but_a_verdict_comes_out_of_any_bytes(raw: bytes) -> None:
    found = read(raw)

    assert len(found.records) + len(found.unreadable) + len(found.unknown) == 1


@given(items=st.lists(JSON, max_size=5), indent=st.sampled_from([None, 1]))
def test_a_broken_page_is_taken_apart_at_its_items(items: list[object], indent: int | None) -> None:
    texts = [json.dumps(item, indent=indent).encode() for item in items]
    page = b'{"hasMore":false, "items" : [\n' + b",\n".join([*texts, b"NaN"]) + b"] }"

    listing = read_listing(page)

    assert [bytes(item) for item in listing.items] == [*texts, b"NaN"]
