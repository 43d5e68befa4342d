"""Links: how they are shown, their own settings, pausing and resuming."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from syncer.domain.errors import ConflictError, InvalidError, NotFoundError
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.instants import to_text
from syncer.domain.links import LastPass, Link, LinkKey, LinkState
from syncer.domain.schedule import next_due
from syncer.domain.stored import LinkFilter
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry, ConnectorState, Installed
from syncer.ports.store import Store, UnitOfWork
from syncer.services.open_links import NO_MAIL
from syncer.services.settings import SettingsInForce

LinkView = dict[str, Any]

AUTH_TRIES = 3
"""Refused log-ins of a link within the window, after which no more are made.

Source: partners lock accounts after repeated refusals; three is below every limit that we know.
"""
AUTH_TRIES_WINDOW = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinksFound:
    """A stretch of the list; ``last`` is where the next one starts, None at the end."""

    items: list[LinkView]
    last: LinkKey | None
    total: int


def _tell_nobody(_key: LinkKey) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkService:
    """The links of this installation.

    ``rescheduled`` is told of links whose due time a person moved.
    """

    store: Store
    registry: ConnectorRegistry
    settings: SettingsInForce
    clock: Clock
    rescheduled: Callable[[LinkKey], None] = field(default=_tell_nobody)

    async def find(
        self,
        *,
        repairers: tuple[str, ...] | None = None,
        connectors: tuple[str, ...] | None = None,
        states: tuple[str, ...] | None = None,
        after: LinkKey | None = None,
        limit: int = 50,
    ) -> LinksFound:
        """List the links of enabled connectors in order of repairer, then connector."""
        installed = [each for each in self.registry.all() if each.enabled]
        overruled = {each.name: rule[0] for each in installed if (rule := _overruling(each))}
        wanted = LinkFilter(
            enabled=[each.name for each in installed],
            overruled=overruled,
            repairers=repairers,
            connectors=connectors,
            states=states,
        )
        async with self.store.read() as uow:
            rows = await uow.links.find(wanted, after=after, limit=limit + 1)
            counts = await uow.links.counts([row.key for row in rows[:limit]])
            total = await uow.links.count(wanted)
        page = rows[:limit]
        items = [self._view(row, counts.get(row.key, {})) for row in page]
        last = page[-1].key if len(rows) > limit else None
        return LinksFound(items=items, last=last, total=total)

    async def get(self, key: LinkKey) -> LinkView:
        """Give a link as the API shows it.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``connector_disabled``.
        """
        self._enabled(key)
        async with self.store.read() as uow:
            return await self._shown(uow, key)

    async def set_settings(self, key: LinkKey, given: Mapping[str, Any]) -> LinkView:
        """Replace the link's own settings; names that are absent or null fall back.

        Once a pass has begun the start date is fixed: an absent one keeps what is stored.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``already_started``, ``connector_disabled`` or ``link_unavailable``.
            InvalidError: a name or value is refused; the pointers name them.
        """
        self._enabled(key)
        self.registry.usable(key.connector)
        installed = self.registry.get(key.connector)
        named = {name: value for name, value in given.items() if value is not None}
        wanted = self.settings.of(installed, named)
        values = wanted.model.model_dump(mode="json")
        own = {name: values[name] for name in named}
        chosen = wanted.model.start_date if "start_date" in own else None

        async def work(uow: UnitOfWork) -> tuple[LinkView, bool]:
            link = await _stored(uow, key)
            start_date = self._start_date(link, chosen)
            kept = {"start_date": start_date.isoformat()} if start_date else {}
            await uow.links.set_settings(key, {**own, **kept}, start_date=start_date)
            is_moved = link.next_due_at is not None and self._interval(link) != wanted.interval
            if is_moved:
                due_at = next_due(key, self.clock.now(), wanted.interval)
                await uow.links.schedule({key: due_at})
            return await self._shown(uow, key), is_moved

        view, is_moved = await self.store.write(work)
        if is_moved:
            self.rescheduled(key)
        return view

    async def pause(self, key: LinkKey) -> LinkView:
        """Stop scheduled and asked-for passes until the link is resumed; pausing twice is once.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``link_unconfigured`` or ``connector_disabled``.
        """
        self._enabled(key)

        async def work(uow: UnitOfWork) -> LinkView:
            link = await _configured(uow, key)
            if link.state is not LinkState.PAUSED:
                await self._move(uow, key, LinkState.PAUSED)
            return await self._shown(uow, key)

        return await self.store.write(work)

    async def resume(self, key: LinkKey) -> LinkView:
        """Make the link active again, with an attempt that is due at once.

        This leaves refused and unreadable credentials too: the attempt shows whether they are good.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``link_unconfigured``, ``connector_disabled``, or ``too_many_attempts``
                when the partner refused the credentials three times within 24 hours.
        """
        self._enabled(key)

        async def work(uow: UnitOfWork) -> tuple[LinkView, bool]:
            link = await _configured(uow, key)
            is_resumed = link.state is not LinkState.ACTIVE
            if is_resumed:
                now = self.clock.now()
                await _check_tries(uow, key, now)
                await self._move(uow, key, LinkState.ACTIVE)
                if self._pulls(key):
                    await uow.links.schedule({key: now})
            return await self._shown(uow, key), is_resumed

        view, is_resumed = await self.store.write(work)
        if is_resumed:
            self.rescheduled(key)
        return view

    def _pulls(self, key: LinkKey) -> bool:
        connector = self.registry.get(key.connector).connector
        return connector is None or connector.pulls

    def _enabled(self, key: LinkKey) -> Installed:
        installed = self.registry.get(key.connector)
        if not installed.enabled:
            text = f"The connector {key.connector} is not enabled in this installation."
            raise ConflictError("connector_disabled", text)
        return installed

    async def _shown(self, uow: UnitOfWork, key: LinkKey) -> LinkView:
        link = await _stored(uow, key)
        counts = await uow.links.counts([key])
        return self._view(link, counts.get(key, {}))

    async def _move(self, uow: UnitOfWork, key: LinkKey, state: LinkState) -> None:
        await uow.links.set_state(key, state, None)
        change = Change(
            type=ChangeType.LINK_STATE_CHANGED,
            repairer=key.repairer,
            connector=key.connector,
            subject_type=SubjectType.LINK,
            subject_id=f"{key.repairer}/{key.connector}",
            data={"state": state.value, "reason": None},
        )
        uow.feed.append([change], at=self.clock.now())

    def _start_date(self, link: Link, given: date | None) -> date | None:
        if link.first_pass_at is None:
            return given
        if given in {None, link.start_date, self._start_date_in_force(link)}:
            return link.start_date
        text = "The start date is fixed since the first pass."
        raise ConflictError("already_started", text)

    def _start_date_in_force(self, link: Link) -> date | None:
        installed = self.registry.get(link.key.connector)
        return link.start_date or self.settings.of(installed, {}).model.start_date

    def _interval(self, link: Link) -> timedelta | None:
        try:
            return self.settings.of(self.registry.get(link.key.connector), link.settings).interval
        except InvalidError:
            return None

    def _view(self, link: Link, counts: Mapping[str, int]) -> LinkView:
        installed = self.registry.get(link.key.connector)
        state, reason = _overruling(installed) or (link.state, link.reason)
        due_at = link.next_due_at if link.state is LinkState.ACTIVE else None
        return {
            "repairer": link.key.repairer,
            "connector": link.key.connector,
            "state": state.value,
            "reason": reason,
            "last_pass": _last_pass(link.last_pass),
            "last_success_at": _text(link.last_success_at),
            "next_due_at": _text(due_at),
            "counts": dict(counts),
            "settings": self._settings_view(installed, link),
        }

    def _settings_view(self, installed: Installed, link: Link) -> dict[str, dict[str, Any]]:
        """Give the settings in force; of a connector that is set aside only the link's own."""
        try:
            return self.settings.of(installed, link.settings).shown()
        except InvalidError:
            return {
                name: {"value": value, "source": "link"} for name, value in link.settings.items()
            }


def _overruling(installed: Installed) -> tuple[LinkState, str] | None:
    """Give the state and reason in which all links of the connector are shown, if not their own."""
    if installed.state is ConnectorState.QUARANTINED:
        return LinkState.UNAVAILABLE, "quarantined"
    if installed.state is ConnectorState.SUPERSEDED:
        return LinkState.SUPERSEDED, f"superseded_by:{installed.superseded_by}"
    return None


async def _stored(uow: UnitOfWork, key: LinkKey) -> Link:
    link = await uow.links.get(key)
    if link is None:
        raise NotFoundError("There is no such repairer.")
    return link


async def _configured(uow: UnitOfWork, key: LinkKey) -> Link:
    link = await _stored(uow, key)
    if link.state is LinkState.UNCONFIGURED:
        text = "The link has no credentials yet; register them first."
        if link.reason == NO_MAIL:
            text = "No mail server is configured; have the operator set one up under [mail]."
        raise ConflictError("link_unconfigured", text)
    return link


async def _check_tries(uow: UnitOfWork, key: LinkKey, now: datetime) -> None:
    failures = await uow.links.auth_failures_since(key, now - AUTH_TRIES_WINDOW)
    if failures >= AUTH_TRIES:
        text = (
            f"The partner refused the credentials {failures} times within 24 hours; another try "
            "could lock the account. Wait, or have the helpdesk reset the credentials."
        )
        raise ConflictError("too_many_attempts", text)


def _last_pass(last: LastPass | None) -> dict[str, Any] | None:
    if last is None:
        return None
    return {"id": last.id, "state": last.state, "ended_at": _text(last.ended_at)}


def _text(instant: datetime | None) -> str | None:
    return to_text(instant) if instant is not None else None
