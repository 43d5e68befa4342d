"""What operators read names what there is: commands, metrics, events, kinds of attention."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from syncer.cli import root
from syncer.observability import Event
from syncer.observability.metrics import Metrics

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ATTENTION = sorted((ROOT / "syncer" / "services").glob("attention*.py"))
UNIT = ROOT / "deploy" / "syncer.service"


def section(title: str) -> str:
    """Give a section of the page."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> set[str]:
    """Give the names in the first cells of tables."""
    rows = re.findall(r"^\| (`.*?) \|", text, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([\w.]+)", row)}


def commands() -> dict[str, click.Command]:
    """List all commands by their words."""
    found: dict[str, click.Command] = {}

    def walk(group: click.Group, words: str) -> None:
        group.list_commands(click.Context(group))
        for name, each in group.commands.items():
            if isinstance(each, click.Group):
                walk(each, f"{words}{name} ")
            else:
                found[f"{words}{name}"] = each

    walk(root, "")
    return found


def named_commands() -> set[tuple[str, str]]:
    """List (command, its options as written) that the page names."""
    known = sorted(commands(), key=len, reverse=True)
    flat = TEXT.replace("\n", " ")
    pattern = rf"syncer ({'|'.join(known)})\b([^`|]*)"
    return set(re.findall(pattern, flat))


def test_every_command_on_the_page_exists_with_its_options() -> None:
    known = commands()
    shared = {"--config", "--set", "--json"}

    wrong = {
        (name, option)
        for name, rest in named_commands()
        for option in re.findall(
            r"(?<![\w-])--[a-z-]+", rest.partition(">")[0].partition(" -c ")[0]
        )
        if option not in shared | {o for p in known[name].params for o in p.opts}
        and option not in {"--now", "--no-verify"}
    }

    assert wrong == set()
    assert {"backup", "restore", "diagnostics", "key retire"} <= {
        name for name, _ in named_commands()
    }


def test_every_metric_is_explained() -> None:
    exposed = re.findall(r"^# TYPE (syncer_\w+) ", Metrics().render().decode(), re.MULTILINE)

    assert first_cells(section("What to watch")) >= set(exposed)


def test_every_event_that_is_named_exists() -> None:
    tables = first_cells(section("What to watch"))
    events = {name for name in tables if not name.startswith("syncer_")}

    assert events
    assert events <= {str(event) for event in Event}


def test_every_kind_of_attention_is_explained() -> None:
    source = "".join(path.read_text(encoding="utf-8") for path in ATTENTION)
    kinds = set(re.findall(r'"kind": "(\w+)"', source)) | {
        "credentials_rejected",
        "link_unavailable",
    }

    assert first_cells(section("What needs a person")) == kinds


@pytest.mark.parametrize("path", ["/opt/syncer/bin/syncer", "/etc/syncer/config.toml"])
def test_the_unit_uses_the_places_of_the_page(path: str) -> None:
    assert path in TEXT
    assert path in UNIT.read_text(encoding="utf-8")


def test_every_file_that_is_linked_is_there() -> None:
    for target in re.findall(r"\]\((\.\./[^)]+)\)", TEXT):
        assert (ROOT / "docs" / target).exists(), target
