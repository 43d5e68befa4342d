"""One attempt after the other at the deliveries of a lane: taken, made, judged, written."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from syncer.domain.claim_files import ClaimFile
from syncer.domain.deliveries import DeliveryState, Lane, LostAnswer, Outcome, StoredDelivery
from syncer.domain.errors import (
    ConnectorFailedError,
    CredentialsRejectedError,
    CredentialUnreadableError,
    RetryableError,
    SyncerError,
)
from syncer.domain.lifecycles import Event as LifecycleEvent
from syncer.domain.links import Link, LinkState
from syncer.domain.outbox import Verdict, settle
from syncer.domain.stored import SealedCredential
from syncer.observability import Event, get_logger, log_context
from syncer.observability.crash_points import crash_point
from syncer.observability.metrics import metrics
from syncer.ports.ambient import Chance, Clock, Ids
from syncer.ports.blobs import BlobStore
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.sdk import Receipt
from syncer.services.delivery_effects import events_of, keep_moved, take_effect
from syncer.services.delivery_json import delivery_change
from syncer.services.delivery_records import Named, records_there
from syncer.services.guard import HUNG, Patience, guarded, set_aside, watched
from syncer.services.leases import Leases, LiveAttempt
from syncer.services.opening import AnyConnector, AnyLink, LinkOpener
from syncer.services.outgoing import first_missing, outgoing
from syncer.services.refused_links import note_refused
from syncer.services.verdicts import checked_receipt, done, judge

SENDING_PATIENCE = Patience(call=timedelta(minutes=15))
"""Several files of 50 MiB leave in one call; each request has bounds of its own."""
LONGEST_ROW = timedelta(minutes=10)
"""How long one worker goes on with a lane before it gives others its slot."""
WRITE_AGAIN_SECONDS = 2.0
NOT_OPENED_PAUSE = timedelta(minutes=1)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A delivery that was taken for an attempt, with what the attempt needs."""

    live: LiveAttempt
    link: Link
    sealed: SealedCredential | None
    claim_file: ClaimFile | None
    records: Named

    @property
    def delivery(self) -> StoredDelivery:
        """The delivery as it stood when it was taken."""
        return self.live.delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What an attempt came to, with what follows for the claim file and the link."""

    verdict: Verdict
    receipt: Receipt | None = None
    connector: AnyConnector | None = None
    events: Sequence[LifecycleEvent] = ()
    error: SyncerError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Makes attempts. At most one at a time works on a delivery; its lease sees to that."""

    store: Store
    blobs: BlobStore
    registry: ConnectorRegistry
    opener: LinkOpener
    leases: Leases
    clock: Clock
    ids: Ids
    chance: Chance
    patience: Patience = SENDING_PATIENCE
    _given_up: set[asyncio.Task[Any]] = field(default_factory=set)

    async def run(self, id_: str) -> None:
        """Make an attempt at a delivery that is due, then at those behind it in its lane."""
        ends_at = self.clock.monotonic() + LONGEST_ROW.total_seconds()
        taken = await self._take(id_)
        while taken is not None:
            goes_on = self.clock.monotonic() < ends_at
            taken = await self._attempt(taken, goes_on=goes_on)

    async def _take(self, id_: str) -> Taken | None:
        lease = self.ids.new()
        write = self.store.write(lambda uow: self._taken(uow, id_, lease))
        taken = await self._to_the_end(write)
        crash_point("delivery-taken")
        return taken

    async def _to_the_end(self, work: Awaitable[Taken | None]) -> Taken | None:
        """Await what may take a delivery; one that is cancelled meanwhile gives it back."""
        task = asyncio.ensure_future(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            taken = await task
            if taken is not None:
                await self._end(taken, self._broken_off(taken.live), goes_on=False)
            raise

    async def _taken(self, uow: UnitOfWork, id_: str, lease: str) -> Taken | None:
        """Take a delivery within a write; None when another has it or it may not leave now."""
        now = self.clock.now()
        until, held_until = self.leases.until()
        before = await uow.deliveries.to_send(id_)
        if before is None or id_ in self.leases or self.leases.is_stopping:
            return None
        link = await uow.links.get(before.link)
        connector = self._connector_of(before)
        if link is None or connector is None or link.state is not LinkState.ACTIVE:
            return None
        if not await uow.deliveries.lease(id_, lease, until=until, at=now):
            return None
        delivery = replace(
            before,
            state=DeliveryState.SENDING,
            reason=None,
            next_attempt_at=None,
            lease=lease,
            lease_until=until,
            attempt_at=now,
            updated_at=now,
        )
        uow.feed.append([delivery_change(delivery)], at=now)
        return Taken(
            live=self.leases.make(delivery, lease, held_until),
            link=link,
            sealed=await uow.credentials.get(delivery.link),
            claim_file=await uow.claim_files.get(delivery.lane.claim_file_id),
            records=await records_there(uow, connector, delivery),
        )

    def _connector_of(self, delivery: StoredDelivery) -> AnyConnector | None:
        installed = self.registry.get(delivery.link.connector)
        return installed.connector if installed.superseded_by is None else None

    async def _attempt(self, taken: Taken, *, goes_on: bool) -> Taken | None:
        live, delivery = taken.live, taken.delivery
        self.leases.begin(live)
        context = log_context(
            delivery_id=delivery.id,
            connector=delivery.link.connector,
            repairer=delivery.link.repairer,
        )
        with context, watched(self.patience, lambda: self._hung(live, taken)):
            try:
                ending = await self._made(taken)
            except asyncio.CancelledError:
                await self._to_the_end(self._end(taken, self._broken_off(live), goes_on=False))
                raise
            except Exception as error:  # noqa: BLE001  the end of an attempt, whatever happened
                _log.error(Event.UNEXPECTED, exc_info=error)
                ending = self._broken(live, error)
            return await self._to_the_end(self._end(taken, ending, goes_on=goes_on))

    # -- making it --------------------------------------------------------------------------------

    async def _made(self, taken: Taken) -> Ending:
        """Make the attempt; whatever goes wrong in it is judged."""
        live = taken.live
        try:
            connector = self.registry.usable(taken.delivery.link.connector)
            link = self.opener.open(
                taken.link, taken.sealed, correlation_id=taken.delivery.id, watch=live
            )
        except SyncerError as error:
            return self._not_opened(error)
        missing = await first_missing(taken.delivery.files, self.blobs)
        if missing is not None:
            text = f"The content of {missing.name} is no longer in the store."
            return Ending(verdict=Verdict(outcome=Outcome.FAILED, code="file_missing", text=text))
        try:
            return await self._sent(taken, connector, link)
        except SyncerError as error:
            verdict = judge(error, in_doubt=live.in_doubt, sent=live.has_sent, now=self.clock.now())
            return Ending(verdict=verdict, error=error)

    async def _sent(self, taken: Taken, connector: AnyConnector, link: AnyLink) -> Ending:
        live, stored = taken.live, taken.delivery

        async def keep_note(step: str, value: Any) -> None:
            await self.leases.note(live, step, value)
            crash_point("delivery-noted")

        delivery = outgoing(
            stored,
            connector,
            taken.claim_file,
            self.blobs,
            records=taken.records,
            keep_note=keep_note,
        )
        receipt: Receipt | None = None
        if stored.in_doubt and stored.lost_answer is LostAnswer.LOOKUP and not stored.dry_run:
            receipt = await self._look_up(connector, link, delivery)
        if receipt is None:
            crash_point("delivery-leaving")
            receipt = checked_receipt(await guarded(connector.deliver(link, delivery)))
            crash_point("delivery-answered")
        now = self.clock.now()
        receipt = replace(receipt, at=receipt.at or now)
        return Ending(
            verdict=done(receipt, now=now),
            receipt=receipt,
            connector=connector,
            events=events_of(connector, delivery, receipt),
        )

    async def _look_up(
        self, connector: AnyConnector, link: AnyLink, delivery: Any
    ) -> Receipt | None:
        """Ask whether it happened; whatever refuses the question says nothing about the delivery.

        Raises:
            SyncerError: it cannot be known now.
        """
        try:
            found = await guarded(connector.look_up(link, delivery))
        except (RetryableError, CredentialsRejectedError, ConnectorFailedError):
            raise
        except SyncerError as error:
            text = f"The partner could not be asked whether it arrived: {error}"
            raise RetryableError(text) from error
        return None if found is None else checked_receipt(found)

    def _not_opened(self, error: SyncerError) -> Ending:
        """Judge what kept the link from being opened: it is no attempt, and nobody was asked."""
        is_refused = isinstance(error, CredentialUnreadableError)
        verdict = Verdict(
            outcome=Outcome.CREDENTIALS_REJECTED if is_refused else Outcome.NOT_SENT,
            code=error.code,
            text=str(error),
            retry_at=self.clock.now() + NOT_OPENED_PAUSE,
            counts=False,
        )
        return Ending(verdict=verdict, error=error)

    def _broken(self, live: LiveAttempt, error: Exception) -> Ending:
        """Judge an attempt that a fault of our own ended."""
        verdict = Verdict(
            outcome=Outcome.AMBIGUOUS if live.in_doubt else Outcome.FAILED,
            code=SyncerError.code,
            text=f"internal error: {type(error).__name__}",
            doubt=live.in_doubt,
            sent=live.has_sent,
        )
        return Ending(verdict=verdict)

    def _broken_off(self, live: LiveAttempt) -> Ending:
        """Judge an attempt that was cancelled because the program stops."""
        text = "The program stopped while it was sending."
        verdict = Verdict(
            outcome=Outcome.AMBIGUOUS if live.in_doubt else Outcome.NOT_SENT,
            code="interrupted",
            text=text,
            doubt=live.in_doubt,
            sent=live.has_sent,
            counts=live.in_doubt,
        )
        return Ending(verdict=verdict)

    def _hung(self, live: LiveAttempt, taken: Taken) -> None:
        """Go on without a call that does not end: nobody knows how far it came."""
        set_aside(self.registry, taken.delivery.link.connector, HUNG)
        verdict = Verdict(
            outcome=Outcome.AMBIGUOUS if live.in_doubt else Outcome.FAILED,
            code="connector_hung",
            text=f"The connector was set aside: {HUNG}.",
            doubt=live.in_doubt,
            sent=live.has_sent,
        )
        task = asyncio.ensure_future(self._end(taken, Ending(verdict=verdict), goes_on=False))
        self._given_up.add(task)
        task.add_done_callback(self._given_up.discard)

    # -- ending it --------------------------------------------------------------------------------

    async def _end(self, taken: Taken, ending: Ending, *, goes_on: bool) -> Taken | None:
        """Write what came of an attempt, again and again until the store takes it."""
        live = taken.live
        if live.is_ending:
            return None
        live.is_ending = True
        jitter = self.chance.uniform(0.0, 1.0)
        following = self.ids.new() if goes_on else None
        try:
            after, taken_next = await self._written(taken, ending, jitter, following)
        finally:
            self.leases.end(live)
        crash_point("delivery-ended")
        _report(taken, ending, after)
        return taken_next

    async def _written(
        self, taken: Taken, ending: Ending, jitter: float, following: str | None
    ) -> tuple[StoredDelivery | None, Taken | None]:
        async def work(uow: UnitOfWork) -> tuple[StoredDelivery | None, Taken | None]:
            after = await self._keep(uow, taken, ending, jitter)
            if after is None or following is None:
                return after, None
            return after, await self._take_next(uow, after.lane, following)

        while True:
            try:
                return await self.store.write(work)
            except RetryableError as error:
                if error.code == "shutting_down":
                    raise
                _log.warning(Event.UPKEEP_DELAYED, code=error.code, text=str(error))
            await self.clock.sleep(WRITE_AGAIN_SECONDS)

    async def _keep(
        self, uow: UnitOfWork, taken: Taken, ending: Ending, jitter: float
    ) -> StoredDelivery | None:
        """Write the delivery and what follows from it; None when the lease is lost."""
        now = self.clock.now()
        before = await uow.deliveries.held(taken.delivery.id, taken.live.lease)
        if before is None:
            return None
        after = settle(before, ending.verdict, now=now, jitter=jitter)
        if not await keep_moved(uow, before, after, at=now):
            return None
        if ending.receipt is not None and ending.connector is not None:
            await take_effect(
                uow, after, ending.receipt, ending.events, connector=ending.connector, at=now
            )
        if isinstance(ending.error, CredentialsRejectedError | CredentialUnreadableError):
            await note_refused(uow, taken.link, ending.error, at=now)
        return after

    async def _take_next(self, uow: UnitOfWork, lane: Lane, lease: str) -> Taken | None:
        id_ = await uow.deliveries.next_of(lane, self.clock.now())
        return None if id_ is None else await self._taken(uow, id_, lease)


def _report(taken: Taken, ending: Ending, after: StoredDelivery | None) -> None:
    verdict = ending.verdict
    if after is None:
        _log.warning(Event.LEASE_LOST)
        return
    metrics.delivery_attempted(taken.delivery.link.connector, verdict.outcome.value)
    facts = {"state": after.state.value, "outcome": verdict.outcome.value, "code": verdict.code}
    _log.info(Event.DELIVERY_ATTEMPTED, **facts)
    if verdict.outcome is Outcome.FAILED:
        _log.error(Event.DELIVERY_PARKED, code=verdict.code, exc_info=ending.error)
