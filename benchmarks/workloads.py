"""The workloads: what is prepared, what is run in turn, and what comes of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks import running
from benchmarks.environments import NotInstalledError
from benchmarks.running import Partner, Result

CYCLES = ("--warm", "1", "--cycles", "3")
CHANGED = ("--changed", "0.01")
Runs = dict[str, list[Result]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What all workloads need. ``scale`` divides sizes for a quick look."""

    partner: Partner
    work: Path
    runs: int
    scale: int
    peers: bool

    def links(self, number: int) -> int:
        """Give a number of links at this scale."""
        return max(8, number // self.scale)

    @property
    def url(self) -> str:
        """The partner's address."""
        return self.partner.base_url


def side_by_side(bench: Bench, subjects: dict[str, Callable[[], Result]]) -> Runs:
    """Run the subjects in turn, as often as asked for; one that cannot be installed says why."""
    found: Runs = {name: [] for name in subjects}
    for _ in range(bench.runs):
        for name, subject in subjects.items():
            try:
                found[name].append(subject())
            except NotInstalledError as error:
                found[name] = [{"failed": str(error)}]
    return found


def first_load(bench: Bench, *, links: int = 50, rows: int = 1000, peers: bool = True) -> Runs:
    """W1: many new records into an empty store."""
    links = bench.links(links)
    bench.partner.world(links, rows)
    new = running.prepare(bench.work / f"new-{links}", bench.url, links)
    subjects: dict[str, Callable[[], Result]] = {
        "floor": lambda: running.floor(bench.work / "none.db", bench.url, links),
        "syncer": lambda: running.syncer("cycles", new, bench.url),
    }
    if peers and bench.peers:
        subjects["rows alone"] = lambda: running.rows_alone(new)
        subjects["dlt"] = lambda: running.dlt(bench.work / "dlt", bench.url, links)
        subjects["singer"] = lambda: _new_singer(bench, links)
    return side_by_side(bench, subjects)


def _new_singer(bench: Bench, links: int) -> Result:
    shutil.rmtree(bench.work / "singer", ignore_errors=True)
    return running.singer(bench.work / "singer", bench.url, links)


def idle(bench: Bench, *, links: int = 2000, rows: int = 25, delay_ms: int = 0) -> Runs:
    """W2 and L: nothing changed."""
    links = bench.links(links)
    loaded, database = _loaded(bench, links, rows)
    bench.partner.control(f"delay?ms={delay_ms}")
    subjects: dict[str, Callable[[], Result]] = {
        "floor": lambda: running.floor(database, bench.url, links, *CYCLES),
        "syncer": lambda: running.syncer("cycles", loaded, bench.url, *CYCLES),
    }
    if bench.peers and not delay_ms and rows > 1:
        subjects["dlt"] = lambda: running.dlt(bench.work / "dlt", bench.url, links, *CYCLES)
        _new_singer(bench, links)
        subjects["singer"] = lambda: running.singer(bench.work / "singer", bench.url, links)
    return side_by_side(bench, subjects)


def changed(bench: Bench, *, links: int = 2000, rows: int = 25) -> Runs:
    """W3: one record of a hundred changed before each cycle."""
    links = bench.links(links)
    loaded, database = _loaded(bench, links, rows)
    options = (*CYCLES, *CHANGED)

    def anew(run: Callable[[], Result]) -> Callable[[], Result]:
        def run_anew() -> Result:
            bench.partner.world(links, rows)
            return run()

        return run_anew

    subjects = {
        "floor": anew(lambda: running.floor(database, bench.url, links, *options)),
        "syncer": anew(lambda: running.syncer("cycles", loaded, bench.url, *options)),
    }
    if bench.peers:
        subjects["dlt"] = anew(lambda: running.dlt(bench.work / "dlt", bench.url, links, *options))
    return side_by_side(bench, subjects)


def refresh(bench: Bench) -> Runs:
    """W4: a refresh of one link with one change, again and again, while idle cycles run."""
    links = bench.links(2000)
    loaded, _ = _loaded(bench, links, 25)

    def run() -> Result:
        bench.partner.world(links, 25)
        count = str(max(30, 300 // bench.scale))
        return running.syncer("refresh", loaded, bench.url, "--refreshes", count)

    return side_by_side(bench, {"syncer": run})


def interval(bench: Bench) -> Runs:
    """W5: 50,000 links over one whole interval, on a clock that goes ten times as fast."""
    links = bench.links(50_000)
    loaded, _ = _loaded(bench, links, 0, floor=False)
    return {"syncer": [running.syncer("interval", loaded, bench.url, "--speed", "10")]}


def memory(bench: Bench) -> Runs:
    """What one more idle link costs: the process after cycles over few links and over many."""
    found: Runs = {}
    for links in (bench.links(2000), bench.links(8000)):
        loaded, _ = _loaded(bench, links, 0, floor=False)
        runs = [
            running.syncer("memory", loaded, bench.url, "--links", str(links))
            for _ in range(bench.runs)
        ]
        for one in runs:
            one["links"] = links
        found[str(links)] = runs
    return found


def _loaded(bench: Bench, links: int, rows: int, *, floor: bool = True) -> tuple[Path, Path]:
    """Give a loaded folder and database for a world, and begin that world."""
    bench.partner.world(links, rows)
    name = f"loaded-{links}-{rows}"
    folder = running.prepare(bench.work / name, bench.url, links, "--load")
    database = bench.work / f"{name}.db"
    if floor:
        running.prepare_floor(database, bench.url, links)
    return folder, database


def median_of(runs: list[Result], name: str) -> float:
    """Give the median of one measure."""
    return median(float(run[name]) for run in runs)
