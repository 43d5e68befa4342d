"""The lives of claim files: events are judged by the connector's lifecycle, logged and shown.

Everything here happens within one write. The log and the standing of a file change together, so
that folding the log in order of place always gives the standing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import msgspec

from syncer.domain.errors import ConnectorFailedError, TransitionRefusedError
from syncer.domain.feed import Change, ChangeType
from syncer.domain.instants import to_text
from syncer.domain.lifecycles import ClaimWarning, Event, LocalEvent, Standing
from syncer.domain.links import LinkKey
from syncer.domain.lives import EventOutcome, Life, LifeWrite, LoggedEvent
from syncer.ports.store import UnitOfWork
from syncer.sdk import Lifecycle
from syncer.services.guard import plainly_guarded, purely_guarded
from syncer.services.opening import AnyConnector
from syncer.services.record_json import Json, claim_file_change

KEY_MAX_LENGTH = 255
REMINDER_EVENT = "reminder"
"""The event by which a timeline shows that the client was reminded."""
WAIVED_EVENT, UNWAIVED_EVENT = "document_waived", "waiver_taken_back"
INCOMPLETE_EVENT = "sent_incomplete"
"""The event by which a timeline shows that somebody sent it although documents are missing."""
_OURS = frozenset(
    {
        LocalEvent.CONVERTED.value,
        LocalEvent.ARCHIVED.value,
        REMINDER_EVENT,
        WAIVED_EVENT,
        UNWAIVED_EVENT,
        INCOMPLETE_EVENT,
    }
)
"""Events that no lifecycle is asked about."""
_LARGEST_ORDER = 2**63


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event of a claim file; ``record`` or ``delivery`` is the id of what brought it.

    ``is_reported`` says that the planning system reports it and is to hear a refusal.
    """

    claim_file: str
    event: Event
    record: str | None = None
    delivery: str | None = None
    is_reported: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lived:
    """What came of events: where each file stands now, and what the feed is to tell of it."""

    standings: Mapping[str, Standing] = field(default_factory=dict)
    changes: Sequence[Change] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedFile:
    """A claim file that a record's contribution made, or changed."""

    link: LinkKey
    partner_ref: str
    is_new: bool

    def change(self, id_: str, lived: Lived) -> Change:
        """Tell of it, in the state that events left it in."""
        type_ = ChangeType.CLAIM_FILE_CREATED if self.is_new else ChangeType.CLAIM_FILE_UPDATED
        standing = lived.standings.get(id_)
        facts = {"state": standing.state if standing else None, "partner_ref": self.partner_ref}
        return claim_file_change(type_, self.link, id_, facts)


async def live_on(
    uow: UnitOfWork,
    connector: AnyConnector,
    happenings: Sequence[Happening],
    *,
    begin: Collection[str] = (),
    at: datetime,
) -> Lived:
    """Let events happen to claim files, in order of ``Event.order``; those known change nothing.

    ``begin`` names further files whose lives begin, if they have not yet. The caller puts the
    changes into the feed.

    Raises:
        TransitionRefusedError: one that the planning system reports cannot happen now.
        ConnectorFailedError: the lifecycle is broken; nothing may be kept of the write.
    """
    if not happenings and (connector.lifecycle is None or not begin):
        return Lived()
    fresh = await _unknown_ones(uow, happenings)
    ids = {*begin, *(one.claim_file for one in happenings)}
    judge = _Judge(connector.lifecycle)
    waiting = await uow.lives.waiting({one.claim_file for one in fresh})
    files = {
        id_: _File(life=life, judge=judge, waiting=waiting.get(id_, []))
        for id_, life in (await uow.lives.of(ids)).items()
    }
    for one in sorted(fresh, key=lambda one: one.event.order):
        files[one.claim_file].take(one)
    await uow.lives.log([one for file in files.values() for one in file.logged.values()])
    await uow.lives.place([one for file in files.values() for one in file.placed])
    await uow.lives.save([file.write() for file in files.values() if file.has_changed], at=at)
    return Lived(
        standings={id_: file.standing for id_, file in files.items()},
        changes=[change for file in files.values() for change in file.changes],
    )


async def _unknown_ones(uow: UnitOfWork, happenings: Sequence[Happening]) -> list[Happening]:
    """Leave out what the logs have already, and what comes twice."""
    keys: dict[str, set[str]] = {}
    fresh = []
    for one in happenings:
        of_file = keys.setdefault(one.claim_file, set())
        if one.event.key not in of_file:
            of_file.add(one.event.key)
            fresh.append(one)
    known = await uow.lives.known(keys)
    return [one for one in fresh if (one.claim_file, one.event.key) not in known]


def begin(lifecycle: Lifecycle | None) -> Standing:
    """Give the standing of a file to which nothing has happened yet.

    Raises:
        ConnectorFailedError: the lifecycle is broken.
    """
    return _Judge(lifecycle).begin()


def fold(lifecycle: Lifecycle | None, log: Iterable[LoggedEvent]) -> Standing:
    """Give the standing to which a log leads; it is in order of place.

    Raises:
        ConnectorFailedError: the lifecycle is broken.
    """
    judge = _Judge(lifecycle)
    standing = judge.begin()
    for one in log:
        if one.place is not None and one.outcome is not EventOutcome.REFUSED:
            standing = judge.apply(standing, one.event) or standing
    return standing


def check_event(event: object) -> None:
    """Refuse an event that the log could not keep.

    Raises:
        ConnectorFailedError: naming what is wrong with it.
    """
    if not isinstance(event, Event):
        raise ConnectorFailedError(f"the connector gave {type(event).__name__} instead of an Event")
    texts: tuple[object, ...] = (event.name, event.key, event.note or "-")
    if not all(isinstance(text, str) and text and "\0" not in text for text in texts):
        raise ConnectorFailedError("name, key and note of an event must be text without NUL")
    if len(event.key) > KEY_MAX_LENGTH:
        raise ConnectorFailedError(f"an event's key is longer than {KEY_MAX_LENGTH} characters")
    moment: object = event.at
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        raise ConnectorFailedError("an event's at must be an aware datetime")
    order: object = event.order
    if not isinstance(order, int) or abs(order) >= _LARGEST_ORDER:
        raise ConnectorFailedError("an event's order must be a whole number of 64 bits")
    as_json("an event's data", event.data)


def as_json(what: str, value: object) -> Json:
    """Give a connector's object as it will be read back from the store.

    Raises:
        ConnectorFailedError: it is no JSON object; ``what`` names it.
    """
    try:
        read: object = msgspec.json.decode(msgspec.json.encode(value))
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise ConnectorFailedError(f"{what} cannot be written as JSON") from error
    if not isinstance(read, dict):
        raise ConnectorFailedError(f"{what} must be an object")
    return read


def timeline_view(log: Sequence[LoggedEvent]) -> list[Json]:
    """Give a file's log as the API shows it; the caller has it in order of place."""
    return [
        {
            "at": to_text(one.event.at),
            "event": one.event.name,
            "from": one.from_state,
            "to": one.to_state,
            "note": _note_of(one),
            "record": one.record,
            "delivery": one.delivery,
        }
        for one in log
    ]


def _note_of(one: LoggedEvent) -> str | None:
    said = {
        EventOutcome.WAITING: "waits for what must come before it",
        EventOutcome.REFUSED: f"changed nothing: {one.reason}",
    }.get(one.outcome)
    return ": ".join(filter(None, (said, one.event.note))) or None


class _Judge:
    """A connector's lifecycle behind a wall; without one, nothing moves a file."""

    def __init__(self, lifecycle: Lifecycle | None) -> None:
        self.lifecycle = lifecycle

    def begin(self) -> Standing:
        lifecycle = self.lifecycle
        if lifecycle is None:
            return Standing()
        return self._checked(plainly_guarded("begin", lifecycle.begin))

    def apply(self, standing: Standing, event: Event) -> Standing | None:
        """Judge an event; raises ``TransitionRefusedError`` as the lifecycle does."""
        lifecycle = self.lifecycle
        if lifecycle is None or event.name in _OURS:
            return standing
        after = purely_guarded("apply", lambda: lifecycle.apply(standing, event))
        if after is None or after == standing:
            return after
        after = self._checked(after)
        return standing if after == standing else after

    def write_of(self, id_: str, standing: Standing, places: int) -> LifeWrite:
        reason, lifecycle = None, self.lifecycle
        if lifecycle is not None:
            reason = plainly_guarded(
                "why_not_selectable", lambda: lifecycle.why_not_selectable(standing)
            )
        return LifeWrite(
            claim_file=id_,
            standing=standing,
            selectable=None if lifecycle is None else reason is None,
            selectable_reason=reason,
            places=places,
        )

    def _checked(self, standing: object) -> Standing:
        """Refuse what the store could not keep; gives it as it will be read back."""
        if not isinstance(standing, Standing):
            raise ConnectorFailedError(f"the lifecycle gave {type(standing).__name__}")
        states = self.lifecycle.states if self.lifecycle else ()
        if standing.state is not None and standing.state not in states:
            raise ConnectorFailedError("the lifecycle gave a state that it does not declare")
        if not all(isinstance(one, ClaimWarning) for one in standing.warnings):
            raise ConnectorFailedError("the lifecycle gave a warning that is no ClaimWarning")
        facts = as_json("a standing's facts", standing.facts)
        return replace(standing, warnings=tuple(standing.warnings), facts=facts)


class _File:
    """A claim file while events happen to it."""

    def __init__(self, *, life: Life, judge: _Judge, waiting: Sequence[LoggedEvent]) -> None:
        self.has_changed = life.standing is None
        self.standing = life.standing if life.standing is not None else judge.begin()
        self.logged: dict[str, LoggedEvent] = {}
        self.placed: list[LoggedEvent] = []
        self.changes: list[Change] = []
        self._life = life
        self._judge = judge
        self._places = life.places
        self._waiting = list(waiting)

    def take(self, one: Happening) -> None:
        """Let an event happen, and after one that moves the file all that waited for it."""
        entry = self._judged(_waiting(one), is_reported=one.is_reported)
        self.logged[one.event.key] = entry
        if entry.outcome is EventOutcome.WAITING:
            self._waiting.append(entry)
        elif entry.outcome is EventOutcome.MOVED:
            while self._replay():
                pass

    def write(self) -> LifeWrite:
        return self._judge.write_of(self._life.claim_file, self.standing, self._places)

    def _replay(self) -> bool:
        """Try what waits, in order, until one moves the file; False when none does."""
        for waiting in sorted(self._waiting, key=lambda one: one.event.order):
            entry = self._judged(waiting)
            if entry.outcome is EventOutcome.WAITING:
                continue
            self._waiting.remove(waiting)
            if entry.event.key in self.logged:
                self.logged[entry.event.key] = entry
            else:
                self.placed.append(entry)
            if entry.outcome is EventOutcome.MOVED:
                return True
        return False

    def _judged(self, entry: LoggedEvent, *, is_reported: bool = False) -> LoggedEvent:
        before, reason = self.standing, None
        try:
            after = self._judge.apply(before, entry.event)
        except TransitionRefusedError as refusal:
            if is_reported:
                raise
            after, reason = before, str(refusal)
        if after is None:
            if is_reported:
                raise TransitionRefusedError("This cannot be said of the claim file yet.")
            return entry
        has_moved = after != before
        self.has_changed = True
        self.standing = after
        self._places += 1
        if has_moved:
            self.changes.extend(_changes_of(self._life, before, after, entry.event))
        outcome = EventOutcome.MOVED if has_moved else EventOutcome.FILED
        return replace(
            entry,
            outcome=outcome if reason is None else EventOutcome.REFUSED,
            place=self._places,
            from_state=before.state,
            to_state=after.state,
            reason=reason,
        )


def _waiting(one: Happening) -> LoggedEvent:
    return LoggedEvent(
        claim_file=one.claim_file,
        event=one.event,
        outcome=EventOutcome.WAITING,
        place=None,
        record=one.record,
        delivery=one.delivery,
    )


def _changes_of(life: Life, before: Standing, after: Standing, event: Event) -> list[Change]:
    """Tell of another state and of new warnings, else that something about the file changed."""
    came = {"from": before.state, "event": event.name, "event_at": to_text(event.at)}
    names = {
        "state": after.state,
        "reference": life.reference,
        "partner_ref": life.partner_ref,
    }
    told: list[tuple[ChangeType, Json]] = []
    if after.state != before.state:
        told.append((ChangeType.CLAIM_FILE_STATE_CHANGED, {**names, **came}))
    told += [
        (ChangeType.CLAIM_FILE_WARNING, {**names, "text": warning.text})
        for warning in after.warnings
        if warning not in before.warnings
    ]
    told = told or [(ChangeType.CLAIM_FILE_UPDATED, names)]
    return [claim_file_change(type_, life.link, life.claim_file, data) for type_, data in told]
