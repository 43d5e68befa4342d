"""`syncer doctor`: what is wrong, and what to do about it."""

from __future__ import annotations

import os
import platform
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from syncer.cli.client import Json, ServiceClient, token_path_of
from syncer.cli.exits import Exit, ServiceAnswerError, ServiceNotReachableError
from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root
from syncer.config import Settings
from syncer.domain.errors import ConfigurationError

_LEAST_FREE_BYTES = 1_073_741_824  # 1 GiB: a few thousand photos
_TOO_OPEN = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_READ = stat.S_IROTH


class Verdict(StrEnum):
    """How a check went."""

    GOOD = "good"
    NOTE = "note"
    WRONG = "wrong"


_MARKS = {
    Verdict.GOOD: "[green]good [/]",
    Verdict.NOTE: "[yellow]note [/]",
    Verdict.WRONG: "[red]WRONG[/]",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found; ``action`` says what to do about it."""

    check: str
    verdict: Verdict = Verdict.GOOD
    text: str
    action: str | None = None
    exit: Exit = Exit.OK


@command(root, "doctor")
async def doctor(invocation: Invocation) -> int:
    """Look at this installation from the outside and say what is wrong and what to do.

    Ends with 0 when nothing is wrong, 3 when the configuration or the machine is, 4 when the
    service cannot be reached.
    """
    findings = await look(invocation)
    wrong = [each for each in findings if each.verdict is Verdict.WRONG]
    output = invocation.output
    output.show(
        {"findings": [_json(each) for each in findings], "wrong": len(wrong)},
        *[line for each in findings for line in _lines(each)],
        "",
        f"[red]{len(wrong)} wrong[/]" if wrong else "[green]Nothing is wrong.[/]",
    )
    return min((each.exit for each in wrong), default=Exit.OK)


async def look(invocation: Invocation) -> list[Finding]:
    """Make every check."""
    findings = list(_machine())
    try:
        settings = invocation.settings()
    except ConfigurationError as error:
        findings += [_faulty(fault) for fault in error.faults]
    else:
        findings += [*_configuration(settings), *_data_folder(settings), *_root_key(settings)]
        findings += list(_mail(settings))
        findings += [each async for each in _service(settings)]
    return findings


def _json(finding: Finding) -> dict[str, Any]:
    return {name: value for name, value in asdict(finding).items() if name != "exit"}


def _lines(finding: Finding) -> Iterator[str]:
    yield f"{_MARKS[finding.verdict]}  {finding.check:<14} {plain(finding.text)}"
    if finding.action:
        yield f"       {'':<14} -> {plain(finding.action)}"


def _wrong(check: str, text: str, action: str, code: Exit = Exit.CONFIGURATION) -> Finding:
    return Finding(check=check, verdict=Verdict.WRONG, text=text, action=action, exit=code)


def _faulty(fault: str) -> Finding:
    return _wrong("configuration", fault, "Correct it; `syncer check` tells every fault at once.")


# -- this machine ---------------------------------------------------------------------------------


def _machine() -> Iterator[Finding]:
    from syncer.store import sqlite_is_fixed, sqlite_version

    yield Finding(check="python", text=platform.python_version())
    if sqlite_is_fixed():
        yield Finding(check="sqlite", text=f"{sqlite_version()}, free of the WAL-reset race")
    else:
        yield Finding(
            check="sqlite",
            verdict=Verdict.NOTE,
            text=f"{sqlite_version()} has the WAL-reset race (fixed in 3.51.3)",
            action="Let no other program write to the database while the service runs.",
        )


# -- the configuration ----------------------------------------------------------------------------


def _configuration(settings: Settings) -> Iterator[Finding]:
    from syncer.bootstrap.checking import check_configuration

    place = str(settings.file) if settings.file else "no file, the defaults hold"
    try:
        registry = check_configuration(settings)
    except ConfigurationError as error:
        yield from map(_faulty, error.faults)
        return
    yield Finding(check="configuration", text=place)
    for notice in settings.notices:
        yield Finding(check="configuration", verdict=Verdict.NOTE, text=notice)
    enabled = [each for each in registry.all() if each.enabled]
    if not enabled:
        names = ", ".join(each.name for each in registry.all()) or "none is installed"
        action = f"Enable one: [connectors.NAME] with enabled = true (installed: {names})."
        yield Finding(
            check="connectors", verdict=Verdict.NOTE, text="none is enabled", action=action
        )
    for each in enabled:
        if each.reason:
            action = "Install a release of it that fits this one; the others run."
            yield _wrong("connectors", f"{each.name} is set aside: {each.reason}", action)
        else:
            yield Finding(check="connectors", text=f"{each.name} is {each.state}")


def _data_folder(settings: Settings) -> Iterator[Finding]:
    folder = settings.data_dir
    if not folder.is_dir():
        yield Finding(
            check="data folder",
            verdict=Verdict.NOTE,
            text=f"{folder} does not exist yet",
            action="`syncer run` makes it; its account must be allowed to.",
        )
        return
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        action = f"Run this as the service's account, or give it the folder: chown -R ... {folder}"
        yield _wrong("data folder", f"{folder} cannot be written by this account", action)
        return
    if folder.stat().st_mode & _TOO_OPEN:
        yield _wrong("data folder", f"{folder} is open to others", f"chmod 700 {folder}")
    else:
        yield Finding(check="data folder", text=str(folder))
    free = shutil.disk_usage(folder).free
    if free < _LEAST_FREE_BYTES:
        text = f"only {free // 1_048_576} MiB are free"
        yield _wrong("disk", text, "Make room; when it is full writes are refused, reads go on.")
    else:
        yield Finding(check="disk", text=f"{free // 1_073_741_824} GiB free")


def _root_key(settings: Settings) -> Iterator[Finding]:
    if not settings.vault.key_file:
        action = "syncer key init --to FILE, then set vault.key_file."
        yield _wrong("root key", "none is named; the vault is sealed", action)
    for name in filter(None, (settings.vault.key_file, *settings.vault.retired_key_files)):
        if Path(name).is_file():
            yield Finding(check="root key", text=name)
        else:
            action = "Restore it from its backup, or make one: syncer key init --to FILE."
            yield _wrong("root key", f"{name} does not exist; the vault is sealed", action)


def _mail(settings: Settings) -> Iterator[Finding]:
    mail = settings.mail
    if not mail.host:
        yield Finding(
            check="mail",
            verdict=Verdict.NOTE,
            text="no mail server is configured; nothing is sent by mail",
            action="Set host, from and what else it needs under [mail].",
        )
        return
    how = "with a login" if mail.user else "without a login"
    yield Finding(check="mail", text=f"a server is set up, {mail.security}, {how}")
    if mail.password_file and Path(mail.password_file).stat().st_mode & _OTHERS_READ:
        text = f"{mail.password_file} can be read by everybody on this machine"
        yield _wrong("mail", text, f"chmod o-rwx {mail.password_file}")


# -- the running service --------------------------------------------------------------------------


async def _service(settings: Settings) -> Any:
    if not token_path_of(settings).exists():
        yield _not_running("it has not run with this configuration yet")
        return
    try:
        async with ServiceClient(settings) as service:
            status, body = await service.status_of("/readyz")
            yield Finding(check="service", text=f"answers at {service.address}")
            if status != 200:
                reason = str(body.get("detail") or body.get("code"))
                yield _wrong(
                    "readiness", reason, "See the findings above; credentials wait for it."
                )
            for each in (await service.get("/v1/attention", {"limit": 500}))["items"]:
                yield _attention(each)
    except ServiceNotReachableError as error:
        yield _not_running(str(error).splitlines()[0])
    except ServiceAnswerError as error:
        yield _wrong("service", str(error), "Is another program, or another installation, there?")


def _not_running(text: str) -> Finding:
    action = "Start it: syncer run (its log says why when it ends at once)."
    return _wrong("service", text, action, Exit.NOT_REACHABLE)


def _attention(entry: Json) -> Finding:
    link = "/".join(filter(None, (entry.get("repairer"), entry.get("connector"))))
    return Finding(
        check="attention",
        verdict=Verdict.NOTE,
        text=f"{link + ': ' if link else ''}{entry['text']}",
        action=entry["action"],
    )
