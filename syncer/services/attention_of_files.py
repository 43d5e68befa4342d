"""What needs a person of claim files that stay too long, and of mails about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from syncer.domain.dwells import Overdue
from syncer.domain.instants import to_text
from syncer.domain.mails import PARKED, MailFilter, MailKind, MailState, StoredMail
from syncer.ports.store import UnitOfWork
from syncer.services.attention import Entry
from syncer.services.record_json import Json

_PARKED = MailFilter(states=tuple(sorted(state.value for state in PARKED)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueFiles:
    """Claim files past their dwell limit."""

    name: ClassVar[str] = "dwell"

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List in order of the claim file's id."""
        rows = await uow.dwells.overdue(after=after, limit=limit)
        return [(one.dwelling.claim_file, _overdue(one)) for one in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.dwells.count_overdue()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParkedMails:
    """Mails that were refused, or of which nobody knows whether they arrived."""

    name: ClassVar[str] = "mails"

    async def find(self, uow: UnitOfWork, *, after: str | None, limit: int) -> Sequence[Entry]:
        """List newest first."""
        rows = await uow.mails.find(_PARKED, after=after, limit=limit)
        return [(mail.id, _parked(mail)) for mail in rows]

    async def count(self, uow: UnitOfWork) -> int:
        """Count them."""
        return await uow.mails.count(_PARKED)


def _overdue(one: Overdue) -> Json:
    stay = one.dwelling
    named = f"{stay.state} ({stay.word})" if stay.word else stay.state
    return {
        "kind": "dwell_exceeded",
        "repairer": stay.link.repairer,
        "connector": stay.link.connector,
        "subject": {"type": "claim_file", "id": stay.claim_file},
        "text": f"Claim file {stay.reference or stay.claim_file} has been {named} for more than "
        f"{one.limit_text}.",
        "action": "Ask the partner what holds it up; the entry goes when the file moves.",
        "since": to_text(stay.since),
    }


def _parked(mail: StoredMail) -> Json:
    what = "A reminder" if mail.kind is MailKind.REMINDER else "A status mail"
    facts = {
        "repairer": mail.link.repairer,
        "connector": mail.link.connector,
        "subject": {"type": "mail", "id": mail.id},
        "since": to_text(mail.created_at),
    }
    if mail.state is MailState.NEEDS_ATTENTION:
        return {
            "kind": "mail_needs_attention",
            "text": f"{what} to {mail.to} waits for a person: {mail.reason}",
            "action": "Find out whether it arrived; then resolve, retry or cancel the mail.",
            **facts,
        }
    return {
        "kind": "mail_rejected",
        "text": f"{what} to {mail.to} was refused: {mail.reason}",
        "action": "Correct the address on the claim file, cancel the mail, and write again.",
        **facts,
    }
