"""The connector guide's first lines run, and its tables are complete."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from pathlib import Path

import pytest

import syncer.sdk
from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.errors import SyncerError
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.plugins import load_connectors, played_partner
from syncer.ports.plugins import ConnectorTable
from syncer.sdk import Link, Record, Settings

GUIDE = (Path(__file__).parents[2] / "docs" / "connector-guide.md").read_text(encoding="utf-8")
MODULE = "connector_of_the_guide"


class NoMemory:
    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


def first_block() -> str:
    found = re.search(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Install the lines as a package, under another name than the tutorial connector's."""
    name = "guide"
    metadata = tmp_path / f"{MODULE}-1.0.dist-info"
    metadata.mkdir()
    source = first_block().replace('"example"', f'"{name}"')
    (tmp_path / f"{MODULE}.py").write_text(source)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {MODULE}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[syncer.connectors]\n{name} = {MODULE}\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield name
    sys.modules.pop(MODULE, None)


def test_guide_keeps_its_promise_of_ten_lines() -> None:
    lines = [line for line in first_block().splitlines() if line and "import" not in line]

    assert len(lines) == 10


async def test_guide_begins_with_a_connector_that_runs(installed: str) -> None:
    partner = played_partner("example")
    assert partner is not None
    given = partner.add_repairer("garage-7")
    records: list[Record] = []

    async with partner.serve() as base_url:
        tables = {installed: ConnectorTable(enabled=True, base_url=base_url)}
        connector = load_connectors(tables).usable(installed)
        target = Target(base_url=base_url, allow_insecure=True, limits=connector.limits)
        targets = {installed: target}
        async with Partners(
            targets, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
        ) as partners:
            credentials = connector.credentials.model_validate(given)
            http = partners.http(
                LinkKey(repairer="garage-7", connector=installed),
                auth_headers=connector.auth_headers(credentials),
                correlation_id="guide",
            )
            link = Link(
                repairer="garage-7",
                credentials=credentials,
                settings=Settings(),
                start_date=None,
                http=http,
            )
            await connector.check(link)
            cursor, has_more = None, True
            while has_more:
                page = await connector.pull(link, cursor)
                records += page.records
                cursor, has_more = page.next_cursor, page.has_more

    assert [record.partner_ref for record in records] == [f"garage-7-{n}" for n in range(3)]


def test_guide_says_when_to_raise_every_error_of_the_sdk() -> None:
    errors = [
        name
        for name in syncer.sdk.__all__
        if isinstance(one := getattr(syncer.sdk, name), type)
        and issubclass(one, SyncerError)
        and one is not SyncerError
    ]

    assert errors
    for name in errors:
        assert f"| `{name}`" in GUIDE, name


def test_guide_shows_the_entry_points_of_the_tutorial() -> None:
    tutorial = (Path(__file__).parents[2] / "connectors/example/pyproject.toml").read_text()

    assert 'example = "syncer_example"' in GUIDE
    assert 'example = "syncer_example"' in tutorial
    assert import_module("syncer_example").Example.name == "example"
