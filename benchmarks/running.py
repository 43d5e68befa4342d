"""Runs the partner and the subjects, each in a process and on a core of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from benchmarks.environments import HERE, python_of

PARTNER_CORE = max(os.sched_getaffinity(0))
SUBJECT_CORE = min(os.sched_getaffinity(0))
LONGEST_RUN_SECONDS = 1200
Result = dict[str, Any]


class Partner:
    """The running benchmark partner."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url

    def world(self, links: int, rows: int, *, delay_ms: int = 0) -> None:
        """Begin a new world."""
        self.control(f"world?links={links}&rows={rows}")
        self.control(f"delay?ms={delay_ms}")

    def control(self, what: str) -> None:
        """Ask for something that is not measured."""
        with urlopen(f"{self.base_url}/control/{what}", timeout=300) as answer:
            answer.read()


@contextmanager
def partner() -> Iterator[Partner]:
    """Run the partner on its core."""
    command = [sys.executable, "-m", "benchmarks.partner", "--core", str(PARTNER_CORE)]
    with subprocess.Popen(command, cwd=HERE.parent, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Partner(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


def pinned() -> None:
    """Keep the process that is about to start on the subjects' core."""
    os.sched_setaffinity(0, {SUBJECT_CORE})


def run(command: Sequence[str | Path]) -> Result:
    """Run a subject; its last line of output is its result."""
    done = subprocess.run(
        [str(part) for part in command],
        preexec_fn=pinned,
        cwd=HERE.parent,
        capture_output=True,
        text=True,
        timeout=LONGEST_RUN_SECONDS,
        check=False,
        env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )
    if done.returncode:
        raise RuntimeError(f"{command}: {done.stderr[-2000:]}")
    result: Result = json.loads(done.stdout.strip().splitlines()[-1])
    result["complaints"] = done.stderr.count('"level": "error"')
    return result


def syncer(workload: str, folder: Path, base_url: str, *options: str) -> Result:
    """Run a workload of syncer in a copy of a prepared folder, so that each run begins alike."""
    copy = folder.with_name("run")
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    place = ("--folder", copy, "--base-url", base_url)
    return run([sys.executable, HERE / "subject.py", workload, *place, *options])


def rows_alone(folder: Path) -> Result:
    """Write the rows of the last run from a prepared folder once more, with SQLite alone."""
    loaded = folder.with_name("run") / "data" / "syncer.db"
    return run([sys.executable, "-m", "benchmarks.rows", "--loaded", loaded])


def prepare(folder: Path, base_url: str, links: int, *options: str) -> Path:
    """Prepare a folder: links registered and, with ``--load``, their records stored."""
    if not folder.exists():
        folder.mkdir(parents=True)
        place = ("--folder", folder, "--base-url", base_url, "--links", str(links))
        run([sys.executable, HERE / "subject.py", "prepare", *place, *options])
    return folder


def floor(database: Path, base_url: str, links: int, *options: str) -> Result:
    """Run the hand-written script on a copy of a prepared database, or on a new one."""
    copy = database.with_name("floor-run.db")
    for leftover in copy.parent.glob("floor-run.db*"):
        leftover.unlink()
    if database.exists():
        shutil.copy(database, copy)
    return _floor(copy, base_url, links, *options)


def prepare_floor(database: Path, base_url: str, links: int) -> Path:
    """Load the hand-written script's database once."""
    if not database.exists():
        _floor(database, base_url, links)
    return database


def _floor(database: Path, base_url: str, links: int, *options: str) -> Result:
    script = HERE / "peers" / "floor" / "pull.py"
    place = ("--base-url", base_url, "--db", database, "--links", str(links))
    return run([python_of("floor"), script, *place, *options])


def dlt(folder: Path, base_url: str, links: int, *options: str) -> Result:
    """Run dlt in a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    script = HERE / "peers" / "dlt" / "pull.py"
    place = ("--base-url", base_url, "--folder", folder, "--links", str(links))
    return run([python_of("dlt"), script, *place, *options])


def singer(folder: Path, base_url: str, links: int) -> Result:
    """Run tap and target as a pipe, going on from the folder's state where there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    python, place, state = python_of("singer"), HERE / "peers" / "singer", folder / "state.json"
    (folder / "tap.json").write_text(json.dumps({"base_url": base_url, "links": links}))
    (folder / "target.json").write_text(json.dumps({"path": str(folder / "quotes.db")}))
    known = ["--state", state] if state.exists() else []
    commands = (
        [python, place / "tap.py", "--config", folder / "tap.json", *known],
        [python, place / "target.py", "--config", folder / "target.json"],
    )
    began = time.perf_counter()
    with (folder / "errors").open("w") as errors, (folder / "states").open("w") as states:
        pipe = subprocess.PIPE
        tap = subprocess.Popen(commands[0], stdout=pipe, stderr=errors, preexec_fn=pinned)
        target = subprocess.Popen(
            commands[1], stdin=tap.stdout, stdout=states, stderr=errors, preexec_fn=pinned
        )
        assert tap.stdout is not None
        tap.stdout.close()
        used = [os.wait4(process.pid, 0) for process in (tap, target)]
    took = time.perf_counter() - began
    if any(status for _, status, _ in used):
        raise RuntimeError((folder / "errors").read_text()[-2000:])
    state.write_text((folder / "states").read_text().strip().splitlines()[-1])
    cpu = sum(usage.ru_utime + usage.ru_stime for _, _, usage in used)
    peak = sum(usage.ru_maxrss for _, _, usage in used) / 1024
    return {"cycle": took, "cycle_cpu": cpu, "process": took, "process_cpu": cpu, "peak_mb": peak}
