"""The floors and fences of the house, beyond what the import contracts can say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SYNCER = ROOT / "syncer"
CONNECTORS = sorted(path.parent for path in ROOT.glob("connectors/*/pyproject.toml"))
SERVER_ROOMS = {"web", "api", "testing"}
CLIENT_PLACES = {"partner", "cli/client.py"}
SDK_ALLOWED = {"syncer.sdk", "msgspec", "pydantic"}


def _modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "tests" not in path.parts)


def _imports(file: Path) -> Iterator[tuple[str, str]]:
    """Give (module, name) of every import; name is empty for a plain import."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, ""
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            for alias in node.names:
                yield node.module or "", alias.name


def _is_within(file: Path, places: set[str]) -> bool:
    inside = file.relative_to(SYNCER).as_posix()
    return any(inside == place or inside.startswith(f"{place}/") for place in places)


def test_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_domain_imports_the_standard_library_only() -> None:
    foreign = {
        (file.name, module)
        for file in _modules(SYNCER / "domain")
        for module, _ in _imports(file)
        if module.split(".")[0] not in sys.stdlib_module_names
        and not module.startswith("syncer.domain")
    }

    assert foreign == set()


def test_aiohttp_server_stays_in_its_rooms() -> None:
    strays = {
        str(file.relative_to(ROOT))
        for file in _modules(SYNCER)
        for module, name in _imports(file)
        if (module.startswith("aiohttp.web") or (module, name) == ("aiohttp", "web"))
        and not _is_within(file, SERVER_ROOMS)
    }

    assert strays == set()


def test_aiohttp_client_stays_in_its_places() -> None:
    strays = {
        str(file.relative_to(ROOT))
        for file in _modules(SYNCER)
        for module, name in _imports(file)
        if module.split(".")[0] == "aiohttp"
        and not module.startswith("aiohttp.web")
        and name != "web"
        and not _is_within(file, CLIENT_PLACES | SERVER_ROOMS)
    }

    assert strays == set()


def test_client_sessions_are_made_in_two_places_only() -> None:
    strays = {
        str(file.relative_to(ROOT))
        for file in _modules(SYNCER)
        if "ClientSession" in file.read_text(encoding="utf-8")
        and not _is_within(file, CLIENT_PLACES)
    }

    assert strays == set()


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda path: path.name)
def test_connector_imports_the_sdk_only(connector: Path) -> None:
    package = f"syncer_{connector.name}"
    strays = set()
    for file in _modules(connector / package):
        allowed = SDK_ALLOWED | {package}
        if file.name.startswith("played"):
            allowed |= {"syncer.testing", "aiohttp"}
        for module, _ in _imports(file):
            is_ours = any(module == name or module.startswith(f"{name}.") for name in allowed)
            library = module.split(".")[0]
            if not is_ours and (library not in sys.stdlib_module_names or library == "xml"):
                strays.add((file.name, module))

    assert strays == set()


@pytest.mark.parametrize("connector", CONNECTORS, ids=lambda path: path.name)
def test_connector_never_needs_its_played_partner(connector: Path) -> None:
    package = f"syncer_{connector.name}"
    strays = {
        file.name
        for file in _modules(connector / package)
        if not file.name.startswith("played")
        for module, name in _imports(file)
        if f"{module}.{name}".startswith((f"{package}.played", "syncer.testing"))
    }

    assert strays == set()
