"""Intake: whether a record waits for a person, goes straight through or stays out, and why."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.records import Kind, Record

Queueing = Literal["all", "none"] | frozenset[Kind]
STATUS_EVENT_RULE = "status event"


class IntakeState(StrEnum):
    """The decision on a record."""

    QUEUED = "queued"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"
    EXCLUDED = "excluded"


class DecidedBy(StrEnum):
    """Who made the decision."""

    RULE = "rule"
    PERSON = "person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """An intake decision; ``rule`` names what decided, None when a person did."""

    state: IntakeState
    rule: str | None
    decided_by: DecidedBy


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What was decided on a stored record so far.

    ``person_state`` is what a person last decided; an exclusion keeps it, so that un-excluding can
    restore it.
    """

    decision: Decision
    person_state: IntakeState | None = None
    taken_over: bool = False


# -- exclude rules --------------------------------------------------------------------------------

_TEXTS_OF: Mapping[str, Callable[[Record], Sequence[str | None]]] = {
    "kind": lambda record: (record.kind,),
    "status": lambda record: (record.status,),
    "insurer": lambda record: (record.insurer.name if record.insurer else None,),
    "plate": lambda record: (record.vehicle.plate if record.vehicle else None,),
    "make": lambda record: (record.vehicle.make if record.vehicle else None,),
    "model": lambda record: (record.vehicle.model if record.vehicle else None,),
    "site": lambda record: (record.site.id, record.site.name) if record.site else (),
    "number": lambda record: (record.number,),
    "name": lambda record: (
        record.insured.name if record.insured else None,
        record.insurer.name if record.insurer else None,
        record.surveyor.name if record.surveyor else None,
    ),
}
_FLAG = "smart_expertise"
RULE_FIELDS = (*_TEXTS_OF, _FLAG)


@lru_cache(maxsize=4096)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(glob.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExcludeRule:
    """Excludes a record when every field matches.

    Patterns are globs, case-insensitive, over the whole value; a value that the partner did not
    give matches nothing. ``site`` matches id or name; ``name`` insured, insurer or surveyor.
    """

    name: str
    globs: tuple[tuple[str, str], ...] = ()
    smart_expertise: bool | None = None

    def hits(self, record: Record) -> bool:
        """Say whether the rule excludes the record."""
        if self.smart_expertise is not None and record.smart_expertise is not self.smart_expertise:
            return False
        return all(
            any(text and _pattern(glob).match(text.casefold()) for text in _TEXTS_OF[field](record))
            for field, glob in self.globs
        )


def parse_exclude_rules(items: object, *, pointer: str = "/excludes") -> tuple[ExcludeRule, ...]:
    """Read exclude rules from JSON or TOML values; all faults are reported together.

    Raises:
        InvalidError: naming each faulty field by its JSON pointer under ``pointer``.
    """
    if not isinstance(items, list | tuple):
        raise InvalidError(
            "The exclude rules cannot be read.",
            [
                FieldError(pointer=pointer, message="must be a list of rules"),
            ],
        )
    faults: list[FieldError] = []
    rules = [
        _parse_rule(item, index, f"{pointer}/{index}", faults) for index, item in enumerate(items)
    ]
    if faults:
        raise InvalidError("The exclude rules cannot be read.", faults)
    return tuple(rules)


def _parse_rule(item: object, index: int, pointer: str, faults: list[FieldError]) -> ExcludeRule:
    name, flag, globs = f"excludes[{index}]", None, []
    if not isinstance(item, Mapping) or not set(item) - {"rule"}:
        message = f"must be an object with at least one of {', '.join(RULE_FIELDS)}"
        faults.append(FieldError(pointer=pointer, message=message))
        return ExcludeRule(name=name)
    for field, value in item.items():
        fault = _fault_of(field, value)
        if fault:
            faults.append(FieldError(pointer=f"{pointer}/{field}", message=fault))
        elif field == "rule":
            name = value
        elif field == _FLAG:
            flag = value
        else:
            globs.append((field, value))
    return ExcludeRule(name=name, globs=tuple(globs), smart_expertise=flag)


def _fault_of(field: object, value: Any) -> str | None:
    if field == _FLAG:
        return None if isinstance(value, bool) else "must be true or false"
    if field != "rule" and field not in _TEXTS_OF:
        return f"is not a field of an exclude rule; use {', '.join(RULE_FIELDS)} or rule"
    if not isinstance(value, str) or not value:
        return "must be a text that is not empty"
    return None


# -- decisions ------------------------------------------------------------------------------------


def queueing_name(queueing: Queueing) -> str:
    """Spell a queueing setting as a decision's ``rule`` shows it."""
    kinds = queueing if isinstance(queueing, str) else ", ".join(sorted(queueing))
    return f"queueing = {kinds}"


def decide_new(record: Record, queueing: Queueing, rules: Sequence[ExcludeRule]) -> Decision:
    """Decide on a record that nothing was decided on yet; the first rule that hits excludes it."""
    for rule in rules:
        if rule.hits(record):
            return _by_rule(IntakeState.EXCLUDED, rule.name)
    waits = queueing == "all" or (queueing != "none" and record.kind in queueing)
    state = IntakeState.QUEUED if waits else IntakeState.ACCEPTED
    return _by_rule(state, queueing_name(queueing))


def decide_again(
    record: Record, standing: Standing, queueing: Queueing, rules: Sequence[ExcludeRule]
) -> Decision:
    """Decide on a stored record once more because the rules may have changed.

    A taken-over record keeps its decision. A person's decision moves only when an exclude rule now
    hits it, and comes back when none does. What a status event put back into the queue stays there.
    """
    if standing.taken_over:
        return standing.decision
    fresh = decide_new(record, queueing, rules)
    if fresh.state is IntakeState.EXCLUDED:
        return fresh
    if standing.decision.rule == STATUS_EVENT_RULE:
        return standing.decision
    return _by_person(standing.person_state) if standing.person_state else fresh


def decide_version(
    record: Record, standing: Standing, queueing: Queueing, rules: Sequence[ExcludeRule]
) -> Decision:
    """Decide on a new version (a status event) of a stored record.

    The decision made on the record stays, unless an exclude rule now hits it and it was not taken
    over; a dismissed record goes back to the queue.
    """
    if standing.taken_over:
        return standing.decision
    fresh = decide_new(record, queueing, rules)
    if fresh.state is IntakeState.EXCLUDED:
        return fresh
    if standing.person_state is IntakeState.DISMISSED:
        return _by_rule(IntakeState.QUEUED, STATUS_EVENT_RULE)
    if standing.decision.state is not IntakeState.EXCLUDED:
        return standing.decision
    return _by_person(standing.person_state) if standing.person_state else fresh


def _by_rule(state: IntakeState, rule: str) -> Decision:
    return Decision(state=state, rule=rule, decided_by=DecidedBy.RULE)


def _by_person(state: IntakeState) -> Decision:
    return Decision(state=state, rule=None, decided_by=DecidedBy.PERSON)
