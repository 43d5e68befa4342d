"""What the documents say is there: commands, options, files, attention entries."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from syncer.cli import root
from syncer.cli.exits import Exit

ROOT = Path(__file__).parents[2]
WORDS = frozenset(root.list_commands(click.Context(root)))
DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "operations.md"]
_LINK = re.compile(r"\]\(([^)#]+)\)")
_CALL = re.compile(r"(?:^|[`/ ])syncer ((?:[a-z-]+ ?)[^`\n#]*)")
_TARGET = re.compile(r"\bmake ([a-z]+)")


def _calls(document: Path) -> Iterator[list[str]]:
    """Give the words after ``syncer`` wherever a document shows a command."""
    text = document.read_text(encoding="utf-8")
    shown = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"```sh\n(.*?)```", text, re.DOTALL)]
    for piece in shown:
        for line in piece.splitlines():
            for call in _CALL.findall(line):
                words = shlex.split(call.replace("...", "x"))
                if words and words[0] in WORDS:
                    yield words


def _resolve(words: list[str]) -> tuple[click.Command, list[str]]:
    command: click.Command = root
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    return command, rest


ALL_CALLS = [(file.name, words) for file in DOCUMENTS for words in _calls(file)]


def test_documents_show_commands() -> None:
    assert len(ALL_CALLS) > 15


@pytest.mark.parametrize(
    ("document", "words"),
    ALL_CALLS,
    ids=[f"{name}-{n}-{' '.join(words)}" for n, (name, words) in enumerate(ALL_CALLS)],
)
def test_shown_command_and_its_options_exist(document: str, words: list[str]) -> None:
    command, rest = _resolve(words)

    known = {option for parameter in command.params for option in parameter.opts}
    shown = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--help"}
    assert not isinstance(command, click.Group) or not rest
    assert shown <= known


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document: Path) -> None:
    targets = [
        target
        for target in _LINK.findall(document.read_text(encoding="utf-8"))
        if "://" not in target
    ]

    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_readme_names_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    shown = set(_TARGET.findall((ROOT / "README.md").read_text(encoding="utf-8")))

    assert shown == {"run", "test"}
    assert all(f"\n{target}:" in makefile for target in shown)


def test_operations_explain_every_attention_entry() -> None:
    files = (ROOT / "syncer" / "services").glob("attention*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in files)
    kinds = set(re.findall(r'"kind": "(\w+)"', source)) | {
        "credentials_rejected",
        "link_unavailable",
    }
    explained = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert {kind for kind in kinds if f"| `{kind}` |" not in explained} == set()


def test_operations_explain_every_exit_code() -> None:
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").split("Exit codes")[1]

    assert [code for code in Exit if not re.search(rf"\b{code.value} \w", text)] == []


def test_every_command_explains_itself() -> None:
    silent = [
        command.name
        for group in [root, *[c for c in root.commands.values() if isinstance(c, click.Group)]]
        for command in group.commands.values()
        if not command.help
    ]

    assert silent == []
