"""Exclude rules: which records they hit, and how they are read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.errors import InvalidError
from syncer.domain.intake import ExcludeRule, parse_exclude_rules
from syncer.domain.records import Insured, Insurer, Kind, Record, Site, Surveyor, Vehicle


def a_quote(**parts: object) -> Record:
    values: dict[str, object] = {
        "kind": Kind.QUOTE,
        "partner_ref": "Q-1",
        "revision": "1",
        "status": "submitted",
        "status_changed_at": datetime(2026, 3, 2, tzinfo=UTC),
        "number": "2026/884213",
        "smart_expertise": True,
        "site": Site(id="gent", name="Gent Noord"),
        "vehicle": Vehicle(plate="1-ABC-234", make="Renault", model="Mégane"),
        "insurer": Insurer(name="Demo Verzekeringen"),
        "insured": Insured(name="Jansens An"),
        "surveyor": Surveyor(name="Bureau Demo"),
    }
    return Record(**{**values, **parts})  # type: ignore[arg-type]  # parts of any field


def one_rule(**fields: object) -> ExcludeRule:
    [rule] = parse_exclude_rules([fields])
    return rule


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"kind": "quote"}, id="kind"),
        pytest.param({"status": "SUB*"}, id="status-in-capitals"),
        pytest.param({"insurer": "demo*"}, id="insurer-begins"),
        pytest.param({"plate": "1-???-234"}, id="plate-with-single-signs"),
        pytest.param({"make": "renault"}, id="make-in-lower-case"),
        pytest.param({"model": "MÉG*"}, id="model-with-accent-in-capitals"),
        pytest.param({"site": "gent"}, id="site-by-id"),
        pytest.param({"site": "*noord"}, id="site-by-name"),
        pytest.param({"number": "2026/*"}, id="number"),
        pytest.param({"name": "jansens*"}, id="name-of-insured"),
        pytest.param({"name": "demo*"}, id="name-of-insurer"),
        pytest.param({"name": "bureau*"}, id="name-of-surveyor"),
        pytest.param({"smart_expertise": True}, id="smart-expertise"),
        pytest.param({"plate": "[12]-*"}, id="set-of-signs"),
        pytest.param({"kind": "quote", "insurer": "Demo*"}, id="two-fields-both-match"),
    ],
)
def test_rule_hits_a_record_that_every_field_matches(fields: dict[str, object]) -> None:
    assert one_rule(**fields).hits(a_quote())


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"kind": "mission"}, id="other-kind"),
        pytest.param({"plate": "ABC"}, id="only-a-part-of-the-value"),
        pytest.param({"kind": "quote", "insurer": "Other*"}, id="one-field-of-two"),
        pytest.param({"smart_expertise": False}, id="flag-the-other-way"),
        pytest.param({"plate": "1.ABC.234"}, id="dots-are-no-wildcards"),
        pytest.param({"model": "Megane"}, id="accents-count-in-rules"),
    ],
)
def test_rule_leaves_a_record_that_one_field_does_not_match(fields: dict[str, object]) -> None:
    assert not one_rule(**fields).hits(a_quote())


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"plate": "*"}, id="plate"),
        pytest.param({"insurer": "*"}, id="insurer"),
        pytest.param({"site": "*"}, id="site"),
        pytest.param({"name": "*"}, id="name"),
        pytest.param({"number": "*"}, id="number"),
        pytest.param({"smart_expertise": False}, id="smart-expertise"),
    ],
)
def test_rule_hits_nothing_where_the_partner_gave_no_value(fields: dict[str, object]) -> None:
    bare = a_quote(
        number=None,
        site=None,
        vehicle=None,
        insurer=None,
        insured=None,
        surveyor=None,
        smart_expertise=None,
    )

    assert not one_rule(**fields).hits(bare)


def test_rule_without_a_name_of_its_own_is_named_by_its_place() -> None:
    rules = parse_exclude_rules([{"kind": "quote"}, {"rule": "drafts", "status": "draft"}])

    assert [rule.name for rule in rules] == ["excludes[0]", "drafts"]


@pytest.mark.parametrize(
    ("items", "pointers"),
    [
        pytest.param({"kind": "quote"}, ["/excludes"], id="no-list"),
        pytest.param(["quote"], ["/excludes/0"], id="no-object"),
        pytest.param([{}], ["/excludes/0"], id="empty-rule"),
        pytest.param([{"rule": "x"}], ["/excludes/0"], id="a-name-only"),
        pytest.param([{"colour": "red"}], ["/excludes/0/colour"], id="unknown-field"),
        pytest.param([{"plate": ""}], ["/excludes/0/plate"], id="empty-glob"),
        pytest.param([{"plate": 7}], ["/excludes/0/plate"], id="number-for-text"),
        pytest.param(
            [{"smart_expertise": "yes"}], ["/excludes/0/smart_expertise"], id="text-for-flag"
        ),
        pytest.param(
            [{"kind": "quote"}, {"make": None, "site": 1}],
            ["/excludes/1/make", "/excludes/1/site"],
            id="all-faults-together",
        ),
    ],
)
def test_rules_that_cannot_be_read_name_every_faulty_field(
    items: object, pointers: list[str]
) -> None:
    with pytest.raises(InvalidError) as caught:
        parse_exclude_rules(items)

    assert [fault.pointer for fault in caught.value.errors] == pointers


@given(st.text(min_size=1), st.text())
def test_rule_over_any_glob_and_any_value_gives_an_answer(glob: str, value: str) -> None:
    hit = one_rule(plate=glob).hits(a_quote(vehicle=Vehicle(plate=value)))

    assert hit in {True, False}


@given(st.text(alphabet=st.characters(exclude_characters="*?[", codec="utf-8"), min_size=1))
def test_rule_without_wildcards_hits_the_value_itself_in_any_case(value: str) -> None:
    rule = one_rule(number=value)

    assert rule.hits(a_quote(number=value))
    assert rule.hits(a_quote(number=value.casefold()))
