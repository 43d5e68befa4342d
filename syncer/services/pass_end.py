"""The bookkeeping of a pass: how it begins, how it ends, and what it leaves on its link."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from syncer.domain.errors import (
    CredentialsRejectedError,
    CredentialUnreadableError,
    NeedsHelpdeskError,
    NeedsOperatorError,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    RetryableError,
    SyncerError,
)
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.links import LinkState
from syncer.domain.passes import Pass, PassError, PassState
from syncer.domain.stored import LinkOutcome
from syncer.observability import Event, get_logger
from syncer.observability.crash_points import crash_point
from syncer.observability.metrics import metrics
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.services.live import LivePass, PassBoard, PassCancelledError
from syncer.services.outcomes import OutcomeBatch

AGAIN_SECONDS = 5.0
"""Between two looks for ends that could not be written."""

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Progress:
    """How far a pass came, for its end; ``cursor`` is set after each whole listing."""

    generation: int = 0
    began: bool = False
    cursor: str | None = None
    is_partial: bool = False


@dataclass(slots=True, kw_only=True)
class PassEnd:
    """Begins and ends passes, whatever happens in between."""

    store: Store
    board: PassBoard
    idle: OutcomeBatch
    clock: Clock
    _given_up: set[asyncio.Task[None]] = field(default_factory=set)
    _unwritten: list[LivePass] = field(default_factory=list)

    async def begin(self, live: LivePass) -> None:
        """Note that the pass runs."""
        live.pass_.state = PassState.RUNNING
        live.pass_.started_at = self.clock.now()
        if live.kept:
            await self._save(live)
        crash_point("pass-begun")
        live.announce()

    async def watch(
        self, live: LivePass, progress: Progress, work: Coroutine[Any, Any, None]
    ) -> None:
        """Await the work of a pass and end the pass by what came of it."""
        error: SyncerError | None = None
        try:
            await work
        except SyncerError as raised:
            error = raised
        except asyncio.CancelledError:
            await asyncio.shield(self._end(live, progress, PassCancelledError("The host stopped.")))
            raise
        except (Exception, SystemExit, KeyboardInterrupt) as raised:  # noqa: BLE001 - work boundary
            error = SyncerError(f"internal error: {type(raised).__name__}")
            error.__cause__ = raised
            _log.error(Event.UNEXPECTED, exc_info=raised)
        await self._end(live, progress, error)

    def give_up(self, live: LivePass) -> None:
        """End a pass whose connector does not come back."""
        error = RetryableError("the connector hangs")
        task = asyncio.ensure_future(self._end(live, Progress(), error))
        self._given_up.add(task)
        task.add_done_callback(self._given_up.discard)

    async def _end(self, live: LivePass, progress: Progress, error: SyncerError | None) -> None:
        if live.is_ending:
            return
        live.is_ending = True
        self.board.release(live)
        pass_ = live.pass_
        pass_.error = _error_of(error) or _delay_of(live)
        state = _state_of(live, progress, error)
        pass_.ended_at = self.clock.now()
        outcome = _outcome_of(live, progress, state, error)
        has_row, is_written = live.kept, True
        try:
            crash_point("pass-ending")
            await self._write(live, state, outcome, error)
            crash_point("pass-ended")
        except RetryableError as failed:
            pass_.error = pass_.error or _error_of(failed)
            state, is_written = PassState.FAILED, not has_row
        finally:
            pass_.state = state
            if is_written:
                self.board.remove(live)
            else:
                self._unwritten.append(live)
            live.announce()
            _report(live, error)

    async def run(self) -> None:
        """Write, until cancelled, the ends that could not be written when they came.

        Without that their rows would say that they run, for as long as the process does.
        """
        while True:
            await self.clock.sleep(AGAIN_SECONDS)
            with suppress(RetryableError):
                await self.write_late_ends()

    async def write_late_ends(self) -> None:
        """Write what could not be written before; the links have gone on since, and stay."""
        while self._unwritten:
            live = self._unwritten[0]
            snapshot, at = live.snapshot(), self.clock.now()

            async def write(
                uow: UnitOfWork, live: LivePass = live, snapshot: Pass = snapshot, at: datetime = at
            ) -> None:
                await uow.passes.save(snapshot)
                uow.feed.append([_finished(live, snapshot.state)], at=at)

            await self.store.write(write)
            self._unwritten.remove(live)
            self.board.remove(live)

    async def _write(
        self,
        live: LivePass,
        state: PassState,
        outcome: LinkOutcome,
        error: SyncerError | None,
    ) -> None:
        if not live.kept and state is PassState.SUCCEEDED and not _changed_something(live):
            self.idle.add(outcome)
            return
        live.kept = True
        await self._save(live, outcome, error, state=state)

    async def _save(
        self,
        live: LivePass,
        outcome: LinkOutcome | None = None,
        error: SyncerError | None = None,
        *,
        state: PassState | None = None,
    ) -> None:
        snapshot = live.snapshot(state)
        at = self.clock.now()

        async def write(uow: UnitOfWork) -> None:
            await uow.passes.save(snapshot)
            if outcome is None:
                return
            await uow.links.finish([outcome])
            if isinstance(error, CredentialsRejectedError):
                await uow.links.note_auth_failure(live.key, at)
            uow.feed.append(_changes_of(live, snapshot.state, outcome), at=at)

        await self.store.write(write)


def _report(live: LivePass, error: SyncerError | None) -> None:
    pass_ = live.pass_
    if pass_.started_at is not None and pass_.ended_at is not None:
        took = pass_.ended_at - pass_.started_at
        metrics.pass_ended(live.key.connector, pass_.state, took)
    if not live.kept:
        return
    counts = pass_.counts
    metrics.records_stored(
        live.key.connector,
        new=counts.new,
        changed=counts.changed,
        quarantined=counts.quarantined,
    )
    if isinstance(error, PayloadError) and error.__cause__ is not None:
        _log.error(Event.PASS_FAILED, code=error.code, text=str(error), exc_info=error.__cause__)
    elif pass_.error is not None:
        _log.info(Event.PASS_FAILED, code=pass_.error.code, text=pass_.error.text)
    else:
        _log.info(Event.PASS_ENDED, state=pass_.state, new=counts.new, changed=counts.changed)
    if isinstance(error, NeedsHelpdeskError | NeedsOperatorError):
        _log.warning(Event.LINK_STATE_CHANGED, code=error.code)


def _changed_something(live: LivePass) -> bool:
    counts = live.pass_.counts
    return bool(counts.new or counts.changed or counts.quarantined or counts.attachments)


def _error_of(error: SyncerError | None) -> PassError | None:
    if error is None or isinstance(error, PassCancelledError):
        return None
    retry_at = error.retry_at if isinstance(error, RetryableError) else None
    return PassError(code=error.code, text=str(error), retry_at=retry_at)


def _delay_of(live: LivePass) -> PassError | None:
    delayed = live.pass_.counts.delayed
    if not delayed:
        return None
    text = f"The partner failed on {delayed} objects; the next pass asks for them again."
    return PassError(code=PartnerUnavailableError.code, text=text)


def _state_of(live: LivePass, progress: Progress, error: SyncerError | None) -> PassState:
    if isinstance(error, PassCancelledError):
        return PassState.CANCELLED
    if error is not None:
        return PassState.FAILED
    counts = live.pass_.counts
    is_partial = progress.is_partial or counts.quarantined or counts.delayed
    return PassState.PARTIAL if is_partial else PassState.SUCCEEDED


def _outcome_of(
    live: LivePass, progress: Progress, state: PassState, error: SyncerError | None
) -> LinkOutcome:
    assert live.pass_.ended_at is not None
    succeeded = error is None
    link_state, reason = _link_state_of(error)
    return LinkOutcome(
        link=live.key,
        generation=progress.generation,
        pass_id=live.pass_.id,
        pass_state=state,
        ended_at=live.pass_.ended_at,
        succeeded=succeeded,
        cursor=progress.cursor if succeeded else None,
        hold_until=error.retry_at if isinstance(error, RateLimitedError) else None,
        state=link_state,
        reason=reason,
        began=progress.began,
    )


def _link_state_of(error: SyncerError | None) -> tuple[LinkState | None, str | None]:
    if isinstance(error, CredentialsRejectedError):
        return LinkState.CREDENTIALS_REJECTED, "the partner refused the credentials"
    if isinstance(error, CredentialUnreadableError):
        return LinkState.UNAVAILABLE, error.code
    return None, None


def _changes_of(live: LivePass, state: PassState, outcome: LinkOutcome) -> list[Change]:
    finished = _finished(live, state)
    if outcome.state is None:
        return [finished]
    link_id = "/".join(live.key)
    data = {"state": outcome.state, "reason": outcome.reason}
    moved = _change(live, ChangeType.LINK_STATE_CHANGED, SubjectType.LINK, link_id, data)
    return [finished, moved]


def _finished(live: LivePass, state: PassState) -> Change:
    data = {"state": state, "trigger": live.pass_.trigger}
    return _change(live, ChangeType.PASS_FINISHED, SubjectType.PASS, live.pass_.id, data)


def _change(
    live: LivePass,
    type_: ChangeType,
    subject_type: SubjectType,
    subject_id: str,
    data: dict[str, Any],
) -> Change:
    return Change(
        type=type_,
        repairer=live.key.repairer,
        connector=live.key.connector,
        subject_type=subject_type,
        subject_id=subject_id,
        data=data,
    )
