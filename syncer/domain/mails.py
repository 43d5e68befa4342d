"""Mails to people about claim files: what waits to be sent, and what becomes of it.

Mail knows neither a key nor a look-up: a mail whose answer was lost is never sent again blindly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from syncer.domain.links import LinkKey
from syncer.domain.mail import Language

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
PATIENCE = timedelta(hours=72)
"""How long a mail is tried before a person is told. Source: as for deliveries."""


class MailKind(StrEnum):
    """What a mail is for."""

    REMINDER = "reminder"
    STATUS = "status"


class MailState(StrEnum):
    """Where a mail stands; the words are those of deliveries."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    RETRYING = "retrying"
    NEEDS_ATTENTION = "needs_attention"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


WAITING = frozenset({MailState.QUEUED, MailState.RETRYING})
PARKED = frozenset({MailState.NEEDS_ATTENTION, MailState.REJECTED})
"""States in which a person has to do something."""
RETRYABLE = PARKED | {MailState.RETRYING}
CANCELLABLE = PARKED | WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMail:
    """One mail to one address.

    ``facts`` are JSON values that say what it is about: the missing documents of a reminder, the
    state of a status mail. ``reason`` says why it waits or was refused. ``once`` is what no second
    mail may be sent for.
    """

    id: str
    kind: MailKind
    link: LinkKey
    claim_file: str
    to: str
    subject: str
    text: str
    language: Language
    facts: Mapping[str, Any] = field(default_factory=dict)
    once: str | None = None
    state: MailState = MailState.QUEUED
    attempts: int = 0
    reason: str | None = None
    created_at: datetime
    next_attempt_at: datetime | None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MailFilter:
    """Which mails are wanted; None wants any."""

    repairers: tuple[str, ...] | None = None
    connectors: tuple[str, ...] | None = None
    states: tuple[str, ...] | None = None
    kinds: tuple[str, ...] | None = None
    claim_file: str | None = None


def sent(mail: StoredMail, *, answer: str, at: datetime) -> StoredMail:
    """Give a mail that the server took."""
    return replace(
        mail, state=MailState.SENT, reason=answer or None, next_attempt_at=None, ended_at=at
    )


def not_sent(mail: StoredMail, *, reason: str, at: datetime) -> StoredMail:
    """Give a mail that did not leave: tried again with growing waits, then a person is told."""
    if abs(at - mail.created_at) > PATIENCE:
        return parked(mail, MailState.NEEDS_ATTENTION, reason=f"Not sent for 72 hours: {reason}")
    wait = min(FIRST_WAIT * 2 ** min(mail.attempts, 10), LONGEST_WAIT)
    return replace(
        mail,
        state=MailState.RETRYING,
        attempts=mail.attempts + 1,
        reason=reason,
        next_attempt_at=at + wait,
    )


def parked(mail: StoredMail, state: MailState, *, reason: str) -> StoredMail:
    """Give a mail that waits for a person."""
    attempts = mail.attempts + 1
    return replace(mail, state=state, attempts=attempts, reason=reason, next_attempt_at=None)


def queued_again(mail: StoredMail, *, at: datetime) -> StoredMail:
    """Give a mail that a person wants tried again; its patience begins anew."""
    return replace(
        mail,
        state=MailState.QUEUED,
        attempts=0,
        reason=None,
        created_at=at,
        next_attempt_at=at,
        ended_at=None,
    )


def cancelled(mail: StoredMail, *, reason: str, at: datetime) -> StoredMail:
    """Give a mail that a person gave up."""
    return replace(
        mail, state=MailState.CANCELLED, reason=reason, next_attempt_at=None, ended_at=at
    )
