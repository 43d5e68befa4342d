"""`make bench`: measures syncer beside the floor and its peers and writes RESULTS.md.

make bench ARGS=--quick            a look in about a minute, nothing is written
make bench ARGS="--only W2 W3"     some workloads; the others keep their last results
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import report, running, workloads
from benchmarks.environments import CACHE, HERE
from benchmarks.workloads import Bench, Runs

RESULTS = HERE / "results.json"
WORKLOADS: dict[str, Callable[[Bench], Runs]] = {
    "W1": workloads.first_load,
    "W2": workloads.idle,
    "W3": workloads.changed,
    "L": partial(workloads.idle, delay_ms=50),
    "W4": workloads.refresh,
    "W1-10": partial(workloads.first_load, links=10, peers=False),
    "W1-100": partial(workloads.first_load, links=100, peers=False),
    "W2-500": partial(workloads.idle, links=500, rows=0),
    "W2-2000": partial(workloads.idle, links=2000, rows=0),
    "W2-8000": partial(workloads.idle, links=8000, rows=0),
    "memory": workloads.memory,
    "W5": workloads.interval,
}
QUICK = ("W1", "W2", "W3", "L", "W4")


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, one run, no peers")
    parser.add_argument("--only", nargs="+", choices=WORKLOADS, default=None)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--no-peers", action="store_true")
    args = parser.parse_args()
    names = args.only or (QUICK if args.quick else tuple(WORKLOADS))
    CACHE.mkdir(exist_ok=True)
    found: dict[str, Any] = {}
    with running.partner() as partner, tempfile.TemporaryDirectory(dir=CACHE) as work:
        bench = Bench(
            partner=partner,
            work=Path(work),
            runs=1 if args.quick else args.runs,
            scale=10 if args.quick else 1,
            peers=not (args.quick or args.no_peers),
        )
        for name in names:
            found[name] = {"at": report.now(), "runs": WORKLOADS[name](bench)}
            print(report.line_of(name, found[name]["runs"]), flush=True)
            if not args.quick:
                _keep({name: found[name]})


def _keep(found: dict[str, Any]) -> None:
    """Lay new results over the last ones and write the page."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known.update(found)
    known["about"] = report.about()
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    report.write(known)


if __name__ == "__main__":
    main()
