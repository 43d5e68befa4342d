"""Messages waiting in a folder: a first pass over all of them, then one over an empty folder.

python -m benchmarks.folders                 10,000 messages, three runs, in turn
python -m benchmarks.folders --files 1000 --runs 1

The floor is the same job by hand: list, sort by ``seq``, parse, insert, move; one transaction of
250 files, WAL with ``synchronous=FULL``. It keeps no history, feed, claim files or secrets, and
trusts the parser and the folder. Each run is a process of its own; its last line is its result.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

MAILBOX = "012345-01"
AT_ONCE = 250
REPAIRER = "garage-7"
SEQ = re.compile(rb'seq="(\d+)"')
START = datetime(2026, 3, 2, 8, tzinfo=UTC)


def fill(root: Path, files: int) -> None:
    """Put messages of some claims into the inbox, named in another order than theirs."""
    from syncer_darva.played_messages import Draft

    inbox = root / MAILBOX / "REC"
    inbox.mkdir(parents=True)
    (root / MAILBOX / "EMI" / "STANDARD").mkdir(parents=True)
    for n in range(1, files + 1):
        claim = f"2026SIN{n % (files // 5 or 1):05d}"
        notice = f"AS-{n}" if n <= files // 5 else None
        draft = Draft(
            type="AS" if notice else "SD",
            id=f"M-{n}",
            claim=claim,
            notice=notice,
            code=None if notice else "12",
            label="Complément d'expertise",
            text="Le dossier a été complété par l'expert, voir le rapport joint. " * 4,
        )
        at = START + timedelta(seconds=n)
        raw = draft.written(seq=n, sent_at=at, subscriber="012345", station="01")
        (inbox / f"{n * 7919 % 1_000_003:07d}.xml").write_bytes(raw)


def floor(root: Path) -> dict[str, float]:
    """Do it by hand."""
    from lxml import etree

    box = root / MAILBOX
    archive = box / "ARCHIVE" / "2026-03"
    archive.mkdir(parents=True)
    with closing(sqlite3.connect(root / "floor.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute(
            "CREATE TABLE message (insurer, id, type, code, seq, sent_at, claim, label, body, "
            "PRIMARY KEY (insurer, id)) WITHOUT ROWID"
        )

        def one_pass() -> float:
            began = time.perf_counter()
            heads = [(SEQ.search(p.read_bytes()), p) for p in (box / "REC").glob("*.xml")]
            ordered = [p for _, p in sorted((int(m[1]), p) for m, p in heads if m)]
            for start in range(0, len(ordered), AT_ONCE):
                page = ordered[start : start + AT_ONCE]
                rows = [_row(etree, path.read_bytes()) for path in page]
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT OR IGNORE INTO message VALUES (?,?,?,?,?,?,?,?,?)", rows)
                db.execute("COMMIT")
                for path in page:
                    path.rename(archive / path.name)
            return time.perf_counter() - began

        return {"first": one_pass(), "empty": one_pass()}


def _row(etree: Any, raw: bytes) -> tuple[Any, ...]:
    root = etree.fromstring(raw)
    given, claim = root.attrib, root.find("claim").get("number")
    insurer, label = root.find("from").get("insurer"), root.findtext("label")
    parts = (given["id"], given["type"], given.get("code"), int(given["seq"]), given["sentAt"])
    return (insurer, *parts, claim, label, raw)


def host(root: Path) -> dict[str, float]:
    """Let the host do it: everything of ``syncer run``, asked over its API."""
    return asyncio.run(_host(root))


async def _host(root: Path) -> dict[str, float]:
    import aiohttp

    from syncer.bootstrap import running
    from syncer.cli.invocation import Invocation
    from syncer.vault import create_key_file

    create_key_file(root / "root.key")
    file = root / "syncer.toml"
    file.write_text(
        f'data_dir = "{root}/data"\nlog_level = "warning"\n[server]\nport = 0\n'
        f'[vault]\nkey_file = "{root}/root.key"\n[sync]\ninterval = "7d"\n'
        f'[connectors.darva]\nenabled = true\nroot = "{root}"\n'
        f'[[repairers]]\nid = "{REPAIRER}"\nname = "Garage"\n'
    )
    async with running(Invocation(file=file).settings()) as service:
        token = service.token_path.read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with aiohttp.ClientSession(service.address, headers=headers) as http:
            link = f"/v1/repairers/{REPAIRER}/links/darva"
            fields = {"subscriber_no": "012345", "station_no": "01"}
            await (await http.put(f"{link}/credentials", json=fields)).read()
            return {"first": await _pass(http), "empty": await _pass(http)}


async def _pass(http: Any) -> float:
    began = time.perf_counter()
    body = {"repairer": REPAIRER, "connector": "darva"}
    started = await (await http.post("/v1/refresh?wait=60", json=body)).json()
    path = f"/v1/passes/{started['passes'][0]['id']}"
    ended = await (await http.get(path)).json()
    assert ended["state"] == "succeeded", ended
    return time.perf_counter() - began


SUBJECTS = {"floor": floor, "syncer": host}


def measured(name: str, root: Path) -> dict[str, float]:
    """Run a subject in this process; gives its times, its CPU and its memory."""
    found = SUBJECTS[name](root)
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu, peak = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
    return {**found, "cpu": cpu, "peak_mib": peak}


def run(name: str, files: int) -> dict[str, float]:
    """Run a subject in a process and a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        fill(root, files)
        command = [sys.executable, "-m", "benchmarks.folders", "--subject", name, "--root", root]
        here = Path(__file__).parents[1]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)
        left = len(list((root / MAILBOX / "REC").iterdir()))
        assert left == 0, f"{left} files were left"
        shutil.rmtree(root)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Compare, or be one of those compared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.folders", description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--subject", choices=SUBJECTS)
    parser.add_argument("--root", type=Path)
    args = parser.parse_args()
    if args.subject:
        print(json.dumps(measured(args.subject, args.root)))
        return
    found: dict[str, list[dict[str, float]]] = {name: [] for name in SUBJECTS}
    for _ in range(args.runs):
        for name in SUBJECTS:
            found[name].append(run(name, args.files))
    print(f"{args.files} messages, {args.runs} runs, {os.cpu_count()} cores, medians")
    for name, runs in found.items():
        mid = {what: median(each[what] for each in runs) for what in runs[0]}
        print(
            f"{name}: first {mid['first']:.2f} s ({args.files / mid['first']:.0f} a second), "
            f"empty {mid['empty'] * 1000:.0f} ms, CPU {mid['cpu']:.2f} s, "
            f"peak {mid['peak_mib']:.0f} MiB"
        )


if __name__ == "__main__":
    main()
