"""Sizes, names and words: how code reads here."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from syncer.domain import errors

ROOT = Path(__file__).parents[2]
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
USUAL_FUNCTION = 25
USUAL_SHARE = 0.9
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager"}
BROAD = {"Exception", "BaseException"}
SWALLOWS_ALL = {
    "syncer/plugins/loader.py",  # a connector's import and hook are its own code
    "syncer/services/guard.py",  # the wall around a connector's calls
    "syncer/services/completing.py",  # a connector's plain functions
    "syncer/services/attempts.py",  # the end of an attempt, whatever happened in it
    "syncer/services/pass_end.py",  # the end of a pass, whatever happened in it
    "syncer/dispatch/local.py",  # the work boundary
    "syncer/store/sqlite_thread.py",  # errors cross to whoever waits in another thread
    "syncer/bootstrap/upkeep.py",  # what runs in the background must go on
    "syncer/web/application.py",  # the API's border
    "syncer/cli/__init__.py",  # the process top
}
LONG_MODULES = {"syncer/ports/store.py"}  # every repository's protocol, in one place on purpose


def _sources() -> list[Path]:
    found = [*ROOT.glob("syncer/**/*.py"), *ROOT.glob("connectors/*/syncer_*/**/*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def _texts() -> Iterator[tuple[str, str]]:
    folders = ("syncer", "connectors", "tests", "docs", "benchmarks")
    kinds = {".py", ".md", ".toml", ".html", ".js", ".css", ".ini"}
    for path in sorted(path for folder in folders for path in (ROOT / folder).rglob("*")):
        if path.suffix in kinds and "__pycache__" not in path.parts:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
    for name in ("README.md", "Makefile", "pyproject.toml", "requirements.lock", "Dockerfile"):
        yield name, (ROOT / name).read_text(encoding="utf-8")


def _functions(file: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            if body:
                lines = (body[-1].end_lineno or 0) - body[0].lineno + 1
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", lines


def test_modules_are_short() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in _sources()
        if (lines := len(file.read_text(encoding="utf-8").splitlines())) > LONGEST_MODULE
    }

    assert long.keys() == LONG_MODULES


def test_no_function_is_long() -> None:
    long = {
        name: lines
        for file in _sources()
        for name, lines in _functions(file)
        if lines > LONGEST_FUNCTION
    }

    assert long == {}


def test_most_functions_are_short() -> None:
    sizes = [lines for file in _sources() for _, lines in _functions(file)]

    short = sum(lines <= USUAL_FUNCTION for lines in sizes)
    assert short / len(sizes) >= USUAL_SHARE


def test_no_file_has_an_empty_name() -> None:
    assert [file for file in _sources() if file.stem in EMPTY_NAMES] == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in _sources()
        if not ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    ]

    assert silent == []


def test_errors_are_swallowed_whole_at_the_known_boundaries_only() -> None:
    swallowing = {
        str(file.relative_to(ROOT))
        for file in _sources()
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ExceptHandler) and _is_broad(node) and not _raises_again(node)
    }

    assert swallowing - SWALLOWS_ALL == set()


def _is_broad(handler: ast.ExceptHandler) -> bool:
    caught = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(each is None or (isinstance(each, ast.Name) and each.id in BROAD) for each in caught)


def _raises_again(handler: ast.ExceptHandler) -> bool:
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def test_every_error_has_a_code_and_says_who_acts() -> None:
    found = [
        value
        for value in vars(errors).values()
        if inspect.isclass(value) and issubclass(value, errors.SyncerError)
    ]

    assert all(each.__doc__ and each.code for each in found)
    assert all(each.__name__.endswith("Error") for each in found)


def test_nothing_is_left_for_later() -> None:
    marks = ["TO" + "DO", "FIX" + "ME", "X" * 3 + ":"]

    left = [name for name, text in _texts() if any(mark in text for mark in marks)]

    assert left == []


def test_no_text_names_a_package_index_or_a_machine() -> None:
    hosts = ["py" + "pi.org", "python" + "hosted.org", "index" + "-url", "/wo" + "rk/ma" + "in"]

    named = [(name, host) for name, text in _texts() for host in hosts if host in text]

    assert [pair for pair in named if pair != ("Makefile", hosts[2])] == []
