"""Laws of a claim file's life that hold whatever happens to it, in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from syncer_darva.lifecycle import ClaimLife

from syncer.sdk import Event, Standing, TransitionRefusedError
from tests.campaign import COUNTS

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
FINALS = ("25", "32", "35", "50")
CODES = st.sampled_from(["12", "36", "37", "54", "99", *FINALS])
NOTES = st.sampled_from(["CN-1", "CN-2", None])
USED = {"linked", "sent", "awaiting_payment"}


class ClaimFileLife(RuleBasedStateMachine):
    """One claim file, the events that wait for it, and what happened last."""

    def __init__(self) -> None:
        super().__init__()
        self.life = ClaimLife()
        self.now = self.before = self.life.begin()
        self.last: Event | None = None
        self.waiting: list[Event] = []
        self.count = 0

    def _happens(self, name: str, order: int = 0, **data: Any) -> None:
        self.count += 1
        at = AT + timedelta(minutes=self.count)
        self._judge(Event(name=name, key=f"{self.count}", at=at, order=order, data=data))

    def _judge(self, event: Event) -> None:
        self.before, self.last = self.now, event
        try:
            after = self.life.apply(self.now, event)
        except TransitionRefusedError:
            return
        if after is None:
            self.waiting.append(event)
            return
        self.now = after
        self._check_move()
        if after != self.before:
            early, self.waiting = self.waiting, []
            for one in sorted(early, key=lambda one: one.order):
                self._judge(one)

    def _check_move(self) -> None:
        assert self.last is not None
        before, now, last = self.before, self.now, self.last
        is_final = last.data.get("type") == "AP" or last.data.get("code") in FINALS
        if now.state == "finished" and before.state != "finished":
            assert is_final
        if now.state == "cancelled" and before.state != "cancelled":
            assert last.name == "cancelled_by_hand"
            assert not before.in_sales_document
        if before.state == "finished":
            assert now.state == "finished"
        if now.state in USED and before.state not in USED:
            assert last.name in {"linked_to_sales_document", "credit_note_deleted"}
        if set(before.warnings) - set(now.warnings):
            assert last.name == "warning_acknowledged"
        if before.in_sales_document and not now.in_sales_document:
            assert last.name in {"removed_from_sales_document", "credit_note_created"}

    @rule(revises=st.booleans(), is_unassigned=st.booleans(), back=st.integers(0, 3))
    def notice(self, *, revises: bool, is_unassigned: bool, back: int) -> None:
        data = {"notice": f"AS-{self.count}", "is_unassigned": is_unassigned}
        if revises:
            data["revises"] = self.now.facts.get("notice")
        self._happens("AS", self.count - back, type="AS", **data)

    @rule(code=CODES)
    def follow_up(self, code: str) -> None:
        self._happens(f"SD {code}", self.count, type="SD", code=code, label="Suivi")

    @rule()
    def payment(self) -> None:
        self._happens("AP", self.count, type="AP")

    @rule(type_=st.sampled_from(["DO", "FA", "BDG"]))
    def receipt(self, type_: str) -> None:
        self._happens(f"{type_} confirmed", self.count, type=type_)

    @rule(note=NOTES, event=st.sampled_from(["credit_note_created", "credit_note_deleted"]))
    def credit_note(self, event: str, note: str | None) -> None:
        data: dict[str, Any] = {"sales_document": note} if note else {}
        self._happens(event, **data)

    @rule(
        event=st.sampled_from(
            [
                "linked_to_sales_document",
                "removed_from_sales_document",
                "cancelled_by_hand",
                "warning_acknowledged",
            ]
        )
    )
    def report(self, event: str) -> None:
        self._happens(event, sales_document="S-1")

    @invariant()
    def a_used_file_is_in_a_document_and_no_other_but_a_finished_one(self) -> None:
        assert self.now.in_sales_document or self.now.state not in USED
        assert not self.now.in_sales_document or self.now.state in USED | {"finished"}

    @invariant()
    def only_an_unlinked_file_is_selectable(self) -> None:
        reason = self.life.why_not_selectable(self.now)
        assert (reason is None) == (self.now.state == "unlinked")

    @invariant()
    def nothing_waits_once_there_is_a_file(self) -> None:
        assert self.now.state == "none" or not self.waiting

    @invariant()
    def a_file_stands_somewhere(self) -> None:
        assert isinstance(self.now, Standing)
        assert self.now.state in self.life.states


TestClaimFileLife = ClaimFileLife.TestCase
TestClaimFileLife.settings = settings(
    max_examples=COUNTS.model_runs * 2, stateful_step_count=COUNTS.model_steps, database=None
)
