"""The life of a claim file against the table of docs/partners/darva.md, cell by cell."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from syncer_darva.lifecycle import TABLE, ClaimLife

from syncer.sdk import ClaimWarning, Event, Standing, TransitionRefusedError

CONTRACT = Path(__file__).parents[3] / "docs/partners/darva.md"
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
BEFORE = ClaimWarning(text="an earlier warning", since=AT - timedelta(days=1))
NOTICE = {"notice": "AS-1", "notice_seq": 10}
HELD = {"credit_note": "CN-1"}
LIFE = ClaimLife()

IN_DOCUMENT = {"linked", "sent", "awaiting_payment"}


def message(type_: str, code: str | None = None, *, seq: int = 20, **data: Any) -> Event:
    name = f"{type_} {code}" if code else type_
    return Event(
        name=name,
        key=f"DEMO:{seq}",
        at=AT,
        order=seq,
        data={"type": type_, "code": code, "label": "Libellé", "is_unassigned": False, **data},
    )


def confirmed(type_: str) -> Event:
    return Event(name=f"{type_} confirmed", key="confirmed 1", at=AT, data={"type": type_})


def local(name: str, document: str | None = None) -> Event:
    data = {"sales_document": document} if document else {}
    return Event(name=name, key="local 1", at=AT, data=data)


EVENTS: dict[str, list[Event]] = {
    "AS, first or newer": [
        message("AS", notice="AS-2"),
        message("AS", notice="AS-2", revises="AS-1", seq=5),
    ],
    "AS, neither first nor newer": [message("AS", notice="AS-0", seq=5)],
    "SD 54": [message("SD", "54")],
    "SD 36": [message("SD", "36")],
    "SD 37": [message("SD", "37")],
    "SD with another code": [message("SD", "12"), message("SD", "99")],
    "SD 25, 32, 35, 50; AP": [
        *(message("SD", code) for code in ("25", "32", "35", "50")),
        message("AP"),
    ],
    "DO accepted": [confirmed("DO")],
    "FA or BDG accepted": [confirmed("FA"), confirmed("BDG")],
    "linked_to_sales_document": [local("linked_to_sales_document", "S-1")],
    "removed_from_sales_document": [local("removed_from_sales_document", "S-1")],
    "credit_note_created": [local("credit_note_created", "CN-1")],
    "credit_note_deleted, which held the file": [local("credit_note_deleted", "CN-1")],
    "credit_note_deleted, another": [
        local("credit_note_deleted", "CN-9"),
        local("credit_note_deleted"),
    ],
    "cancelled_by_hand": [local("cancelled_by_hand")],
    "warning_acknowledged": [local("warning_acknowledged")],
}


def table() -> Iterator[tuple[str, str, str]]:
    """Read (event, state, cell) off the contract."""
    lines = CONTRACT.read_text(encoding="utf-8").splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    start = next(n for n, row in enumerate(rows) if row[0] == "event")
    states = rows[start][1:]
    for event, *cells in rows[start + 2 :]:
        yield from ((event, state, cell) for state, cell in zip(states, cells, strict=True))


CASES = [
    pytest.param(event, state, cell, id=f"{event.name} {n} on {state}")
    for row, state, cell in table()
    for n, event in enumerate(EVENTS[row])
]


def standing(state: str, event: Event) -> Standing:
    """Make a file in a state; before a first notice, and held when a credit note is deleted."""
    facts: dict[str, Any] = {}
    if state not in {"none", "awaiting_notice"} or event.name == "AS":
        facts |= NOTICE
    if event.name == "credit_note_deleted":
        facts |= HELD
    return Standing(
        state=state,
        in_sales_document=state in IN_DOCUMENT,
        warnings=(BEFORE,),
        facts=facts,
    )


def test_the_table_is_whole() -> None:
    cells = list(table())

    assert {event for event, _, _ in cells} == EVENTS.keys()
    assert len(cells) == len(EVENTS) * 8 == len(TABLE) * 8
    assert {state for _, state, _ in cells} == set(LIFE.states)


@pytest.mark.parametrize(("event", "state", "cell"), CASES)
def test_a_cell_of_the_table(event: Event, state: str, cell: str) -> None:
    before = standing(state, event)
    if cell == "leaves the document":
        before = replace(before, in_sales_document=True)

    if cell == "—":
        with pytest.raises(TransitionRefusedError, match=r": .+\."):
            LIFE.apply(before, event)
        return
    after = LIFE.apply(before, event)

    if cell == "orphan":
        assert after is None
        return
    assert after is not None
    wanted, _, warning = cell.partition(" + ")
    stays = wanted in {"filed", "leaves the document", "warnings go"}
    assert after.state == (state if stays else wanted)
    assert [each.text for each in after.warnings] == warnings(event, wanted, warning)
    ended_in_document = after.state == "finished" and warning == "C"
    assert after.in_sales_document == (after.state in IN_DOCUMENT or ended_in_document)


def warnings(event: Event, wanted: str, warning: str) -> list[str]:
    texts = {
        "": [],
        "W": [f"changes on the claim file: {event.name} Libellé"],
        "C": [f"closed by {event.name} while in a sales document"],
        "flag": [f"{event.name} arrived on a finished file"],
    }[warning]
    return [] if wanted == "warnings go" else [BEFORE.text, *texts]


def lead(*events: Event) -> Standing:
    now = LIFE.begin()
    for event in events:
        now = LIFE.apply(now, event) or now
    return now


OPENED = message("AS", notice="AS-1", seq=1)
LINKED = local("linked_to_sales_document", "S-1")
CREDITED = local("credit_note_created", "CN-1")
CANCELLED = local("cancelled_by_hand")
UNCREDITED = local("credit_note_deleted", "CN-1")


def test_the_worked_example_holds() -> None:
    states = [
        lead(*[OPENED, LINKED, CREDITED, CANCELLED, UNCREDITED][:n]).state for n in range(1, 6)
    ]

    assert states == ["unlinked", "linked", "unlinked", "cancelled", "linked"]


def test_a_credit_note_holds_a_file_through_a_message_that_opens_it_again() -> None:
    opened_again = lead(OPENED, LINKED, CREDITED, CANCELLED, message("SD", "12"))

    assert opened_again.state == "unlinked"
    assert lead(OPENED, LINKED, CREDITED, CANCELLED, message("SD", "12"), UNCREDITED).state == (
        "linked"
    )


def test_a_credit_note_holds_no_longer_once_the_file_is_linked_again() -> None:
    again = lead(OPENED, LINKED, CREDITED, LINKED, local("removed_from_sales_document", "S-2"))

    with pytest.raises(TransitionRefusedError, match="not held by this credit note"):
        LIFE.apply(again, UNCREDITED)


def test_a_credit_note_without_a_name_is_known_by_that() -> None:
    held = lead(OPENED, LINKED, local("credit_note_created"))

    after = LIFE.apply(held, local("credit_note_deleted"))

    assert after is not None
    assert after.state == "linked"
    with pytest.raises(TransitionRefusedError):
        LIFE.apply(held, UNCREDITED)


def test_a_finished_file_leaves_its_document_only_once() -> None:
    ended = lead(OPENED, LINKED, message("SD", "35"), CREDITED)

    assert (ended.state, ended.in_sales_document) == ("finished", False)
    with pytest.raises(TransitionRefusedError, match="in no sales document"):
        LIFE.apply(ended, local("removed_from_sales_document"))


def test_a_notice_without_repairer_or_expert_leaves_the_file_unassigned() -> None:
    unassigned = lead(message("AS", notice="AS-1", seq=1, is_unassigned=True))
    older = message("AS", notice="AS-0", seq=0)
    newer = message("AS", notice="AS-2", seq=2)

    assert unassigned.unassigned
    assert lead(message("AS", notice="AS-1", seq=1, is_unassigned=True), older).unassigned
    assert not lead(message("AS", notice="AS-1", seq=1, is_unassigned=True), newer).unassigned


def test_a_notice_that_revises_a_later_numbered_one_does_not_lower_the_mark() -> None:
    revised = lead(
        message("AS", notice="AS-1", seq=7), message("AS", notice="AS-2", revises="AS-1", seq=5)
    )

    after = LIFE.apply(revised, message("AS", notice="AS-3", seq=6))

    assert revised.facts["notice"] == "AS-2"
    assert after == revised


def test_the_first_notice_on_a_finished_file_is_flagged_and_assigns_nothing() -> None:
    late = lead(
        confirmed("DO"),
        message("SD", "25", seq=1),
        message("AS", notice="AS-1", is_unassigned=True),
    )

    assert (late.state, late.unassigned) == ("finished", False)
    assert [each.text for each in late.warnings] == ["AS arrived on a finished file"]


@pytest.mark.parametrize("state", LIFE.states)
def test_only_an_unlinked_file_is_selectable(state: str) -> None:
    reason = LIFE.why_not_selectable(Standing(state=state))

    assert (reason is None) == (state == "unlinked")
    assert reason is None or re.fullmatch(r"The claim file cannot be selected: .+\.", reason)


def test_cells_that_are_our_reading_are_marked() -> None:
    marked = {
        (row, LIFE.states[n])
        for row, cells in TABLE.items()
        for n, cell in enumerate(cells)
        if cell.ours
    }

    messages = ("AS", "SD 54", "SD 36", "SD 37", "SD", "final")
    assert marked == {
        *(("AS", state) for state in IN_DOCUMENT),
        *((row, "finished") for row in messages),
        ("final", "cancelled"),
    }


def test_an_event_that_means_nothing_here_is_filed() -> None:
    now = lead(OPENED)

    assert LIFE.apply(now, local("painted")) == now
