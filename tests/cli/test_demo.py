"""The demo as a person meets it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pexpect

from syncer.cli.exits import Exit
from tests.cli.conftest import EndedDemo

Syncer = Callable[..., Any]
SYNCER = str(Path(sys.executable).with_name("syncer"))


def test_once_prints_what_came_and_ends(ended_demo: EndedDemo) -> None:
    said = ended_demo.said

    claims = [each for each in said.json["passes"] if each["connector"] == "claims360"]
    assert said.code == Exit.OK
    assert len(claims) == 3
    assert all(each["state"] == "succeeded" and each["counts"]["new"] for each in claims)
    assert said.json["records"]["quote"]["queued"] > 0
    [lived] = said.json["lives"]
    steps = ["unlinked", "linked", "unlinked", "cancelled", "linked"]
    assert [step["to"] for step in lived["timeline"] if step["event"] != "SD 12"] == steps
    [mission] = said.json["interventions"]
    ways = [step["to"] for step in mission["timeline"] if step["from"] != step["to"]]
    assert ways[-4:] == ["quote_pending", "quote_validated", "works_planned", "invoiced"]
    [completed] = said.json["completed"]
    assert completed["missing"] == ["Permis de conduire", "RIB"]
    assert (completed["reminder"], completed["mailed"]) == ("sent", "delivered")
    assert completed["deposits"] == ["delivered", "delivered"]
    assert completed["complete"]
    [dossier] = said.json["dossiers"]
    assert "Mandate" in dossier["first_refused"]
    assert (dossier["sent"], dossier["now"]) == ("delivered", "validated")
    assert dossier["number"]


def test_once_again_on_the_same_folder_goes_on_where_it_was(
    syncer: Syncer, ended_demo: EndedDemo, tmp_path: Path
) -> None:
    folder = ended_demo.copied(tmp_path / "demo").parent

    again = syncer("demo", "--once", "--json", "--data-dir", str(folder))

    assert again.code == Exit.OK
    assert all(each["state"] == "succeeded" for each in again.json["passes"])


def test_piped_demo_says_plain_lines_about_life(demo_output: list[str]) -> None:
    text = "".join(demo_output)

    assert "\x1b" not in text
    assert re.search(r"^syncer demo  API http://127\.0\.0\.1:\d+ ", text)


def test_terminal_shows_links_and_records_live(tmp_path: Path) -> None:
    terminal = pexpect.spawn(
        SYNCER,
        ["demo", "--data-dir", str(tmp_path / "demo")],
        dimensions=(45, 140),
        encoding="utf-8",
        timeout=40,
    )

    terminal.expect("Newest missions and quotes")
    terminal.expect("claims360: attachment stored|at claims360, |record created")
    terminal.sendintr()
    terminal.expect(pexpect.EOF)
    terminal.close()

    assert terminal.exitstatus == Exit.OK
