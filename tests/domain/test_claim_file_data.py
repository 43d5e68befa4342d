"""What persons entered over what the partner gives."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.claim_files import Difference, differences, leaves, merge, patch

VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5)
NAMES = st.sampled_from(["vehicle", "plate", "quote", "net", "amount"])
DATA = st.recursive(
    st.dictionaries(NAMES, VALUES, max_size=4),
    lambda inner: st.dictionaries(NAMES, VALUES | inner, max_size=4),
    max_leaves=8,
)


def flat(data: dict[str, Any]) -> dict[tuple[str, ...], Any]:
    return dict(leaves(data))


def test_merge_lays_what_a_person_entered_over_what_the_partner_gives() -> None:
    partner = {"vehicle": {"plate": "1-ABC-234", "mileage_km": 84210}, "channel": "mail"}
    person = {"vehicle": {"mileage_km": 84500}, "client": {"name": "Jansens An"}}

    assert merge(partner, person) == {
        "vehicle": {"plate": "1-ABC-234", "mileage_km": 84500},
        "channel": "mail",
        "client": {"name": "Jansens An"},
    }


def test_merge_leaves_what_is_below_where_nothing_was_entered() -> None:
    assert merge({"vehicle": {"plate": "X"}}, {"vehicle": {"plate": None}}) == {
        "vehicle": {"plate": "X"}
    }


def test_differences_name_the_dotted_path_and_both_values() -> None:
    found = differences(
        {"vehicle": {"mileage_km": 84500, "plate": "X"}, "channel": "mail"},
        {"vehicle": {"mileage_km": 84210, "plate": "X"}},
    )

    assert found == [Difference(field="vehicle.mileage_km", ours=84500, partner=84210)]


def test_difference_needs_a_value_of_the_partner() -> None:
    assert differences({"vehicle": {"plate": "X"}}, {"vehicle": {"plate": None}}) == []
    assert differences({"vehicle": {"plate": "X"}}, {"vehicle": None}) == []


def test_patch_enters_values_and_takes_away_what_is_null() -> None:
    data = {"vehicle": {"plate": "X", "mileage_km": 1}, "client": {"name": "A"}}

    patched = patch(data, {"vehicle": {"plate": None, "make": "Renault"}, "client": None})

    assert patched == {"vehicle": {"mileage_km": 1, "make": "Renault"}}


def test_patch_takes_away_a_branch_that_became_empty() -> None:
    assert patch({"vehicle": {"plate": "X"}}, {"vehicle": {"plate": None}}) == {}


@given(DATA, DATA)
def test_merge_holds_every_value_of_what_is_above(below: Any, above: Any) -> None:
    assert flat(above).items() <= flat(merge(below, above)).items()


@given(DATA)
def test_merge_with_nothing_changes_nothing(data: Any) -> None:
    assert merge(data, {}) == data
    assert flat(merge({}, data)) == flat(data)


@given(DATA, DATA)
def test_differences_are_none_once_the_partner_says_the_same(person: Any, partner: Any) -> None:
    assert differences(person, merge(partner, person)) == []


@given(DATA, DATA)
def test_patch_twice_is_patch_once(data: Any, entered: Any) -> None:
    once = patch(data, entered)

    assert patch(once, entered) == once


@given(DATA, DATA)
def test_patch_holds_every_value_that_was_entered(data: Any, entered: Any) -> None:
    assert flat(entered).items() <= flat(patch(data, entered)).items()
