"""Dwell limits are watched: a claim file past one is told about once, and shown until it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from syncer.domain.durations import duration_text
from syncer.domain.dwells import Dwell, Dwelling
from syncer.domain.feed import Change, ChangeType
from syncer.domain.instants import to_text
from syncer.domain.links import LinkKey
from syncer.domain.stored import LinkFilter
from syncer.observability import Event, get_logger
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.correspondence import Correspondence
from syncer.services.record_json import claim_file_change

LOOK_SECONDS = 5.0
REST = 20
"""How many times longer than a look takes the next one waits at least: looks stay a few percent."""
MOST_REST_SECONDS = 60.0
AT_ONCE = 500
Limits = Mapping[str, timedelta]

_log = get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class _Plan:
    """What a look over one link is to write."""

    saved: list[Dwell] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not (self.saved or self.removed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DwellWatch:
    """Looks over the claim files of links that have limits.

    Stays are measured from the instant of the event that began them to the present time of day,
    anew at every look: when the clock is set back an entry goes, and comes back without being told
    about again.
    """

    store: Store
    registry: ConnectorRegistry
    correspondence: Correspondence
    clock: Clock

    async def run(self) -> None:
        """Look every few seconds until cancelled, less often when a look takes long."""
        while True:
            begun = self.clock.monotonic()
            await self.look()
            took = self.clock.monotonic() - begun
            await self.clock.sleep(min(max(LOOK_SECONDS, REST * took), MOST_REST_SECONDS))

    async def look(self) -> None:
        """Look over every link once."""
        async with self.store.read() as uow:
            told = set(await uow.dwells.links())
        after: LinkKey | None = None
        wanted = LinkFilter(enabled=[one.name for one in self.registry.all() if one.enabled])
        while True:
            async with self.store.read() as uow:
                links = await uow.links.find(wanted, after=after, limit=AT_ONCE)
            for link in links:
                limits = self.correspondence.settings_with(link.key, link.settings).stay_limits()
                if limits or link.key in told:
                    await self._look_over(link.key, limits)
            if len(links) < AT_ONCE:
                return
            after = links[-1].key

    async def _look_over(self, key: LinkKey, limits: Limits) -> None:
        async with self.store.read() as uow:
            if (await self._plan(uow, key, limits)).is_empty:
                return

        async def work(uow: UnitOfWork) -> int:
            plan = await self._plan(uow, key, limits)
            await uow.dwells.remove(plan.removed)
            await uow.dwells.save(plan.saved)
            uow.feed.append(plan.changes, at=self.clock.now())
            return len(plan.changes)

        exceeded = await self.store.write(work)
        if exceeded:
            _log.info(
                Event.DWELL_EXCEEDED, repairer=key.repairer, connector=key.connector, files=exceeded
            )

    async def _plan(self, uow: UnitOfWork, key: LinkKey, limits: Limits) -> _Plan:
        plan = _Plan()
        known = {dwell.claim_file: dwell for dwell in await uow.dwells.of_link(key)}
        after: str | None = None
        while True:
            stays = await uow.dwells.stays(key, after=after, limit=AT_ONCE)
            for stay in stays:
                self._judge(plan, stay, limits, known.pop(stay.claim_file, None))
            if len(stays) < AT_ONCE:
                break
            after = stays[-1].claim_file
        plan.removed += known  # archived, or without a state
        return plan

    def _judge(self, plan: _Plan, stay: Dwelling, limits: Limits, known: Dwell | None) -> None:
        now = self.clock.now()
        words = self.correspondence.words_for(stay.link.connector, stay.state)
        named = stay.limit(limits, words)
        is_past = named is not None and now - stay.since > named[1]
        if known is not None and (known.state, known.since) != (stay.state, stay.since):
            plan.removed.append(stay.claim_file)
            known = None
        if named is None:
            plan.removed += [stay.claim_file] if known is not None else []
            return
        limit_text = duration_text(named[1])
        if known is not None:
            if (known.is_past, known.limit_text) != (is_past, limit_text):
                plan.saved.append(replace(known, is_past=is_past, limit_text=limit_text))
        elif is_past:
            plan.saved.append(
                Dwell(
                    claim_file=stay.claim_file,
                    state=stay.state,
                    since=stay.since,
                    limit_text=limit_text,
                    told_at=now,
                )
            )
            plan.changes.append(_exceeded(stay, limit_text))


def _exceeded(stay: Dwelling, limit_text: str) -> Change:
    facts = {
        "state": stay.state,
        "word": stay.word,
        "since": to_text(stay.since),
        "limit": limit_text,
        "reference": stay.reference,
    }
    return claim_file_change(ChangeType.DWELL_EXCEEDED, stay.link, stay.claim_file, facts)
