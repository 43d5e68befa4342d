"""The life of a claim file: one table of (what happens, where the file stands), and what it means.

Source: docs/partners/darva.md, "Life of a claim file". A cell marked ``ours`` is our reading where
the networks' guide is silent; another reading changes that cell and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from syncer.sdk import (
    ClaimWarning,
    Event,
    Lifecycle,
    LocalEvent,
    Standing,
    TransitionRefusedError,
)
from syncer_darva import wire

NONE, AWAITING_NOTICE, UNLINKED, LINKED = "none", "awaiting_notice", "unlinked", "linked"
SENT, AWAITING_PAYMENT = "sent", "awaiting_payment"
FINISHED, CANCELLED = "finished", "cancelled"
STATES = (NONE, AWAITING_NOTICE, UNLINKED, LINKED, SENT, AWAITING_PAYMENT, FINISHED, CANCELLED)

_IN_SALES_DOCUMENT = frozenset({LINKED, SENT, AWAITING_PAYMENT})
_MAY_BE_IN_SALES_DOCUMENT = _IN_SALES_DOCUMENT | {FINISHED}

WHERE = {
    NONE: "no message of the network has opened it yet",
    AWAITING_NOTICE: "it waits for its claim notice",
    UNLINKED: "it is in no sales document",
    LINKED: "it is in a sales document",
    SENT: "its invoice or cover voucher was sent",
    AWAITING_PAYMENT: "its invoice was validated and waits for payment",
    FINISHED: "it is finished",
    CANCELLED: "it was cancelled by hand",
}


# -- the table ------------------------------------------------------------------------------------


class Warn(Enum):
    """Which warning an event leaves on the file."""

    NOTHING = ""
    CHANGED = "changes on the claim file: {full}"
    CLOSED = "closed by {name} while in a sales document"
    AFTER_END = "{name} arrived on a finished file"


class Hold(Enum):
    """What an event does to a credit note's hold on the file."""

    KEEP = "keep"
    SET = "set"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What an event does to a file in one state; ``to`` None leaves the state.

    ``waits``: the event is kept and tried again once the file exists. ``refused``: it cannot
    happen. ``leaves_document``: the file is in no sales document any more. ``ours``: our reading.
    """

    to: str | None = None
    warn: Warn = Warn.NOTHING
    hold: Hold = Hold.KEEP
    waits: bool = False
    refused: bool = False
    leaves_document: bool = False
    clears_warnings: bool = False
    ours: bool = False


_FILED = Cell()
_ORPHAN = Cell(waits=True)
_REFUSED = Cell(refused=True)
_FLAG = Cell(warn=Warn.AFTER_END, ours=True)
_OPENED = Cell(to=UNLINKED)
_BACK = Cell(to=LINKED, warn=Warn.CHANGED)
_ENDED = Cell(to=FINISHED)
_CLOSED = Cell(to=FINISHED, warn=Warn.CLOSED)
_CREDITED = Cell(to=UNLINKED, hold=Hold.SET)
_INTO_DOCUMENT = Cell(to=LINKED, hold=Hold.END)
_CANCELLED = Cell(to=CANCELLED)
_OUT_OF_ENDED = Cell(leaves_document=True)
_SEEN = Cell(clears_warnings=True)


def _noted(state: str) -> Cell:
    """Keep a file in its state with a warning, on a newer notice; the guide does not name it."""
    return Cell(to=state, warn=Warn.CHANGED, ours=True)


_ENDED_AFTER_CANCELLING = replace(_ENDED, ours=True)
_PAYABLE = Cell(to=AWAITING_PAYMENT)

# Columns: none, awaiting_notice, unlinked, linked, sent, awaiting_payment, finished, cancelled.
TABLE: Mapping[str, tuple[Cell, ...]] = {
    "AS": (
        _OPENED, _OPENED, _FILED, _noted(LINKED), _noted(SENT), _noted(AWAITING_PAYMENT),
        _FLAG, _OPENED,
    ),
    "AS, not newer": (_FILED,) * 8,
    "SD 54": (_OPENED, _OPENED, _FILED, _FILED, _BACK, _BACK, _FLAG, _OPENED),
    "SD 36": (_ORPHAN, _FILED, _FILED, _PAYABLE, _PAYABLE, _FILED, _FLAG, _OPENED),
    "SD 37": (_ORPHAN, _FILED, _FILED, Cell(to=LINKED), _BACK, _BACK, _FLAG, _OPENED),
    "SD": (_ORPHAN, _FILED, _FILED, _BACK, _BACK, _BACK, _FLAG, _OPENED),
    "final": (
        _ORPHAN, _ENDED, _ENDED, _CLOSED, _CLOSED, _CLOSED, _FLAG, _ENDED_AFTER_CANCELLING,
    ),
    "DO confirmed": (Cell(to=AWAITING_NOTICE), *(_FILED,) * 7),
    "invoice confirmed": (
        _FILED, _FILED, _FILED, Cell(to=SENT), _FILED, _FILED, _FILED, _FILED,
    ),
    LocalEvent.LINKED_TO_SALES_DOCUMENT: (
        _REFUSED, _REFUSED, _INTO_DOCUMENT, _REFUSED, _REFUSED, _REFUSED, _REFUSED, _REFUSED,
    ),
    LocalEvent.REMOVED_FROM_SALES_DOCUMENT: (
        _REFUSED, _REFUSED, _REFUSED, _OPENED, _OPENED, _OPENED, _OUT_OF_ENDED, _REFUSED,
    ),
    LocalEvent.CREDIT_NOTE_CREATED: (
        _REFUSED, _REFUSED, _REFUSED, _CREDITED, _CREDITED, _CREDITED, _OUT_OF_ENDED, _REFUSED,
    ),
    LocalEvent.CREDIT_NOTE_DELETED: (
        _REFUSED, _REFUSED, _INTO_DOCUMENT, _REFUSED, _REFUSED, _REFUSED, _REFUSED, _INTO_DOCUMENT,
    ),
    "another credit note deleted": (_REFUSED,) * 8,
    LocalEvent.CANCELLED_BY_HAND: (
        _REFUSED, _CANCELLED, _CANCELLED, _REFUSED, _REFUSED, _REFUSED, _REFUSED, _REFUSED,
    ),
    LocalEvent.WARNING_ACKNOWLEDGED: (_REFUSED, *(_SEEN,) * 7),
}  # fmt: skip

_CONFIRMED = {
    wire.OPENING_REQUEST: "DO confirmed",
    wire.INVOICE: "invoice confirmed",
    wire.COVER_VOUCHER: "invoice confirmed",
}
_CANNOT = {
    LocalEvent.LINKED_TO_SALES_DOCUMENT: "The claim file cannot be put into a sales document",
    LocalEvent.REMOVED_FROM_SALES_DOCUMENT: "The claim file cannot leave a sales document",
    LocalEvent.CREDIT_NOTE_CREATED: "No credit note can be made for the claim file",
    LocalEvent.CREDIT_NOTE_DELETED: "No credit note can be deleted for the claim file",
    LocalEvent.CANCELLED_BY_HAND: "The claim file cannot be cancelled by hand",
    LocalEvent.WARNING_ACKNOWLEDGED: "The claim file has no warnings",
}


class ClaimLife(Lifecycle):
    """The life of a motor-claim file.

    Facts: ``notice`` and ``notice_seq``, the newest notice; ``credit_note``, the one that holds the
    file (an empty text when the planning system did not name it).
    """

    states = STATES

    def begin(self) -> Standing:
        """Begin without a file: what comes early waits here."""
        return Standing(state=NONE)

    def apply(self, standing: Standing, event: Event) -> Standing | None:
        """Look the event up in the table and do what the cell says."""
        row = _row_of(standing, event)
        if row is None:
            return standing
        cell = TABLE[row][STATES.index(standing.state or NONE)]
        if cell.waits:
            return None
        if cell.refused:
            raise TransitionRefusedError(_why_refused(standing, event))
        if cell is _OUT_OF_ENDED and not standing.in_sales_document:
            raise TransitionRefusedError(
                f"{_CANNOT[LocalEvent(event.name)]}: it is finished and in no sales document."
            )
        return _moved(standing, event, cell, is_newest_notice=row == "AS")

    def why_not_selectable(self, standing: Standing) -> str | None:
        """Let only an unlinked file be put into a sales document."""
        if standing.state == UNLINKED:
            return None
        return f"The claim file cannot be selected: {WHERE[standing.state or NONE]}."


def confirmed_event_name(type_: str) -> str:
    """Name the event that a message of ours was accepted."""
    return f"{type_} confirmed"


# -- which row ------------------------------------------------------------------------------------


def _row_of(standing: Standing, event: Event) -> str | None:
    """Name the row of an event; None for one that means nothing here."""
    type_ = event.data.get("type")
    if event.name == confirmed_event_name(type_ or ""):
        return _CONFIRMED.get(type_ or "")
    if type_ == wire.NOTICE:
        return "AS" if _is_newest(standing, event) else "AS, not newer"
    if type_ == wire.PAYMENT_NOTICE or event.data.get("code") in wire.FINAL_CODES:
        return "final"
    if type_ == wire.FOLLOW_UP:
        return event.name if event.name in TABLE else "SD"
    if event.name == LocalEvent.CREDIT_NOTE_DELETED and not _is_held_by(standing, event):
        return "another credit note deleted"
    return event.name if event.name in TABLE else None


def _is_newest(standing: Standing, event: Event) -> bool:
    """Say whether a notice is the first, replaces the newest one, or was numbered after it."""
    newest = standing.facts.get("notice")
    if newest is None:
        return True
    is_later = event.order > int(standing.facts["notice_seq"])
    return is_later or event.data.get("revises") == newest


def _is_held_by(standing: Standing, event: Event) -> bool:
    holding = standing.facts.get("credit_note")
    return holding is not None and holding == (event.data.get("sales_document") or "")


# -- what it comes to -----------------------------------------------------------------------------


def _moved(standing: Standing, event: Event, cell: Cell, *, is_newest_notice: bool) -> Standing:
    state = cell.to or standing.state
    is_in_document = state in _MAY_BE_IN_SALES_DOCUMENT and standing.in_sales_document
    facts = _held(standing.facts, event, cell.hold)
    if is_newest_notice:
        facts |= _notice_facts(standing, event)
    return replace(
        standing,
        state=state,
        in_sales_document=state in _IN_SALES_DOCUMENT
        or (is_in_document and not cell.leaves_document),
        unassigned=_is_unassigned(standing, event, is_newest_notice=is_newest_notice),
        warnings=_warnings(standing, event, cell),
        facts=facts,
    )


def _held(facts: Mapping[str, Any], event: Event, hold: Hold) -> dict[str, Any]:
    if hold is Hold.SET:
        return {**facts, "credit_note": event.data.get("sales_document") or ""}
    if hold is Hold.END:
        return {name: value for name, value in facts.items() if name != "credit_note"}
    return dict(facts)


def _notice_facts(standing: Standing, event: Event) -> dict[str, Any]:
    highest = max(event.order, int(standing.facts.get("notice_seq", 0)))
    return {"notice": event.data.get("notice") or "", "notice_seq": highest}


def _is_unassigned(standing: Standing, event: Event, *, is_newest_notice: bool) -> bool:
    """Keep what the newest notice said; one that ends on a finished file changes nothing there."""
    if is_newest_notice and standing.state != FINISHED:
        return bool(event.data.get("is_unassigned"))
    return standing.unassigned


def _warnings(standing: Standing, event: Event, cell: Cell) -> tuple[ClaimWarning, ...]:
    if cell.clears_warnings:
        return ()
    if cell.warn is Warn.NOTHING:
        return standing.warnings
    full = " ".join(filter(None, (event.name, event.data.get("label"))))
    text = cell.warn.value.format(name=event.name, full=full)
    return (*standing.warnings, ClaimWarning(text=text, since=event.at))


def _why_refused(standing: Standing, event: Event) -> str:
    cannot, state = _CANNOT[LocalEvent(event.name)], standing.state or NONE
    if event.name == LocalEvent.CREDIT_NOTE_DELETED and state in {UNLINKED, CANCELLED}:
        return f"{cannot}: it is not held by this credit note."
    return f"{cannot}: {WHERE[state]}."
