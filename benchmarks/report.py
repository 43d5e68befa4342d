"""The page of results: RESULTS.md, made from results.json and the text of notes.md."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.environments import HERE, NotInstalledError, python_of, version_of
from benchmarks.workloads import Runs, median_of

MADE_BY = (
    "Made by `make bench`; medians of runs made in turn, each in a process of its own. "
    "Ratios carry over to other machines, seconds do not."
)
PAGE = HERE / "RESULTS.md"
NOTES = HERE / "notes.md"
SUBJECTS = ("floor", "rows alone", "syncer", "dlt", "singer")
_OURS = ("aiohttp", "aiosqlite", "msgspec", "pydantic", "sqlalchemy", "uvloop")
_PEERS = {"floor": ("aiohttp", "orjson"), "dlt": ("dlt",), "singer": ("singer-sdk",)}
IDEAL_L_SECONDS = 2000 / 64 * 0.05
_TARGETS = {
    "W1": "at most 2.5 x floor, 4 x faster than dlt, under 150 MB",
    "W2": "at most 2 x floor",
    "W3": "at most 2.5 x floor, under 150 MB",
    "L": "at least 85 % of what 64 at once allow",
    "W4": "p99 at most 30 ms over the partner's own answer",
    "W5": "under 60 % of one core, no pass later than a minute",
    "memory": "under 1 KB an idle link",
}


def now() -> str:
    """Give the present minute."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def about() -> dict[str, Any]:
    """Say what was measured on what."""
    versions = {name: version(name) for name in _OURS}
    for peer, names in _PEERS.items():
        try:
            python = python_of(peer)
        except NotInstalledError:
            continue
        versions |= {f"{peer}: {name}": version_of(python, name) for name in names}
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": sys.version.split()[0],
        "sqlite": sqlite3.sqlite_version,
        "versions": versions,
    }


def _processor() -> str:
    with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
        return next((line.partition(":")[2].strip() for line in lines if "model name" in line), "")


def line_of(name: str, runs: Runs) -> str:
    """Give one workload in one line, for whoever watches."""
    return f"{name}: " + "; ".join(_short(subject, found) for subject, found in runs.items())


def _short(subject: str, found: list[dict[str, Any]]) -> str:
    if "failed" in found[0]:
        return f"{subject} {found[0]['failed']}"
    shown = ("cycle", "cycle_cpu", "peak_mb", "median", "p99", "cpu_share", "late_most")
    shown += ("late_median", "resident_kb")
    parts = [f"{name} {median_of(found, name):.4g}" for name in shown if name in found[0]]
    return f"{subject} {' '.join(parts)}"


def write(known: dict[str, Any]) -> None:
    """Write the page."""
    parts = [
        "# Results",
        MADE_BY,
        _machine(known["about"]),
        _against_floor(known),
        *_others(known),
        _sizes(known),
        NOTES.read_text(encoding="utf-8") if NOTES.exists() else "",
    ]
    PAGE.write_text("\n\n".join(part.strip() for part in parts if part.strip()) + "\n")


def _machine(told: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in told["versions"].items())
    return (
        f"{told['machine']}; the partner has one core, the subject the other. "
        f"Python {told['python']}, SQLite {told['sqlite']}, {versions}."
    )


def _against_floor(known: dict[str, Any]) -> str:
    heads = ("workload", "subject", "cycle, s", "x floor", "CPU, s", "x floor")
    heads += ("process CPU, s", "peak, MB", "measured")
    rows = [f"| {' | '.join(heads)} |", "| --- " * len(heads) + "|"]
    for name in ("W1", "W2", "W3", "L"):
        if name in known:
            runs, at = known[name]["runs"], known[name]["at"]
            rows += [_row(name, subject, runs, at) for subject in SUBJECTS if subject in runs]
    return "\n".join(rows)


def _row(name: str, subject: str, runs: Runs, at: str) -> str:
    found, base = runs[subject], runs["floor"]
    if "failed" in found[0]:
        return f"| {name} | {subject} | not installed: {found[0]['failed']} | | | | | | {at} |"
    cells = [
        f"{median_of(found, 'cycle'):.3f}",
        f"{median_of(found, 'cycle') / median_of(base, 'cycle'):.2f}",
        f"{median_of(found, 'cycle_cpu'):.3f}",
        f"{median_of(found, 'cycle_cpu') / median_of(base, 'cycle_cpu'):.2f}",
        f"{median_of(found, 'process_cpu'):.2f}",
        f"{median_of(found, 'peak_mb'):.0f}",
        at,
    ]
    return f"| {name} | {subject} | {' | '.join(cells)} |"


def _others(known: dict[str, Any]) -> list[str]:
    rows = ["| question | wanted | measured |", "| --- | --- | --- |"]
    for name, measured in _answers(known).items():
        rows.append(f"| {name} | {_TARGETS.get(name, '')} | {measured} |")
    return ["\n".join(rows)] if len(rows) > 2 else []


def _answers(known: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in ("W1", "W2", "W3"):
        if name in known:
            found[name] = _answer_of_ratio(known[name]["runs"])
    if "L" in known:
        share = IDEAL_L_SECONDS / median_of(known["L"]["runs"]["syncer"], "cycle")
        found["L"] = f"{share:.0%}"
    if "W4" in known:
        runs = known["W4"]["runs"]["syncer"]
        middle, worst, own = (median_of(runs, key) for key in ("median", "p99", "partner"))
        found["W4"] = (
            f"median {middle * 1000:.1f} ms, p99 {worst * 1000:.1f} ms over {own * 1000:.2f} ms"
        )
    if "W5" in known:
        one = known["W5"]["runs"]["syncer"][0]
        found["W5"] = (
            f"{one['cpu_share']:.1%} of a core, latest pass {one['late_most']:.1f} s "
            f"(median {one['late_median']:.1f} s), peak {one['peak_mb']:.0f} MB"
        )
    if "memory" in known:
        found["memory"] = _growth(known["memory"]["runs"])
    return found


def _answer_of_ratio(runs: Runs) -> str:
    syncer = median_of(runs["syncer"], "cycle")
    parts = [f"{syncer / median_of(runs['floor'], 'cycle'):.2f} x floor"]
    parts += [
        f"{median_of(runs[peer], 'cycle') / syncer:.1f} x faster than {peer}"
        for peer in ("dlt", "singer")
        if peer in runs and "failed" not in runs[peer][0]
    ]
    return ", ".join(parts) + f", peak {median_of(runs['syncer'], 'peak_mb'):.0f} MB"


def _growth(runs: Runs) -> str:
    few, many = sorted(runs.values(), key=lambda found: int(found[0]["links"]))
    more = int(many[0]["links"]) - int(few[0]["links"])
    grown = median_of(many, "resident_kb") - median_of(few, "resident_kb")
    return f"{grown * 1024 / more:.0f} bytes an idle link"


def _sizes(known: dict[str, Any]) -> str:
    rows = ["| size | syncer, s | for one | floor, s |", "| --- | --- | --- | --- |"]
    sizes = [("W1-10", 10_000), ("W1", 50_000), ("W1-100", 100_000)]
    sizes += [("W2-500", 500), ("W2-2000", 2000), ("W2-8000", 8000)]
    for name, units in sizes:
        if name in known:
            runs = known[name]["runs"]
            took = median_of(runs["syncer"], "cycle")
            unit = "records" if name.startswith("W1") else "idle links"
            rows.append(
                f"| {units:,} {unit} | {took:.3f} | {took / units * 1e6:.0f} µs "
                f"| {median_of(runs['floor'], 'cycle'):.3f} |"
            )
    return "\n".join(rows) if len(rows) > 2 else ""
