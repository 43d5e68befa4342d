"""The systemd unit, judged by systemd's own tools."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import IS_CAMPAIGN

UNIT = Path(__file__).parents[2] / "deploy" / "syncer.service"
SYNCER = Path(sys.executable).with_name("syncer")
MOST_EXPOSED = "20"  # of 100; nearly all that is left is the network, which it is there for

needs_systemd = pytest.mark.skipif(
    not IS_CAMPAIGN and shutil.which("systemd-analyze") is None,
    reason="systemd-analyze is not on this machine; the campaign insists on it",
)


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with the program where it is here."""
    text = UNIT.read_text()
    assert "ExecStart=/opt/syncer/bin/syncer run" in text
    copy = tmp_path / "syncer.service"
    copy.write_text(text.replace("/opt/syncer/bin/syncer", str(SYNCER)))
    return copy


@needs_systemd
def test_the_unit_has_no_fault(unit: Path) -> None:
    done = _analyze("verify", str(unit))

    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_systemd
def test_the_unit_is_hardened(unit: Path) -> None:
    done = _analyze(
        "security", "--offline=yes", "--no-pager", f"--threshold={MOST_EXPOSED}", str(unit)
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_waits_longer_than_a_stop_takes() -> None:
    [line] = [line for line in UNIT.read_text().splitlines() if line.startswith("TimeoutStopSec=")]

    assert int(line.partition("=")[2]) > 25


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
