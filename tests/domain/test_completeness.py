"""Completeness: received, missing, rejected, waived or optional, whatever comes together."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.domain.completeness import (
    ANY,
    By,
    ExpectedDocument,
    Mark,
    MarkState,
    RowState,
    RuleSet,
    count,
    faults_of_expected,
    rows_of,
    rules_for,
)
from syncer.domain.documents import UNCLASSIFIED, Document

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MANDATE = ExpectedDocument(id="mandate", label="Mandate")
REGISTER = ExpectedDocument(id="kbis", label="Register", optional_for=("Private",))


def document(type_: str = "mandate", *, hours: int = 0, id_: str = "1") -> Document:
    return Document(
        id=id_,
        claim_file_id="F",
        type=type_,
        name="a.pdf",
        content_type="application/pdf",
        bytes=1,
        sha256="ab" * 32,
        at=NOON + timedelta(hours=hours),
    )


def mark(state: MarkState, *, by: By = By.PARTNER, hours: int = 0, type_: str = "mandate") -> Mark:
    return Mark(type=type_, by=by, state=state, reason="why", at=NOON + timedelta(hours=hours))


WAIVED = mark(MarkState.WAIVED, by=By.PERSON)
REJECTED = mark(MarkState.REJECTED)


@pytest.mark.parametrize(
    ("documents", "marks", "state", "missing"),
    [
        pytest.param([], [], "missing", 1, id="nothing"),
        pytest.param([document()], [], "received", 0, id="document"),
        pytest.param([document(UNCLASSIFIED)], [], "missing", 1, id="not-classified"),
        pytest.param([], [WAIVED], "waived", 0, id="waived"),
        pytest.param([document()], [WAIVED], "received", 0, id="received-though-waived"),
        pytest.param([], [REJECTED], "rejected", 1, id="rejected"),
        pytest.param([document()], [REJECTED], "rejected", 1, id="rejected-afterwards"),
        pytest.param([document(hours=1)], [REJECTED], "received", 0, id="newer-than-rejection"),
        pytest.param([], [WAIVED, REJECTED], "waived", 0, id="waived-though-rejected"),
        pytest.param([], [mark(MarkState.RECEIVED)], "received", 0, id="partner-has-it"),
    ],
)
def test_a_type_stands_as_what_is_there_and_what_is_said(
    documents: list[Document], marks: list[Mark], state: str, missing: int
) -> None:
    rows = rows_of([MANDATE], documents, marks, None)

    assert rows[0].state == state
    assert count(rows).missing == missing


def test_a_persons_waiver_says_why_though_the_partner_waived_earlier() -> None:
    marks = [mark(MarkState.WAIVED), mark(MarkState.WAIVED, by=By.PERSON, hours=1)]

    (row,) = rows_of([MANDATE], [], marks, None)

    assert row.waiver is marks[1]


@pytest.mark.parametrize(
    ("profile", "state"),
    [(None, "missing"), ("company", "missing"), ("private", "optional"), ("PRIVATE", "optional")],
)
def test_a_profile_may_leave_a_document_out(profile: str | None, state: str) -> None:
    [row] = rows_of([REGISTER], [], [], profile)

    assert (row.state, row.required) == (state, state == "missing")


def test_what_nobody_expects_is_shown_after_the_rest_and_not_counted() -> None:
    documents = [document(UNCLASSIFIED), document("zz"), document("aa"), document()]

    rows = rows_of([MANDATE], documents, [], None)

    assert [row.type for row in rows] == ["mandate", "aa", "zz", UNCLASSIFIED]
    assert (count(rows).received, count(rows).missing) == (1, 0)


@pytest.mark.parametrize(
    ("present", "chosen"),
    [
        (["*.*"], "*.*"),
        (["*.*", "*.motor"], "*.motor"),
        (["*.motor", "x.*"], "x.*"),
        (["x.*", "x.motor"], "x.motor"),
        (["y.motor", "x.home"], None),
    ],
)
def test_the_narrowest_rule_set_applies(present: list[str], chosen: str | None) -> None:
    parts = [(name.split(".")[0], name.split(".")[1]) for name in present]
    sets = {
        (of, type_): RuleSet(connector=of, claim_type=type_, documents=()) for of, type_ in parts
    }

    found = rules_for(sets, "x", "motor")

    assert (found.name if found else None) == chosen


def test_a_file_without_a_type_has_the_rules_for_any() -> None:
    sets = {("x", ANY): RuleSet(connector="x", documents=())}

    assert rules_for(sets, "x", None) is sets["x", ANY]


def test_an_id_stands_once_and_is_not_the_one_for_unclassified() -> None:
    other = ExpectedDocument(id=UNCLASSIFIED, label="Other")

    assert [place for place, _ in faults_of_expected([MANDATE, other, MANDATE])] == [1, 2]


IDS = ("a", "b", "c", "d")
EXPECTED = st.lists(
    st.builds(
        ExpectedDocument,
        id=st.sampled_from(IDS),
        label=st.text(max_size=3),
        required=st.booleans(),
        optional_for=st.lists(st.sampled_from(["p", "q"]), max_size=2).map(tuple),
    ),
    unique_by=lambda one: one.id,
    max_size=4,
)
DOCUMENTS = st.lists(
    st.builds(document, st.sampled_from([*IDS, UNCLASSIFIED, "x"]), hours=st.integers(-2, 2)),
    max_size=6,
)
MARKS = st.lists(
    st.builds(
        mark,
        st.sampled_from(MarkState),
        by=st.sampled_from(By),
        hours=st.integers(-2, 2),
        type_=st.sampled_from(IDS),
    ),
    unique_by=lambda one: (one.type, one.by),
    max_size=6,
)
PROFILES = st.sampled_from([None, "p", "q", "r"])


@given(EXPECTED, DOCUMENTS, MARKS, PROFILES)
def test_every_document_is_shown_once_and_the_counts_add_up(
    expected: list[ExpectedDocument], documents: list[Document], marks: list[Mark], profile: str
) -> None:
    rows = rows_of(expected, documents, marks, profile)

    shown = [one for row in rows for one in row.documents]
    counts = count(rows)
    states = [row.state for row in rows if row.is_expected]
    assert sorted(map(id, shown)) == sorted(map(id, documents))
    assert [row.type for row in rows[: len(expected)]] == [one.id for one in expected]
    assert len({row.type for row in rows}) == len(rows)
    assert counts.received + counts.waived + counts.missing <= len(expected)
    assert counts.complete == (counts.missing == 0)
    assert RowState.OPTIONAL not in {row.state for row in rows if row.required}
    assert counts.missing == sum(
        row.required for row in rows if row.state in {RowState.MISSING, RowState.REJECTED}
    )
    assert states.count(RowState.RECEIVED) == counts.received


@given(EXPECTED, DOCUMENTS, MARKS, PROFILES, st.sampled_from(IDS))
def test_a_newer_document_or_a_waiver_never_makes_more_missing(
    expected: list[ExpectedDocument],
    documents: list[Document],
    marks: list[Mark],
    profile: str,
    type_: str,
) -> None:
    before = count(rows_of(expected, documents, marks, profile))

    handed_in = rows_of(expected, [*documents, document(type_, hours=9)], marks, profile)
    waiver = mark(MarkState.WAIVED, by=By.PERSON, type_=type_)
    others = [one for one in marks if (one.type, one.by) != (type_, By.PERSON)]
    waived = rows_of(expected, documents, [*others, waiver], profile)

    for rows in (handed_in, waived):
        by_type = {row.type: row for row in rows}
        assert count(rows).missing <= before.missing or (
            # a person's own "received" was written over by the waiver
            rows is waived and by_type[type_].state is RowState.WAIVED
        )
        if type_ in by_type:
            assert not by_type[type_].is_missing


@given(EXPECTED, DOCUMENTS, MARKS, PROFILES)
def test_labels_change_nothing(
    expected: list[ExpectedDocument], documents: list[Document], marks: list[Mark], profile: str
) -> None:
    renamed = [replace(one, label="new") for one in expected]

    before = rows_of(expected, documents, marks, profile)
    after = rows_of(renamed, documents, marks, profile)

    assert [row.state for row in before] == [row.state for row in after]
    assert count(before) == count(after)


@given(EXPECTED, DOCUMENTS, MARKS, PROFILES)
def test_the_order_of_arrival_decides_nothing(
    expected: list[ExpectedDocument], documents: list[Document], marks: list[Mark], profile: str
) -> None:
    forward = count(rows_of(expected, documents, marks, profile))

    backward = count(rows_of(expected, documents[::-1], marks[::-1], profile))

    assert forward == backward
