"""Connector packages made on the spot: a module and the metadata that pip would leave."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

GOOD = """
    from syncer.sdk import Connector, Credentials, Kind, Page, PartnerLimits, Secret, hookimpl
    from syncer.sdk import Settings

    class Key(Credentials):
        token: Secret

    class Own(Settings):
        colour: str = "red"

    class Good(Connector[Key, Own]):
        name = "NAME"
        title = "Good"
        version = "1.0"
        wire_format = "profile"
        kinds = frozenset({Kind.MISSION})
        credentials = Key
        settings = Own
        limits = PartnerLimits(source="none")

        def auth_headers(self, credentials):
            return {}

        async def check(self, link):
            pass

        async def pull(self, link, cursor):
            return Page()

    @hookimpl
    def register_connectors(register):
        register(Good)
"""

Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Give a function that installs a connector package; gives the module's name."""
    modules: list[str] = []

    def install(name: str, source: str = GOOD, *, package: str | None = None) -> str:
        module = f"installed_{package or name}".replace("-", "_")
        folder = tmp_path / module
        metadata = folder / f"{module}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (folder / f"{module}.py").write_text(dedent(source).replace("NAME", name))
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[syncer.connectors]\n{name} = {module}\n")
        monkeypatch.syspath_prepend(folder)
        modules.append(module)
        return module

    yield install
    for module in modules:
        sys.modules.pop(module, None)
