"""The audit trail: adding entries, tallying decryptions, and verifying the whole chain."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from syncer.domain.errors import RetryableError, VaultSealedError
from syncer.domain.instants import to_text
from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry
from syncer.observability import Event, get_logger
from syncer.ports.ambient import Clock
from syncer.ports.store import Store, UnitOfWork
from syncer.ports.vault import KEYLESS_CHAINS_NOTE, Vault

SERVICE = "service"
"""Actor of what the program does by itself."""
TALLY_INTERVAL = timedelta(hours=1)
TOGETHER = 100
"""Links whose tallies are one write; a whole house in one would keep all other writes waiting."""
BATCH = 500
"""Entries that are read at once when the trail is verified."""

_log = get_logger(__name__)


class AuditAction(StrEnum):
    """What the audit trail records."""

    SET = "set"
    SET_REFUSED = "set_refused"
    UNSEAL = "unseal"
    DECRYPT = "decrypt"
    RESET = "reset"
    ROTATE = "rotate"
    KEY_LOAD = "key_load"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verifying found; ``fault`` is the first fault, in words.

    ``unproven`` names the chains whose entries cannot be proven, with the reason: opened while the
    vault was sealed, or their key was lost. ``head`` is ``seq:mac`` of the newest entry.
    """

    entries: int
    fault: str | None
    unproven: Mapping[int, str]
    head: str | None

    @property
    def intact(self) -> bool:
        """Whether nothing was changed, removed, added or moved."""
        return self.fault is None


async def record(
    uow: UnitOfWork,
    vault: Vault,
    clock: Clock,
    action: AuditAction,
    *,
    actor: str,
    link: LinkKey | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry within a write; ``detail`` holds plain JSON values and never a secret.

    Raises:
        VaultSealedError: there is no usable root key.
    """
    entry = vault.audit_entry(
        await uow.audit.last(),
        at=clock.now(),
        action=action,
        actor=actor,
        link=link,
        detail=detail,
    )
    await uow.audit.append(entry)
    return entry


async def record_in_sealed_vault(
    uow: UnitOfWork,
    vault: Vault,
    clock: Clock,
    action: AuditAction,
    *,
    actor: str,
    link: LinkKey | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Add an entry when there is no key for it: to a chain without a key, opened where needed."""
    last = await uow.audit.last()
    keyless = await _keyless_chains(uow)
    chain = last.chain if last else 0
    if chain not in keyless:
        chain += 1
        note = json.dumps([*sorted(keyless), chain]).encode()
        await uow.notes.put(KEYLESS_CHAINS_NOTE, note)
    entry = vault.audit_entry(
        last,
        at=clock.now(),
        action=action,
        actor=actor,
        link=link,
        detail=detail,
        keyless_chain=chain,
    )
    await uow.audit.append(entry)
    return entry


async def _keyless_chains(uow: UnitOfWork) -> frozenset[int]:
    return frozenset(json.loads(await uow.notes.get(KEYLESS_CHAINS_NOTE) or b"[]"))


# -- decryptions ----------------------------------------------------------------------------------


@dataclass(slots=True)
class DecryptTally:
    """Counts how often each link's credentials were opened; one entry an hour and link.

    ``opened`` is for ``LinkOpener``. ``run`` writes the hourly entries and puts the head of the
    chain into the log, so that cutting off its end shows; ``flush`` at the stop writes the rest.
    """

    store: Store
    vault: Vault
    clock: Clock
    _counts: Counter[LinkKey] = field(default_factory=Counter)

    def opened(self, link: LinkKey) -> None:
        """Count one opening."""
        self._counts[link] += 1

    async def run(self) -> None:
        """Flush every hour until cancelled."""
        while True:
            await self.clock.sleep(TALLY_INTERVAL.total_seconds())
            await self.flush()

    async def flush(self) -> None:
        """Write what was counted since the last time, ``TOGETHER`` links in one transaction.

        Raises:
            RetryableError: the store is full or busy; the counts are kept for the next time.
        """
        if self.vault.sealed_reason is not None:
            return
        waiting = sorted(self._counts.items())
        self._counts = Counter()
        head = None
        try:
            while waiting:
                head = await self.store.write(partial(self._write, counts=waiting[:TOGETHER]))
                del waiting[:TOGETHER]
        except RetryableError:
            self._counts.update(dict(waiting))
            raise
        if head is not None:
            _log.info(Event.AUDIT_HEAD, head=head_of(head), written_at=to_text(head.at))

    async def _write(
        self, uow: UnitOfWork, counts: Sequence[tuple[LinkKey, int]]
    ) -> AuditEntry | None:
        last = await uow.audit.last()
        for link, count in counts:
            last = self.vault.audit_entry(
                last,
                at=self.clock.now(),
                action=AuditAction.DECRYPT,
                actor=SERVICE,
                link=link,
                detail={"count": count},
            )
            await uow.audit.append(last)
        return last


# -- verifying ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditTrail:
    """Reads the audit trail for the operator."""

    store: Store
    vault: Vault

    async def verify(self, *, head: str | None = None) -> Verdict:
        """Check every entry, up to the first fault.

        ``head`` is one that the log named (``audit_head``); it shows whether the end was cut off.

        Raises:
            VaultSealedError: there is no usable root key, so nothing can be proven.
        """
        if self.vault.sealed_reason is not None:
            raise VaultSealedError(f"The vault is sealed: {self.vault.sealed_reason}.")
        async with self.store.read() as uow:
            walk = _Walk(vault=self.vault, keyless=await _keyless_chains(uow), wanted=head)
        async for entry in self._entries():
            walk.step(entry)
            if walk.fault:
                break
        walk.end()
        if walk.fault:
            _log.error(Event.AUDIT_BROKEN, fault=walk.fault)
        return Verdict(
            entries=walk.entries,
            fault=walk.fault,
            unproven=walk.unproven,
            head=head_of(walk.previous) if walk.previous else None,
        )

    async def _entries(self) -> AsyncIterator[AuditEntry]:
        after = 0
        while True:
            async with self.store.read() as uow:
                batch = await uow.audit.walk(after=after, limit=BATCH)
            for entry in batch:
                yield entry
            if len(batch) < BATCH:
                return
            after = batch[-1].seq


def head_of(entry: AuditEntry) -> str:
    """Write an entry's place and MAC as ``seq:mac``."""
    return f"{entry.seq}:{entry.mac.hex()}"


@dataclass(slots=True, kw_only=True)
class _Walk:
    vault: Vault
    keyless: frozenset[int]
    wanted: str | None
    entries: int = 0
    fault: str | None = None
    unproven: dict[int, str] = field(default_factory=dict)
    previous: AuditEntry | None = None

    def step(self, entry: AuditEntry) -> None:
        self.fault = self._fault_of(entry)
        if self.fault is None:
            self.entries += 1
            self.previous = entry
            if self.wanted == head_of(entry):
                self.wanted = None

    def end(self) -> None:
        if self.fault is None and self.previous is None and self.vault.chains:
            self.fault = "all entries are missing"
        elif self.fault is None and self.wanted is not None:
            self.fault = f"the entry that the log names as head is not there ({self.wanted})"

    def _fault_of(self, entry: AuditEntry) -> str | None:
        expected = self.previous.seq + 1 if self.previous else 1
        if entry.seq != expected:
            return f"entry {expected} is missing"
        chain = self.previous.chain if self.previous else 0
        if entry.chain not in ({chain, chain + 1} if chain else {1}):
            return f"entry {entry.seq} is of a chain that cannot follow"
        return self._mac_fault(entry)

    def _mac_fault(self, entry: AuditEntry) -> str | None:
        if not (keyless := entry.chain not in self.vault.chains):
            return self._mismatch(entry, keyless=False)
        if entry.chain in self.keyless:
            self.unproven[entry.chain] = "opened while the vault was sealed"
            return self._mismatch(entry, keyless=keyless)
        if entry.chain > min(self.vault.chains):
            return f"entry {entry.seq} is of a chain that was never opened"
        self.unproven[entry.chain] = "its key was lost with the root key"
        return None

    def _mismatch(self, entry: AuditEntry, *, keyless: bool) -> str | None:
        if self.vault.has_true_mac(self.previous, entry, keyless=keyless):
            return None
        return f"entry {entry.seq} was changed, added or moved"
