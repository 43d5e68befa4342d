"""What an operator does while no service runs, and with a vault that is sealed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pexpect
import pytest

from syncer.cli.exits import Exit
from tests.cli.conftest import EndedDemo

Syncer = Callable[..., Any]
SYNCER = str(Path(sys.executable).with_name("syncer"))
LINK_IN_USE = ("--repairer", "garage-janssens", "--connector", "claims360")
LINK = ("--repairer", "garage-janssens", "--connector", "example")


@pytest.fixture
def stopped(ended_demo: EndedDemo, tmp_path: Path) -> Path:
    """The configuration of a demo that made one pass and stopped."""
    return ended_demo.copied(tmp_path / "demo")


@pytest.fixture
def sealed(stopped: Path) -> Iterator[Path]:
    """The same, running without its root key."""
    (stopped.parent / "syncer.key").rename(stopped.parent / "elsewhere.key")
    command = [SYNCER, "run", "--config", str(stopped)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(b"syncer is ready at http://")
        yield stopped
        process.terminate()
        assert process.wait(timeout=30) == 0


def test_reset_works_on_a_stopped_store(syncer: Syncer, stopped: Path) -> None:
    arguments = ("credentials", "reset", *LINK, "--ticket", "T-1", "--reason", "typo", "--yes")

    first = syncer(*arguments, "--config", str(stopped), "--json")
    second = syncer(*arguments, "--config", str(stopped))

    assert (first.code, first.json["repairer"]) == (Exit.OK, "garage-janssens")
    assert second.code == Exit.REFUSED


def test_root_key_is_rotated_step_by_step(syncer: Syncer, stopped: Path) -> None:
    config = ("--config", str(stopped))
    old, new = stopped.parent / "syncer.key", stopped.parent / "new.key"
    added = syncer("key", "add", "--to", str(new), *config)
    text = re.sub(
        r"(?m)^key_file = .*$",
        f'key_file = "{new}"\nretired_key_files = ["{old}"]',
        stopped.read_text(encoding="utf-8"),
    )
    stopped.write_text(text, encoding="utf-8")

    early = syncer("key", "retire", *config)
    moved = syncer("key", "rewrap", *config, "--json")
    retired = syncer("key", "retire", *config)
    stopped.write_text(re.sub(r"(?m)^retired.*$", "", text), encoding="utf-8")
    old.unlink()
    verified = syncer("audit", "verify", *config)

    assert (added.code, early.code) == (Exit.OK, Exit.REFUSED)
    assert moved.json["moved"] > 0
    assert moved.json["left"] == 0
    assert (retired.code, verified.code) == (Exit.OK, Exit.OK)


def test_first_key_is_refused_where_credentials_exist(syncer: Syncer, stopped: Path) -> None:
    place = stopped.parent / "second.key"

    said = syncer("key", "init", "--to", str(place), "--config", str(stopped))

    assert said.code == Exit.REFUSED
    assert not place.exists()


def test_key_file_is_never_overwritten(syncer: Syncer, tmp_path: Path) -> None:
    place = tmp_path / "root.key"
    config = ("--set", f"data_dir={tmp_path / 'data'}")

    first = syncer("key", "init", "--to", str(place), *config)
    content = place.read_bytes()
    second = syncer("key", "init", "--to", str(place), *config)

    assert (first.code, second.code) == (Exit.OK, Exit.REFUSED)
    assert place.read_bytes() == content


def test_audit_without_a_database_is_refused(syncer: Syncer, tmp_path: Path) -> None:
    said = syncer("audit", "verify", "--set", f"data_dir={tmp_path}")

    assert said.code == Exit.REFUSED
    assert list(tmp_path.iterdir()) == []


def test_sealed_service_says_so_everywhere(syncer: Syncer, sealed: Path) -> None:
    config = ("--config", str(sealed))

    status = syncer("status", *config, "--json")
    attention = syncer("attention", *config, "--json")
    doctor = syncer("doctor", *config)
    refresh = syncer("refresh", *config)

    assert (status.code, status.json["ready"]) == (Exit.CONFIGURATION, False)
    assert attention.json["items"][0]["kind"] == "vault_sealed"
    assert (doctor.code, "root key" in doctor.out) == (Exit.CONFIGURATION, True)
    assert refresh.code == Exit.CONFIGURATION


def test_secrets_are_asked_for_without_showing_them(
    running_demo: Any, syncer: Syncer, tmp_path: Path
) -> None:
    config = str(running_demo.folder / "syncer.toml")
    terminal = pexpect.spawn(
        SYNCER,
        ["credentials", "put", *LINK_IN_USE, "--config", config],
        dimensions=(40, 120),
        encoding="utf-8",
        timeout=20,
    )

    for title, value in (("id", "123"), ("API key", "hunter2" * 4), ("API key", "hunter3" * 4)):
        terminal.expect(title + ":")
        terminal.sendline(value)
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert "hunter" not in str(terminal.before)
    assert terminal.exitstatus == Exit.REFUSED


def test_service_prints_one_line_when_ready(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [SYNCER, "run", "--port", "0", "--json", "--set", f"data_dir={tmp_path / 'data'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    process.terminate()
    rest, _ = process.communicate(timeout=30)

    assert json.loads(line)["address"].startswith("http://127.0.0.1:")
    assert (rest, process.returncode) == (b"", 0)
