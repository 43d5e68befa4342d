"""A real service for the command line to talk to: the demo, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SYNCER = Path(sys.executable).with_name("syncer")
_LONGEST_SECONDS = 60


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


def _call(*arguments: str, stdin: str = "", cwd: Path | None = None) -> Said:
    done = subprocess.run(
        [SYNCER, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=_LONGEST_SECONDS,
        check=False,
        cwd=cwd,
    )
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def syncer() -> Syncer:
    return _call


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a demo that runs."""
    folder = tmp_path_factory.mktemp("demo")
    process = subprocess.Popen(
        [SYNCER, "demo", "--data-dir", folder],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("# Read the change feed"):
            break
    else:
        pytest.fail("the demo ended: " + "".join(said))
    yield folder
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture
def demo(demo_folder: Path) -> Syncer:
    """Commands that reach the demo."""

    def call(*arguments: str, stdin: str = "") -> Said:
        return _call(*arguments, "--config", str(demo_folder / "syncer.toml"), stdin=stdin)

    return call
