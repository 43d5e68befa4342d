"""Links whose credentials turned out to be refused or unreadable outside a pass."""

from __future__ import annotations

from datetime import datetime

from syncer.domain.errors import (
    CredentialsRejectedError,
    CredentialUnreadableError,
)
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.links import Link, LinkState
from syncer.ports.store import UnitOfWork

REFUSED = "the partner refused the credentials"


async def note_refused(
    uow: UnitOfWork,
    link: Link,
    error: CredentialsRejectedError | CredentialUnreadableError,
    *,
    at: datetime,
) -> None:
    """Stop a link until a person acts, unless its credentials were replaced meanwhile."""
    present = await uow.links.get(link.key)
    if present is None or present.generation != link.generation:
        return
    state, reason = LinkState.UNAVAILABLE, error.code
    if isinstance(error, CredentialsRejectedError):
        state, reason = LinkState.CREDENTIALS_REJECTED, REFUSED
        await uow.links.note_auth_failure(link.key, at)
    await uow.links.set_state(link.key, state, reason)
    change = Change(
        type=ChangeType.LINK_STATE_CHANGED,
        repairer=link.key.repairer,
        connector=link.key.connector,
        subject_type=SubjectType.LINK,
        subject_id="/".join(link.key),
        data={"state": state.value, "reason": reason},
    )
    uow.feed.append([change], at=at)
