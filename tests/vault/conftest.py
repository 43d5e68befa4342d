"""A vault over a real SQLite store, and credentials to seal in it."""

from __future__ import annotations

import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from syncer.domain.links import LinkKey
from syncer.domain.stored import Repairer, SealedCredential
from syncer.ports.store import Store, UnitOfWork
from syncer.testing import FakeClock
from syncer.vault import KeyRingVault, open_vault
from tests.stores import opened_store

FIELDS = {"username": "garage-42", "password": "s3crét"}
LINKS = tuple(LinkKey(f"garage-{number}", "demo") for number in range(3))

OpenVault = Callable[..., Awaitable[KeyRingVault]]
SealInStore = Callable[..., Awaitable[SealedCredential]]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., Path]:
    """Make key files; equal ``fill`` bytes make equal keys."""

    def make(name: str = "root.key", *, fill: int | None = None, mode: int = 0o400) -> Path:
        path = tmp_path / name
        key = os.urandom(32) if fill is None else bytes([fill]) * 32
        path.write_bytes(base64.b64encode(key) + b"\n")
        path.chmod(mode)
        return path

    return make


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[Store]:
    (tmp_path / "data").mkdir()
    async with opened_store(tmp_path / "data" / "syncer.db", clock) as store:

        async def furnish(uow: UnitOfWork) -> None:
            for link in LINKS:
                await uow.repairers.put(Repairer(id=link.repairer, name=link.repairer))
            await uow.links.ensure(["demo"])

        await store.write(furnish)
        yield store


@pytest.fixture
def opened(store: Store, clock: FakeClock) -> OpenVault:
    """Open the vault of the store with key files, as a start does."""

    async def start(key_file: Path | None, *retired: Path) -> KeyRingVault:
        return await open_vault(store, key_file, retired, clock=clock)

    return start


@pytest.fixture
def seal_in_store(store: Store, clock: FakeClock) -> SealInStore:
    """Seal credentials for a link and store them."""

    async def seal(vault: KeyRingVault, link: LinkKey = LINKS[0]) -> SealedCredential:
        sealed = vault.seal(link, FIELDS, generation=1, schema="demo@1", at=clock.now())
        await store.write(lambda uow: uow.credentials.add(sealed))
        return sealed

    return seal
