"""A real service for the command line to talk to: the demo, in a process of its own."""

from __future__ import annotations

import io
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncer.cli import run

SYNCER = Path(sys.executable).with_name("syncer")


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Syncer = Callable[..., Said]


def _call(*arguments: str, stdin: str = "") -> Said:
    """Run a command as its process would, in this one: a process each would take too long.

    Those that make a host change their process (log, umask, limits) and get one of their own.
    """
    if arguments[0] in {"demo", "run"}:
        done = subprocess.run(
            [SYNCER, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
        return Said(done.returncode, done.stdout, done.stderr)
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.StringIO(stdin)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = run(list(arguments))
    finally:
        sys.stdin = before
    return Said(code, out.getvalue(), err.getvalue())


@pytest.fixture
def syncer() -> Syncer:
    return _call


@dataclass(frozen=True)
class EndedDemo:
    """A demo that made one pass and ended: its folder, and what it said."""

    folder: Path
    said: Said

    def copied(self, folder: Path) -> Path:
        """Copy it, with a port of its own; gives its configuration."""
        shutil.copytree(self.folder, folder)
        configuration = folder / "syncer.toml"
        text = configuration.read_text(encoding="utf-8").replace(str(self.folder), str(folder))
        text = re.sub(r"(?<=\[server\]\nport = )\d+", str(_free_port()), text)
        configuration.write_text(text, encoding="utf-8")
        return configuration


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="session")
def ended_demo(tmp_path_factory: pytest.TempPathFactory) -> EndedDemo:
    folder = tmp_path_factory.mktemp("ended") / "demo"
    said = _call("demo", "--once", "--json", "--data-dir", str(folder))
    assert said.code == 0, said.err
    return EndedDemo(folder, said)


@dataclass(frozen=True)
class RunningDemo:
    """A demo in a process of its own, and what it said at its start."""

    folder: Path
    said: list[str]


@pytest.fixture(scope="session")
def running_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDemo]:
    folder = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen(
        [SYNCER, "demo", "--data-dir", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if len(said) > 1 and said[-2].startswith("# Read the change feed"):
            break
    else:
        pytest.fail("the demo ended: " + "".join(said))
    yield RunningDemo(folder, said)
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def demo_folder(running_demo: RunningDemo) -> Path:
    return running_demo.folder


@pytest.fixture
def demo_output(running_demo: RunningDemo) -> list[str]:
    return running_demo.said


@pytest.fixture
def demo(demo_folder: Path) -> Syncer:
    """Commands that reach the demo."""

    def call(*arguments: str, stdin: str = "") -> Said:
        return _call(*arguments, "--config", str(demo_folder / "syncer.toml"), stdin=stdin)

    return call
