"""Idempotency-Key: the same request under the same key has its effect, and its answer, once.

A key is claimed before the route runs and its answer is kept for 24 hours. An answer that must
not be lost apart from its effect is kept by the service's own write (``Claim.remember``); any other
is kept after it. Refusals are not kept: the request may be sent again under its key. One process
serves the API of one store, so a stored claim that this process does not hold was left behind by
one that died, and holds nobody up.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

from syncer.domain.errors import ConflictError, FieldError, InvalidError, RequestRefusedError
from syncer.domain.stored import RememberedAnswer
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import Vault
from syncer.web.answers import Answer, encode

_LONGEST_KEY = 255


@dataclass(slots=True, kw_only=True)
class Claim:
    """A key that this request holds; ``kept`` is the answer of an earlier request under it."""

    route: str
    key: str
    fingerprint: bytes
    clock: Clock
    kept: Answer | None = None
    is_kept: bool = field(default=False)

    async def remember(self, uow: UnitOfWork, answer: Answer) -> None:
        """Keep the answer within the write that makes the effect: both are kept, or neither."""
        remembered = RememberedAnswer(
            fingerprint=self.fingerprint,
            status=answer.status,
            headers=answer.headers,
            body=b"" if answer.body is None else encode(answer.body),
        )
        await uow.notes.remember(self.route, self.key, remembered, at=self.clock.now())
        self.is_kept = True


class Idempotency:
    """Claims keys for requests."""

    def __init__(self, store: Store, vault: Vault, clock: Clock) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._held: set[tuple[str, str]] = set()

    @asynccontextmanager
    async def claim(self, route: str, key: str, body: Any, *, secret: bool) -> AsyncIterator[Claim]:
        """Hold a key while the block runs; ``route`` is method and path, ``body`` a JSON value.

        Raises:
            InvalidError: ``idempotency_mismatch``, or the key is malformed.
            ConflictError: ``idempotency_in_progress``.
        """
        claim = Claim(
            route=route,
            key=key,
            fingerprint=self._fingerprint(body, secret=secret),
            clock=self._clock,
        )
        place = (route, key)
        if place in self._held:
            raise _in_progress()
        self._held.add(place)
        try:
            claim.kept = await self._take(claim)
            async with self._given_back_on_refusal(claim):
                yield claim
        finally:
            self._held.discard(place)

    async def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer after its effect, unless the service's own write did."""
        if not claim.is_kept:
            await self._store.write(lambda uow: claim.remember(uow, answer))

    async def _take(self, claim: Claim) -> Answer | None:
        mine = RememberedAnswer(
            fingerprint=claim.fingerprint,
            status=None,
            headers={},
            body=b"",
        )

        async def work(uow: UnitOfWork) -> RememberedAnswer | None:
            known = await uow.notes.answer(claim.route, claim.key)
            if known is not None and known.status is None:
                await uow.notes.forget(claim.route, claim.key)
                known = None
            if known is None:
                await uow.notes.remember(claim.route, claim.key, mine, at=self._clock.now())
            return known

        known = await self._store.write(work)
        if known is None or known.status is None:
            return None
        if known.fingerprint != claim.fingerprint:
            text = "The key was used for a request with another body."
            raise InvalidError(text, code="idempotency_mismatch")
        body = msgspec.json.decode(known.body) if known.body else None
        return Answer(known.status, body, known.headers)

    @asynccontextmanager
    async def _given_back_on_refusal(self, claim: Claim) -> AsyncIterator[None]:
        try:
            yield
        except Exception:
            if claim.kept is None and not claim.is_kept:
                await self._store.write(lambda uow: uow.notes.forget(claim.route, claim.key))
            raise

    def _fingerprint(self, body: Any, *, secret: bool) -> bytes:
        canonical = msgspec.json.encode(body, order="deterministic")
        if secret:
            return self._vault.fingerprint(canonical)
        return hashlib.sha256(canonical).digest()


def read_key(request: web.Request, *, required: bool = False) -> str | None:
    """Read the ``Idempotency-Key`` header.

    Raises:
        RequestRefusedError: 400 ``idempotency_key_required`` when it is missing.
        InvalidError: it is not 1 to 255 visible ASCII characters, or given more than once.
    """
    given = request.headers.getall("Idempotency-Key", [])
    if not given:
        if required:
            text = "This route needs an Idempotency-Key header."
            raise RequestRefusedError(400, "idempotency_key_required", text)
        return None
    key = given[0]
    if len(given) > 1 or not 1 <= len(key) <= _LONGEST_KEY or not _is_visible_ascii(key):
        fault = FieldError(
            pointer="/Idempotency-Key", message="must be 1 to 255 visible ASCII characters"
        )
        raise InvalidError("The Idempotency-Key header is not valid.", [fault])
    return key


def _is_visible_ascii(text: str) -> bool:
    return all("!" <= character <= "~" for character in text)


def _in_progress() -> ConflictError:
    text = "A request with this key is still being worked on."
    return ConflictError("idempotency_in_progress", text)
