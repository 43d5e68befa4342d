"""`syncer check`: whether the configuration can be used, and the values in force."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import click

from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root
from syncer.config import Settings

_PASSWORD_IN_URL = re.compile(r"(?<=//)([^/@:]*):[^/@]*@")
_MASKED = "********"
_SECRET_NAMES = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)
Path = tuple[str | int, ...]


@command(root, "check")
@click.option("--only-changed", is_flag=True, help="Leave out what has its default.")
def check(invocation: Invocation, only_changed: bool) -> None:
    """Check the configuration and print the values in force, secrets masked.

    Every fault is told at once, with file and line; it then ends with 3.
    """
    from syncer.bootstrap.checking import check_configuration

    settings = invocation.settings()
    check_configuration(settings)
    rows = in_force(settings)
    if only_changed:
        rows = [row for row in rows if row["from"] != "default"]
    output = invocation.output
    value = {"file": _file(settings), "settings": rows, "notices": list(settings.notices)}
    output.table(
        value,
        ("setting", "value", "from"),
        [(plain(row["name"]), plain(row["value"]), plain(row["from"])) for row in rows],
        nothing="Everything has its default.",
        summary=f"\nThe configuration is good. File: {_file(settings) or 'none, defaults hold'}",
    )
    if not output.json:
        for notice in settings.notices:
            output.progress(f"[yellow]note:[/] {plain(notice)}")


def in_force(settings: Settings) -> list[dict[str, Any]]:
    """List every setting with its value, secrets masked, and where it comes from."""
    return [
        {"name": _dotted(path), "value": value, "from": settings.origin(*path)}
        for path, value in _leaves(settings)
    ]


def _file(settings: Settings) -> str | None:
    return None if settings.file is None else str(settings.file)


def _leaves(settings: Settings) -> Iterator[tuple[Path, Any]]:
    yield from _walk((), settings.model_dump(mode="json", by_alias=True))


def _walk(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    is_masked = bool(path) and bool(_SECRET_NAMES.search(str(path[-1]))) and not _is_file(path)
    if isinstance(value, dict) and not is_masked:
        for name, inner in value.items():
            yield from _walk((*path, name), inner)
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for index, each in enumerate(value):
            yield from _walk((*path, index), each)
    elif isinstance(value, str) and not is_masked:
        yield path, _PASSWORD_IN_URL.sub(rf"\1:{_MASKED}@", value)
    else:
        yield path, _MASKED if is_masked and value else value


def _is_file(path: Path) -> bool:
    return str(path[-1]).endswith(("_file", "_files"))


def _dotted(path: Path) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
