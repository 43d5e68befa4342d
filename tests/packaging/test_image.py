"""The image: linted, shaped as it should be, and in a campaign carried out and run."""

from __future__ import annotations

import fnmatch
import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.campaign import IS_CAMPAIGN
from tests.packaging.rehearsal import ROOT, built, instructions, run_hardened

DOCKERFILE = ROOT / "Dockerfile"
HADOLINT = Path(sys.executable).with_name("hadolint")

CONFIGURATION = """\
[vault]
key_file = "/var/lib/syncer/root.key"

[connectors.claims360]
enabled = true
base_url = "https://partner.example"
"""
LIFE = """\
syncer key init --to /var/lib/syncer/root.key >&2
syncer run >&2 &
for each in 1 2 3 4 5 6 7 8 9 10; do
    {health} >&2 && break
    sleep 1
done
syncer doctor --json
syncer backup --json >&2
if touch /opt/syncer/mine || touch /etc/syncer/mine; then exit 1; fi
kill -TERM $!
wait $!
"""


@pytest.mark.skipif(not HADOLINT.exists(), reason="hadolint has no wheel for this machine")
def test_the_dockerfile_has_no_finding() -> None:
    done = subprocess.run(
        [HADOLINT, "--no-color", DOCKERFILE], capture_output=True, text=True, check=False
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_runs_as_an_account_that_is_named_by_its_number() -> None:
    said = dict(instructions(DOCKERFILE))

    assert said["USER"] == "8360:8360"


def test_the_image_asks_the_program_itself_whether_it_is_alive() -> None:
    said = dict(instructions(DOCKERFILE))

    assert said["HEALTHCHECK"].endswith('CMD ["syncer", "status", "--alive"]')


def test_the_base_is_named_with_its_version() -> None:
    base = next(rest for word, rest in instructions(DOCKERFILE) if word == "ARG")

    assert base.startswith("BASE=python:3.")
    assert not base.endswith(":latest")


def test_all_that_is_copied_is_sent_to_the_builder() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source
        for word, rest in instructions(DOCKERFILE)
        if word == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }

    assert copied == sent
    assert all((ROOT / source).exists() for source in copied)
    assert not any(fnmatch.fnmatch(name, ".git*") for name in sent)


def test_the_example_takes_every_right_away() -> None:
    service = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]["syncer"]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["ports"] == ["127.0.0.1:8360:8360"]


@pytest.mark.skipif(not IS_CAMPAIGN, reason="makes a Debian of its own; part of the campaign")
@pytest.mark.timeout(1_800)
def test_the_image_is_built_and_lives_without_rights_on_a_read_only_root(
    fresh_debian: Path, workshop: Path
) -> None:
    stage = built(DOCKERFILE, fresh_debian, workshop)
    stage.inside("/etc/syncer/config.toml").write_text(CONFIGURATION)
    data = workshop / "data"
    data.mkdir(mode=0o700)

    said = run_hardened(
        stage, data, LIFE.format(health=" ".join(stage.health)), SYNCER_SERVER__PORT=_free_port()
    )

    findings = {each["check"]: each for each in json.loads(said)["findings"]}
    assert "free of the WAL-reset race" in findings["sqlite"]["text"]
    assert findings["service"]["verdict"] == "good"
    assert len(list((data / "backups").iterdir())) == 1
    assert stage.entry + stage.command == ["syncer", "run"]
    installed = {path.name.partition("-")[0] for path in stage.root.glob("opt/syncer/**/*-info")}
    assert installed.isdisjoint({"pip", "pytest", "hatchling", "ruff"})


def _free_port() -> str:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return str(listening.getsockname()[1])
