"""The life of a claim at the portal: what its statuses and our sendings make of a claim file.

The portal's word counts: a status is shown as it says, also when it leads back from a final one.
What a sending says is only about the moment before the next status is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from syncer.sdk import (
    ClaimWarning,
    Delivery,
    Event,
    Lifecycle,
    LocalEvent,
    Payload,
    Receipt,
    Standing,
    TransitionRefusedError,
)
from syncer_restart import wire

_INCOMPLETE = wire.STATES[wire.INCOMPLETE]
_FINAL = frozenset(wire.STATES[word] for word in wire.FINAL)
_IN_SALES_DOCUMENT: Mapping[str, bool] = {
    LocalEvent.LINKED_TO_SALES_DOCUMENT: True,
    LocalEvent.REMOVED_FROM_SALES_DOCUMENT: False,
    LocalEvent.CREDIT_NOTE_CREATED: False,
    LocalEvent.CREDIT_NOTE_DELETED: True,
}


class RestartLifecycle(Lifecycle):
    """Follows the portal's statuses; a file that was never sent has no state.

    Facts: ``moment`` of the newest status, and ``manifest``: the SHA-256 of each attachment that
    the portal has from us, by its id.
    """

    states = tuple(wire.STATES.values())
    words = wire.STATES

    def begin(self) -> Standing:
        """Give the standing of a file that was not sent yet."""
        return Standing()

    def apply(self, standing: Standing, event: Event) -> Standing:
        """Say where the file stands after a status, a sending or a local event.

        Raises:
            TransitionRefusedError: it is to be cancelled by hand.
        """
        if "status" in event.data:
            return _after_status(standing, event)
        if "sent" in event.data:
            return _after_sending(standing, event)
        if event.name == LocalEvent.CANCELLED_BY_HAND:
            raise TransitionRefusedError("A claim at RESTART is closed at the portal, not by hand.")
        if event.name == LocalEvent.WARNING_ACKNOWLEDGED:
            return replace(standing, warnings=())
        is_in_one = _IN_SALES_DOCUMENT.get(event.name, standing.in_sales_document)
        return replace(standing, in_sales_document=is_in_one)

    def why_not_selectable(self, standing: Standing) -> str | None:  # noqa: ARG002
        """Allow every file in a sales document: the work is done whatever the portal says."""
        return None


def sent_event(delivery: Delivery[Payload], receipt: Receipt) -> Event:
    """Say what a sending that is through does to its claim file."""
    sent = {
        "incomplete": list(receipt.incomplete),
        "status": receipt.raw.get("stato"),
        "manifest": {file.id: file.sha256 for file in delivery.files},
    }
    return Event(
        name=delivery.operation.name,
        key=f"delivery:{delivery.id}",
        at=receipt.at or delivery.accepted_at,
        note=_stored_incomplete(receipt.incomplete) if receipt.incomplete else None,
        data={"sent": sent},
    )


def _after_status(standing: Standing, event: Event) -> Standing:
    """Move to the portal's status; one from before the newest is filed only.

    A word that we do not know stands in the timeline, and the state stays as it was.
    """
    word, moment = event.data["status"], event.data["moment"]
    if moment < standing.facts.get("moment", ""):
        return standing
    return replace(
        standing,
        state=wire.STATES.get(word, standing.state),
        warnings=standing.warnings if word == wire.INCOMPLETE else (),
        facts={**standing.facts, "moment": moment},
    )


def _after_sending(standing: Standing, event: Event) -> Standing:
    sent = event.data["sent"]
    warnings: tuple[ClaimWarning, ...] = ()
    if sent["incomplete"]:
        text = _stored_incomplete(sent["incomplete"])
        warnings = (ClaimWarning(text=text, since=event.at),)
    return replace(
        standing,
        state=_state_after(standing, sent),
        warnings=warnings,
        facts={**standing.facts, "manifest": sent["manifest"]},
    )


def _state_after(standing: Standing, sent: dict[str, object]) -> str | None:
    """Say what a sending makes of the state.

    Source: a 206 makes every claim incomplete that is not final; completing it makes it received.
    A first sending says nothing new where a status was read already.
    """
    state = standing.state
    if sent["incomplete"]:
        return state if state in _FINAL else _INCOMPLETE
    if state is not None and state != _INCOMPLETE:
        return state
    return wire.STATES.get(str(sent["status"]), wire.STATES[wire.RECEIVED])


def _stored_incomplete(missing: Sequence[str]) -> str:
    return f"stored, incomplete: {', '.join(missing)}"
