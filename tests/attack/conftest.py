"""The whole host against a partner that is written from the contract alone."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.attack.service import Service, serving
from tests.attack.strict_partner import StrictPartner


@pytest.fixture(scope="session")
def blank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the host ran once, without any link: quicker than from nothing."""
    folder = tmp_path_factory.mktemp("attacked")

    async def run_once() -> None:
        async with serving(folder, "http://127.0.0.1:1"):
            pass

    asyncio.run(run_once())
    return folder


@pytest.fixture
def folder(blank: Path, tmp_path: Path) -> Path:
    return shutil.copytree(blank, tmp_path / "service")


@pytest.fixture
def partner() -> StrictPartner:
    return StrictPartner()


@pytest.fixture
async def idle(folder: Path, partner: StrictPartner) -> AsyncIterator[Service]:
    """The host with a link that has no credentials yet."""
    async with partner.serve() as base_url, serving(folder, base_url) as opened:
        yield opened


@pytest.fixture
async def service(idle: Service, partner: StrictPartner) -> Service:
    """The host with its one link configured from the beginning of time."""
    await idle.configure(partner.credentials())
    return idle
