"""Registration: a link's credentials are checked with the partner, sealed, and written once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn, TypeVar
from weakref import WeakValueDictionary

from syncer.domain import schedule
from syncer.domain.errors import (
    ConflictError,
    ConnectorFailedError,
    CredentialsRejectedError,
    InvalidError,
    NotFoundError,
    PartnerUnreachableError,
    RefusedError,
    RetryableError,
    SyncerError,
    TooManyVerificationsError,
    VaultSealedError,
)
from syncer.domain.feed import Change, ChangeType, SubjectType
from syncer.domain.links import Link, LinkKey, LinkState
from syncer.observability import Event, get_logger, known_secrets
from syncer.observability.crash_points import crash_point
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.services.audit import AuditAction, record
from syncer.services.credential_fields import completed
from syncer.services.guard import HUNG, Patience, guarded_apart, set_aside
from syncer.services.opening import AnyConnector, AnyLink, LinkOpener

T = TypeVar("T")

VERIFICATIONS = 5
"""Of one link within the window; more could lock the account at the partner."""
VERIFICATIONS_WINDOW = timedelta(hours=1)
VERIFICATION_DEADLINE = timedelta(seconds=30)
"""For each of the two questions to the partner, retries included."""
VERIFICATION_PATIENCE = Patience(call=VERIFICATION_DEADLINE)
API = "api"
"""Actor of what is asked for over the local API."""
ALREADY_SET = (
    "The credentials of this link are set and cannot be changed or read. "
    "Contact the helpdesk to have them reset."
)

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """Credentials that were stored just now."""

    fields: tuple[str, ...]
    created_at: datetime
    generation: int
    configured: Literal[True] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What may be known of a link's credentials; never a value, a mask or a length."""

    configured: bool
    fields: tuple[str, ...]
    created_at: datetime | None
    generation: int


Remember = Callable[[UnitOfWork, Registered], Awaitable[None]]
"""Stores the answer of an idempotent request with what it made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    link: Link
    connector: AnyConnector
    fields: Mapping[str, str]
    verified: bool


def _tell_nobody() -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """Registers credentials, one attempt at a time for each link.

    ``nudge`` tells the sweep that a due time was set. Nothing is pulled before it comes.
    """

    store: Store
    registry: ConnectorRegistry
    vault: Vault
    opener: LinkOpener
    clock: Clock
    nudge: Callable[[], None] = field(default=_tell_nobody)
    patience: Patience = VERIFICATION_PATIENCE
    _turns: WeakValueDictionary[LinkKey, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, init=False, repr=False
    )

    async def register(
        self,
        key: LinkKey,
        body: Mapping[str, Any],
        *,
        verify: bool,
        correlation_id: str,
        remember: Remember | None = None,
    ) -> Registered:
        """Store a link's credentials, in one transaction with the audit entry and ``remember``.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``connector_disabled``; ``no_credentials`` when the connector needs none;
                ``credentials_already_set``, before anything else
                is looked at; ``link_unavailable`` when the connector is quarantined.
            VaultSealedError: there is no usable root key.
            InvalidError: ``credentials_incomplete``, ``credentials_invalid``, or
                ``credentials_rejected_by_partner``; nothing was stored.
            TooManyVerificationsError: the partner was asked too often within the hour.
            PartnerUnreachableError: the partner could not be asked; nothing was stored.
        """
        if not self.registry.get(key.connector).enabled:
            raise ConflictError("connector_disabled", "The connector is not enabled.")
        if self._needs_none(key):
            raise ConflictError("no_credentials", "This connector needs no credentials.")
        async with self._turn(key):
            wanted = await self._wanted(key, body, verify=verify)
            cursor = await self._ask_partner(wanted, correlation_id) if verify else None
            crash_point("credentials-verified")
            registered = await self._keep(wanted, cursor, remember)
            crash_point("credentials-kept")
        self.nudge()
        _log.info(
            Event.CREDENTIALS_SET,
            repairer=key.repairer,
            connector=key.connector,
            generation=registered.generation,
            verified=verify,
        )
        return registered

    async def describe(self, key: LinkKey) -> Described:
        """Say whether credentials are stored, which fields, and since when.

        Raises:
            NotFoundError: the repairer or the connector is not known.
            ConflictError: ``connector_disabled``.
        """
        if not self.registry.get(key.connector).enabled:
            raise ConflictError("connector_disabled", "The connector is not enabled.")
        async with self.store.read() as uow:
            link = await _link(uow, key)
            sealed = await uow.credentials.get(key)
        is_open = self._needs_none(key) and link.state is not LinkState.UNCONFIGURED
        return Described(
            configured=sealed is not None or is_open,
            fields=sealed.fields if sealed else (),
            created_at=sealed.created_at if sealed else None,
            generation=link.generation,
        )

    def _needs_none(self, key: LinkKey) -> bool:
        connector = self.registry.get(key.connector).connector
        return connector is not None and not connector.credentials.model_fields

    def _turn(self, key: LinkKey) -> asyncio.Lock:
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        return turn

    # -- before the partner is asked

    async def _wanted(self, key: LinkKey, body: Mapping[str, Any], *, verify: bool) -> _Wanted:
        async with self.store.read() as uow:
            link = await _link(uow, key)
            is_set = await uow.credentials.get(key) is not None
            repairer = await uow.repairers.get(key.repairer)
        if is_set:
            await self._refuse_second(key)
        connector = self.registry.usable(key.connector)
        if (reason := self.vault.sealed_reason) is not None:
            raise VaultSealedError(f"The vault is sealed: {reason}.")
        prefilled = repairer.prefilled.get(key.connector, {}) if repairer else {}
        fields = completed(connector.credentials, body, prefilled)
        known_secrets.add(fields.values(), but=key)
        return _Wanted(link=link, connector=connector, fields=fields, verified=verify)

    async def _refuse_second(self, key: LinkKey) -> NoReturn:
        await self._note_refusal(key, "credentials_already_set")
        raise ConflictError("credentials_already_set", ALREADY_SET)

    async def _note_refusal(self, key: LinkKey, code: str) -> None:
        _log.info(
            Event.CREDENTIALS_REFUSED, repairer=key.repairer, connector=key.connector, code=code
        )
        if self.vault.sealed_reason is not None:
            return

        async def work(uow: UnitOfWork) -> None:
            await record(
                uow,
                self.vault,
                self.clock,
                AuditAction.SET_REFUSED,
                actor=API,
                link=key,
                detail={"code": code},
            )

        await self.store.write(work)

    # -- the partner

    async def _ask_partner(self, wanted: _Wanted, correlation_id: str) -> str | None:
        key, connector = wanted.link.key, wanted.connector
        await self._count_verification(key)
        link = self.opener.with_credentials(
            key,
            connector,
            connector.credentials.model_validate(wanted.fields),
            effective=self.opener.effective(wanted.link),
            start_date=wanted.link.start_date,
            correlation_id=correlation_id,
        )
        try:
            await self._check(connector, link, key)
            return await self._first_cursor(connector, link)
        finally:
            link.forget()
            await self.opener.sessions.sign_out(key, generation=None)

    async def _count_verification(self, key: LinkKey) -> None:
        async def work(uow: UnitOfWork) -> None:
            now = self.clock.now()
            since = now - VERIFICATIONS_WINDOW
            noted = await uow.links.verifications_since(key, since)
            made = [at for at in noted if at > since]
            if len(made) >= VERIFICATIONS:
                raise TooManyVerificationsError(
                    f"Credentials of this link were verified {len(made)} times within the hour.",
                    retry_at=made[-VERIFICATIONS] + VERIFICATIONS_WINDOW,
                )
            await uow.links.note_verification(key, now)

        await self.store.write(work)

    async def _check(self, connector: AnyConnector, link: AnyLink, key: LinkKey) -> None:
        try:
            await self._bounded(connector, connector.check(link))
        except CredentialsRejectedError:
            code = "credentials_rejected_by_partner"
            await self._note_refusal(key, code)
            raise InvalidError("The partner refused these credentials.", code=code) from None
        except RetryableError as error:
            text = "The partner could not be asked whether the credentials are good."
            raise PartnerUnreachableError(text, retry_at=error.retry_at) from error
        except RefusedError as error:
            raise ConnectorFailedError(f"the connector's check gave {error.code}") from error

    async def _first_cursor(self, connector: AnyConnector, link: AnyLink) -> str | None:
        """Ask where the first pass starts; when that fails it is asked again at the first pass."""
        try:
            return await self._bounded(connector, connector.first_cursor(link))
        except SyncerError:
            return None

    async def _bounded(self, connector: AnyConnector, call: Awaitable[T]) -> T:
        return await guarded_apart(
            call, self.patience, lambda: set_aside(self.registry, connector.name, HUNG)
        )

    # -- the write

    async def _keep(
        self, wanted: _Wanted, cursor: str | None, remember: Remember | None
    ) -> Registered:
        async def work(uow: UnitOfWork) -> Registered:
            registered = await self._insert(uow, wanted, cursor)
            if remember is not None:
                await remember(uow, registered)
            return registered

        try:
            return await self.store.write(work)
        except ConflictError as error:
            if error.code == "credentials_already_set":
                await self._refuse_second(wanted.link.key)
            raise

    async def _insert(self, uow: UnitOfWork, wanted: _Wanted, cursor: str | None) -> Registered:
        key, connector, now = wanted.link.key, wanted.connector, self.clock.now()
        generation = (await _link(uow, key)).generation + 1
        sealed = self.vault.seal(
            key,
            wanted.fields,
            generation=generation,
            schema=f"{connector.name}@{connector.version}",
            at=now,
        )
        await uow.credentials.add(sealed)
        crash_point("credentials-half-written")
        interval = self.opener.effective(wanted.link).interval
        await uow.links.configured(
            key,
            generation=generation,
            next_due_at=schedule.next_due(key, now, interval),
            activation_cursor=cursor,
        )
        detail = {"fields": list(sealed.fields), "generation": generation}
        detail["verified"] = wanted.verified
        await record(
            uow, self.vault, self.clock, AuditAction.SET, actor=API, link=key, detail=detail
        )
        uow.feed.append([state_changed(await _link(uow, key))], at=now)
        return Registered(fields=sealed.fields, created_at=now, generation=generation)


def state_changed(link: Link) -> Change:
    """Make the feed entry that says in which state a link now is."""
    return Change(
        type=ChangeType.LINK_STATE_CHANGED,
        repairer=link.key.repairer,
        connector=link.key.connector,
        subject_type=SubjectType.LINK,
        subject_id="/".join(link.key),
        data={"state": link.state.value, "reason": link.reason},
    )


async def _link(uow: UnitOfWork, key: LinkKey) -> Link:
    link = await uow.links.get(key)
    if link is None:
        raise NotFoundError("There is no such repairer.")
    return link
