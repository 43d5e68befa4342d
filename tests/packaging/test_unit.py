"""The systemd unit, judged by systemd's own tools."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaign import IS_CAMPAIGN
from tests.packaging.rehearsal import ROOT, begun, boot

PAGE = ROOT / "docs" / "operations.md"
UNIT = ROOT / "deploy" / "syncer.service"
SYNCER = Path(sys.executable).with_name("syncer")
MOST_EXPOSED = "20"  # of 100; nearly all that is left is the network, which it is there for

NOT_COPIED = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks")
LIFE = """\
exec > /rehearsal.log 2>&1
ready() {{ for each in $(seq 20); do syncer status && return; sleep 1; done; return 1; }}
live() {{
    set -ex
    ready
    syncer doctor
    grep NoNewPrivs /proc/$(systemctl show -p MainPID --value syncer)/status
    syncer backup --to /var/backups/syncer
    systemctl stop syncer
    systemctl show syncer -p Result
    mkdir /root/old && mv /var/lib/syncer/syncer.db* /root/old
    syncer restore --from /var/backups/syncer/syncer-*
    stat --format 'owner: %U' /var/lib/syncer/syncer.db
    systemctl start syncer
    ready
    syncer key add --to /etc/syncer/root-2.key
    mkdir /etc/systemd/system/syncer.service.d
    cat > /etc/systemd/system/syncer.service.d/override.conf <<'END'
{rotation}
END
    systemctl daemon-reload
    systemctl restart syncer
    ready
    syncer key rewrap
    syncer key retire
    syncer audit verify
    set +x
    echo FINISHED
}}
(live)
sync
systemctl exit 0
sleep 5
kill -KILL -1
"""

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


@pytest.mark.skipif(not IS_CAMPAIGN, reason="boots a Debian of its own; part of the rehearsal")
@pytest.mark.timeout(1_800)
def test_the_page_leads_to_a_service_that_lives_under_a_booted_systemd(
    fresh_debian: Path, workshop: Path
) -> None:
    machine = begun(fresh_debian, workshop / "machine")
    machine.folder = "/src"
    shutil.copytree(ROOT, machine.inside(""), ignore=NOT_COPIED, symlinks=True)
    for title in ("Into a virtual environment", "Under systemd"):
        for line in _block(title, "sh").splitlines():
            if not line.startswith(("systemctl daemon-reload", "journalctl")):
                machine.run(line.replace("enable --now", "enable"))

    said = boot(machine.root, LIFE.format(rotation=_block("The root key", "ini")))

    assert said.endswith("FINISHED\n"), said
    assert "Nothing is wrong." in said
    assert "owner: syncer" in said
    assert "NoNewPrivs:\t1" in said
    assert "Result=success" in said


def _block(title: str, language: str) -> str:
    """Give the first block of code of that language in a section of the operator's page."""
    rest = PAGE.read_text(encoding="utf-8").partition(f"# {title}\n")[2]
    return rest.partition(f"```{language}\n")[2].partition("```")[0]


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, check=False
    )
