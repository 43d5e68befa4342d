"""The file for whoever helps: made in every state, and only of what is listed."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncer.cli.demo.stage import REPAIRERS
from syncer.cli.evidence import NOT_SHOWN, log_shown, metrics_shown, settings_shown, shown
from syncer.cli.exits import Exit

Syncer = Callable[..., Any]
ALWAYS = {"about.json", "doctor.json"}


def parts(file: Path) -> dict[str, Any]:
    """Read the parts of a file."""
    with zipfile.ZipFile(file) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {
        name: json.loads(text) if name.endswith(".json") else text for name, text in texts.items()
    }


def test_diagnostics_show_links_passes_settings_and_metrics(demo: Syncer, tmp_path: Path) -> None:
    demo("refresh", "--wait")

    said = demo("diagnostics", "--to", str(tmp_path / "d.zip"), "--json")

    assert said.code == Exit.OK
    found = parts(tmp_path / "d.zip")
    assert set(said.json["parts"]) == found.keys()
    assert found.keys() >= ALWAYS | {"settings.json", "sizes.json", "links.json", "passes.json"}
    claims = [link for link in found["links.json"] if link["connector"] == "claims360"]
    assert sum(link["counts"]["records"] > 0 for link in claims) >= len(REPAIRERS)
    assert found["passes.json"][0]["state"] == "succeeded"
    assert found["sizes.json"]["database_bytes"] > 0
    assert "syncer_passes_total{" in found["metrics.txt"]
    assert "sqlite" in found["about.json"]


def test_diagnostics_are_for_their_owner_only(demo: Syncer, tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        demo("diagnostics", "--to", str(tmp_path / "d.zip"))
    finally:
        os.umask(mask)

    assert (tmp_path / "d.zip").stat().st_mode & 0o777 == 0o600


def test_diagnostics_replace_no_file(demo: Syncer, tmp_path: Path) -> None:
    (tmp_path / "d.zip").write_text("mine")

    assert demo("diagnostics", "--to", str(tmp_path / "d.zip")).code == Exit.REFUSED
    assert (tmp_path / "d.zip").read_text() == "mine"


def test_diagnostics_are_made_of_a_stopped_service(syncer: Syncer, tmp_path: Path) -> None:
    syncer("init", str(tmp_path / "house"))

    said = syncer(
        *("diagnostics", "--to", str(tmp_path / "d.zip")),
        *("--config", str(tmp_path / "house" / "syncer.toml")),
    )

    found = parts(tmp_path / "d.zip")
    assert said.code == Exit.OK
    assert found["service.json"] == {"reached": False, "code": "service_not_reachable"}


def test_diagnostics_are_made_of_a_broken_configuration(syncer: Syncer, tmp_path: Path) -> None:
    config = tmp_path / "syncer.toml"
    config.write_text('log_level = "loud"\n')

    said = syncer("diagnostics", "--to", str(tmp_path / "d.zip"), "--config", str(config))

    found = parts(tmp_path / "d.zip")
    assert said.code == Exit.OK
    assert found.keys() == ALWAYS
    assert any("log_level" in each["text"] for each in found["doctor.json"])


def test_the_end_of_a_log_is_added_from_standard_input(demo: Syncer, tmp_path: Path) -> None:
    line = json.dumps({"event": "pass_failed", "level": "error", "connector": "claims360"})

    demo("diagnostics", "--to", str(tmp_path / "d.zip"), "--log", "-", stdin=line + "\nsecret\n")

    log = parts(tmp_path / "d.zip")["log.json"]
    assert [each["connector"] for each in log["lines"]] == ["claims360"]
    assert log["left_out"] == 1


def test_settings_beyond_the_list_are_named_but_not_shown() -> None:
    rows = [
        {"name": "sync.interval", "value": "15m", "from": "default"},
        {"name": "repairers[0].name", "value": "Canary", "from": "default"},
        {"name": "connectors.x.own_key", "value": "Canary", "from": "default"},
        {"name": "store.url", "value": "sqlite:///canary", "from": "default"},
        {"name": "connectors.x.base_url", "value": "https://u:canary@h.example/c?k=canary"},
        {"name": "mail.user", "value": ""},
    ]

    values = [row["value"] for row in settings_shown(rows)]

    assert values == ["15m", NOT_SHOWN, NOT_SHOWN, NOT_SHOWN, "https://h.example", ""]


def test_answers_are_reduced_to_their_shape() -> None:
    answer = {"state": "failed", "error": {"code": "x", "detail": "canary"}, "note": "canary"}

    kept = shown({**answer, "counts": {"seen": 3, "odd": "canary"}}, {
        "state": True, "error": {"code": True}, "counts": "counts",
    })  # fmt: skip

    assert kept == {"state": "failed", "error": {"code": "x"}, "counts": {"seen": 3}}


def test_log_lines_keep_listed_facts_and_frames_only() -> None:
    line = {
        "event": "unexpected",
        "message": "canary",
        "connector": "claims360",
        "text": "canary",
        "exception": [
            "Traceback (most recent call last):",
            '  File "/opt/x.py", line 3, in work',
            '    raise ValueError("canary")',
            "ValueError: canary",
        ],
    }
    other = {"event": "of another program", "connector": "canary"}

    kept, left_out = log_shown([json.dumps(line), json.dumps(other), "canary"])

    assert left_out == 2
    assert "canary" not in json.dumps(kept)
    assert kept[0]["exception"] == ['  File "/opt/x.py", line 3, in work', "ValueError"]


def test_metrics_of_others_are_left_out() -> None:
    text = '# HELP x y\nsyncer_feed_head 7.0\ncanary_total 1.0\nsyncer_x{of="a canary"} 1.0\n'

    assert metrics_shown(text) == "syncer_feed_head 7.0\n"
