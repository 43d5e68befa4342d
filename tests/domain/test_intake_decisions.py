"""Decisions on new, changed and stored records, over every way that a record can go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from syncer.domain.intake import (
    STATUS_EVENT_RULE,
    DecidedBy,
    Decision,
    ExcludeRule,
    IntakeState,
    Queueing,
    Standing,
    decide_again,
    decide_new,
    decide_version,
    parse_exclude_rules,
    queueing_name,
)
from syncer.domain.records import Kind, Record

QUOTE = Record(
    kind=Kind.QUOTE,
    partner_ref="Q-1",
    revision="1",
    status="submitted",
    status_changed_at=datetime(2026, 3, 2, tzinfo=UTC),
    number="2026/1",
)
EXCLUDE_QUOTES = parse_exclude_rules([{"rule": "no quotes", "kind": "quote"}])
NO_RULES: tuple[ExcludeRule, ...] = ()


def by_person(state: IntakeState) -> Standing:
    decision = Decision(state=state, rule=None, decided_by=DecidedBy.PERSON)
    return Standing(decision=decision, person_state=state)


def by_rule(state: IntakeState, name: str = "queueing = all") -> Standing:
    return Standing(decision=Decision(state=state, rule=name, decided_by=DecidedBy.RULE))


@pytest.mark.parametrize(
    ("queueing", "state", "name"),
    [
        pytest.param("all", "queued", "queueing = all", id="all"),
        pytest.param("none", "accepted", "queueing = none", id="none"),
        pytest.param(frozenset({Kind.QUOTE}), "queued", "queueing = quote", id="listed"),
        pytest.param(
            frozenset({Kind.MISSION, Kind.NOTICE}),
            "accepted",
            "queueing = mission, notice",
            id="not-listed",
        ),
    ],
)
def test_new_record_waits_or_goes_through_by_the_queueing_setting(
    queueing: Queueing, state: str, name: str
) -> None:
    decision = decide_new(QUOTE, queueing, NO_RULES)

    assert (decision.state, decision.rule, decision.decided_by) == (state, name, DecidedBy.RULE)
    assert queueing_name(queueing) == name


def test_new_record_is_excluded_by_the_first_rule_that_hits() -> None:
    rules = parse_exclude_rules(
        [{"kind": "mission"}, {"number": "2026*"}, {"rule": "later", "kind": "quote"}]
    )

    decision = decide_new(QUOTE, "none", rules)

    assert (decision.state, decision.rule) == (IntakeState.EXCLUDED, "excludes[1]")


@pytest.mark.parametrize("state", [IntakeState.QUEUED, IntakeState.ACCEPTED])
def test_new_version_keeps_the_decision_of_a_rule_though_queueing_changed(
    state: IntakeState,
) -> None:
    standing = by_rule(state)

    assert decide_version(QUOTE, standing, "none", NO_RULES) == standing.decision
    assert decide_version(QUOTE, standing, "all", NO_RULES) == standing.decision


def test_new_version_keeps_what_a_person_accepted() -> None:
    standing = by_person(IntakeState.ACCEPTED)

    assert decide_version(QUOTE, standing, "all", NO_RULES) == standing.decision


def test_new_version_of_a_dismissed_record_puts_it_back_in_the_queue() -> None:
    decision = decide_version(QUOTE, by_person(IntakeState.DISMISSED), "none", NO_RULES)

    assert (decision.state, decision.rule) == (IntakeState.QUEUED, STATUS_EVENT_RULE)


@pytest.mark.parametrize(
    "standing",
    [
        pytest.param(by_rule(IntakeState.QUEUED), id="queued"),
        pytest.param(by_person(IntakeState.ACCEPTED), id="accepted-by-person"),
        pytest.param(by_person(IntakeState.DISMISSED), id="dismissed-by-person"),
    ],
)
def test_new_version_is_excluded_when_a_rule_hits_it(standing: Standing) -> None:
    decision = decide_version(QUOTE, standing, "all", EXCLUDE_QUOTES)

    assert (decision.state, decision.rule) == (IntakeState.EXCLUDED, "no quotes")


def test_new_version_that_no_rule_hits_any_more_leaves_the_exclusion() -> None:
    standing = by_rule(IntakeState.EXCLUDED, "no quotes")

    decision = decide_version(QUOTE, standing, "all", NO_RULES)

    assert decision.state is IntakeState.QUEUED


def test_new_version_that_leaves_the_exclusion_brings_back_what_a_person_accepted() -> None:
    excluded = decide_version(QUOTE, by_person(IntakeState.ACCEPTED), "all", EXCLUDE_QUOTES)
    standing = Standing(decision=excluded, person_state=IntakeState.ACCEPTED)

    decision = decide_version(QUOTE, standing, "all", NO_RULES)

    assert decision == by_person(IntakeState.ACCEPTED).decision


@pytest.mark.parametrize("decide", [decide_version, decide_again])
def test_taken_over_record_keeps_its_decision_whatever_the_rules_say(
    decide: Callable[..., Decision],
) -> None:
    standing = replace(by_person(IntakeState.ACCEPTED), taken_over=True)

    assert decide(QUOTE, standing, "all", EXCLUDE_QUOTES) == standing.decision


def test_deciding_again_follows_the_queueing_setting_for_what_no_person_decided() -> None:
    decision = decide_again(QUOTE, by_rule(IntakeState.QUEUED), "none", NO_RULES)

    assert (decision.state, decision.rule) == (IntakeState.ACCEPTED, "queueing = none")


@pytest.mark.parametrize("state", [IntakeState.ACCEPTED, IntakeState.DISMISSED])
def test_deciding_again_leaves_a_person_s_decision_that_no_rule_hits(state: IntakeState) -> None:
    standing = by_person(state)

    assert decide_again(QUOTE, standing, "all", NO_RULES) == standing.decision


@pytest.mark.parametrize("state", [IntakeState.ACCEPTED, IntakeState.DISMISSED])
def test_deciding_again_excludes_and_un_excluding_restores_the_person_s_decision(
    state: IntakeState,
) -> None:
    excluded = decide_again(QUOTE, by_person(state), "all", EXCLUDE_QUOTES)
    restored = decide_again(QUOTE, Standing(decision=excluded, person_state=state), "all", NO_RULES)

    assert excluded.state is IntakeState.EXCLUDED
    assert restored == by_person(state).decision


def test_deciding_again_leaves_in_the_queue_what_a_status_event_put_there() -> None:
    queued = decide_version(QUOTE, by_person(IntakeState.DISMISSED), "none", NO_RULES)

    assert decide_again(QUOTE, Standing(decision=queued), "none", NO_RULES) == queued


@given(
    state=st.sampled_from(IntakeState),
    queueing=st.sampled_from(["all", "none", frozenset({Kind.QUOTE}), frozenset({Kind.MISSION})]),
    rules=st.sampled_from([NO_RULES, EXCLUDE_QUOTES]),
)
def test_deciding_again_twice_is_deciding_again_once(
    state: IntakeState, queueing: Queueing, rules: tuple[ExcludeRule, ...]
) -> None:
    standing = by_rule(state, "whatever")
    once = decide_again(QUOTE, standing, queueing, rules)

    assert decide_again(QUOTE, replace(standing, decision=once), queueing, rules) == once


@dataclass
class Settings:
    queueing: Queueing = "all"
    rules: tuple[ExcludeRule, ...] = field(default=())


class IntakeOfOneRecord(RuleBasedStateMachine):
    """One record, its partner, a person, the planning system and an operator who changes rules."""

    @initialize(queueing=st.sampled_from(["all", "none"]))
    def arrive(self, queueing: Queueing) -> None:
        self.settings = Settings(queueing=queueing)
        self.standing = Standing(decision=decide_new(QUOTE, queueing, ()))
        self.person: IntakeState | None = None
        self.is_hit = False

    @rule()
    def partner_changes_the_status(self) -> None:
        decision = decide_version(QUOTE, self.standing, self.settings.queueing, self.settings.rules)
        if decision.rule == STATUS_EVENT_RULE:
            self.person = None
        self._decided(decision)

    @rule()
    def operator_applies_the_rules(self) -> None:
        decision = decide_again(QUOTE, self.standing, self.settings.queueing, self.settings.rules)
        self._decided(decision)

    @rule(rules=st.sampled_from([NO_RULES, EXCLUDE_QUOTES]))
    def operator_changes_the_rules(self, rules: tuple[ExcludeRule, ...]) -> None:
        self.settings.rules = rules

    @precondition(
        lambda self: (
            not self.standing.taken_over
            and self.standing.decision.state is not IntakeState.EXCLUDED
        )
    )
    @rule(state=st.sampled_from([IntakeState.ACCEPTED, IntakeState.DISMISSED]))
    def person_decides(self, state: IntakeState) -> None:
        self.person = state
        self._decided(by_person(state).decision)

    @precondition(lambda self: self.standing.decision.state is IntakeState.ACCEPTED)
    @rule()
    def planning_system_takes_it_over(self) -> None:
        self.standing = replace(self.standing, taken_over=True)

    @invariant()
    def a_taken_over_record_is_accepted(self) -> None:
        if self.standing.taken_over:
            assert self.standing.decision.state is IntakeState.ACCEPTED

    @invariant()
    def what_a_person_decided_stands_unless_a_rule_excludes_it(self) -> None:
        decision = self.standing.decision
        if self.person is not None and decision.state is not IntakeState.EXCLUDED:
            assert decision.state is self.person

    @invariant()
    def only_a_person_dismisses(self) -> None:
        if self.standing.decision.state is IntakeState.DISMISSED:
            assert self.standing.decision.decided_by is DecidedBy.PERSON

    @invariant()
    def a_rule_s_decision_names_the_rule(self) -> None:
        decision = self.standing.decision
        assert (decision.rule is None) == (decision.decided_by is DecidedBy.PERSON)

    def _decided(self, decision: Decision) -> None:
        self.standing = replace(self.standing, decision=decision, person_state=self.person)


TestIntakeOfOneRecord = IntakeOfOneRecord.TestCase
