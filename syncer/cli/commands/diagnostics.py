"""`syncer diagnostics`: one file for whoever helps from afar."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import zipfile
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path
from typing import Any, Final, TextIO

import click

from syncer.cli.client import ServiceClient
from syncer.cli.commands.check import in_force
from syncer.cli.commands.doctor import Finding, look
from syncer.cli.evidence import SHAPES, log_shown, metrics_shown, settings_shown, shown
from syncer.cli.exits import ServiceAnswerError, ServiceNotReachableError
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root
from syncer.config import Settings
from syncer.domain.errors import ConfigurationError, ConflictError
from syncer.domain.instants import to_text

_MOST_ROWS: Final = 500
_LOG_LINES: Final = 2_000
_TEXTS_OF_OTHERS: Final = frozenset({"attention", "connectors"})
"""Checks whose texts repeat what a partner or a connector said."""
Part = tuple[str, str]


@command(root, "diagnostics")
@click.option(
    "--to",
    "place",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to make; default: syncer-diagnostics-TIME.zip here.",
)
@click.option(
    "--log",
    type=click.File("r", encoding="utf-8", errors="replace"),
    help="A log of the service, - for standard input; its end is added.",
)
async def diagnostics(invocation: Invocation, place: Path | None, log: TextIO | None) -> None:
    """Gather what helps to find a fault into one file, without secrets or data of claims.

    Works with the service running, stopped or broken. The file holds versions, settings, findings
    of `syncer doctor`, states and counts of links, the last passes, kinds of attention, metrics and
    sizes. Look into it before you send it: it is a zip of small texts.
    """
    from syncer.dispatch.ambient import SystemClock

    now = SystemClock().now()
    file = place or Path(f"syncer-diagnostics-{now:%Y%m%dT%H%M%SZ}.zip")
    parts = [_about(to_text(now)), *[each async for each in _gathered(invocation)]]
    if log is not None:
        parts.append(_log(log))
    _write(file, parts)
    names = [name for name, _ in parts]
    invocation.output.show(
        {"file": str(file.absolute()), "parts": names},
        f"Diagnostics  {plain(str(file.absolute()))}",
        f"             {plain(', '.join(names))}",
        "",
        "It holds no credentials, keys or data of claims; repairers' ids and this machine's paths "
        "are in it.",
    )


def _part(name: str, value: Any) -> Part:
    return f"{name}.json", json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def _about(now: str) -> Part:
    from syncer.store import sqlite_version

    packages = {each.metadata["Name"]: each.version for each in distributions()}
    return _part(
        "about",
        {
            "taken_at": now,
            "python": platform.python_version(),
            "sqlite": sqlite_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "packages": dict(sorted(packages.items())),
        },
    )


async def _gathered(invocation: Invocation) -> AsyncIterator[Part]:
    yield _part("doctor", [_finding(each) for each in await look(invocation)])
    try:
        settings = invocation.settings()
    except ConfigurationError:
        return  # the findings say what is wrong with it
    yield _part("settings", settings_shown(in_force(settings)))
    yield _part("sizes", _sizes(settings))
    try:
        async with ServiceClient(settings) as service:
            for name, shape in SHAPES.items():
                found = await service.all(f"/v1/{name}", most=_MOST_ROWS)
                yield _part(name, [shown(each, shape) for each in found])
            yield "metrics.txt", metrics_shown(str(await service.get("/metrics")))
    except (ServiceNotReachableError, ServiceAnswerError) as error:
        yield _part("service", {"reached": False, "code": error.code})


def _finding(finding: Finding) -> dict[str, Any]:
    fields = asdict(finding)
    del fields["exit"]
    if finding.check in _TEXTS_OF_OTHERS:
        del fields["text"]
    return fields


def _sizes(settings: Settings) -> dict[str, Any]:
    from syncer.bootstrap.places import BACKUPS_FOLDER, database_file, files_folder

    found: dict[str, Any] = {}
    try:
        database = database_file(settings)
        for name in ("", "-wal"):
            file = database.with_name(database.name + name)
            found[f"database{name}_bytes"] = file.stat().st_size if file.is_file() else 0
        sizes = list(_file_sizes(files_folder(settings)))
        found |= {"files": len(sizes), "files_bytes": sum(sizes)}
        backups = settings.data_dir / BACKUPS_FOLDER
        found["backups"] = len(list(backups.glob("syncer-*"))) if backups.is_dir() else 0
        found["data_dir_mode"] = oct(settings.data_dir.stat().st_mode & 0o777)
        found["free_bytes"] = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        found["fault"] = error.strerror
    return found


def _file_sizes(folder: Path) -> Iterator[int]:
    for where, _, names in os.walk(folder):
        for name in names:
            yield (Path(where) / name).stat().st_size


def _log(log: TextIO) -> Part:
    taken, others = log_shown(deque(log, maxlen=_LOG_LINES))
    return _part("log", {"lines": taken, "left_out": others})


def _write(file: Path, parts: list[Part]) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts:
            archive.writestr(name, text)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        text = f"{file} is there already; nothing was changed."
        raise ConflictError("file_exists", text) from None
    except OSError as error:
        raise ConfigurationError([f"{file}: {error.strerror}"]) from None
    with os.fdopen(handle, "wb") as written:
        written.write(packed.getvalue())
