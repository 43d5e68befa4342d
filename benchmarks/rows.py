"""What SQLite alone takes for W1: the rows of a run of syncer, finished, written once more.

The same tables and indexes under the same settings, a transaction a page of one link; no partner,
no decision, no thread. Nothing that keeps these rows can be quicker.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sqlite3
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.partner import PAGE_ROWS
from benchmarks.subject import FURNISHED, peak_mb

Rows = list[sqlite3.Row]
Page = tuple[Rows, Rows, Rows]


def pages_of(loaded: Path) -> tuple[dict[str, Rows], list[Page]]:
    """Read what a run stored: what was there before it, and its pages, the links in turn."""
    with closing(sqlite3.connect(loaded)) as connection:
        connection.row_factory = sqlite3.Row

        def all_of(table: str) -> Rows:
            return connection.execute(f"SELECT * FROM {table} ORDER BY rowid").fetchall()

        furnished = {table: all_of(table) for table in FURNISHED}
        files = {row["id"]: row for row in all_of("claim_file")}
        changes: defaultdict[str, Rows] = defaultdict(list)
        for row in all_of("change"):
            changes[row["subject_id"]].append(row)
        by_link: defaultdict[str, Rows] = defaultdict(list)
        for row in all_of("record"):
            by_link[row["repairer"]].append(row)
    return furnished, list(_in_turn(by_link, files, changes))


def _in_turn(
    by_link: dict[str, Rows], files: dict[str, sqlite3.Row], changes: dict[str, Rows]
) -> Iterator[Page]:
    for start in range(0, max(map(len, by_link.values())), PAGE_ROWS):
        for rows in by_link.values():
            page = rows[start : start + PAGE_ROWS]
            named = [row["claim_file_id"] for row in page]
            subjects = [id_ for row in page for id_ in (row["id"], row["claim_file_id"])]
            told = [change for id_ in subjects for change in changes[id_]]
            yield [files[id_] for id_ in named], page, told


def write(database: Path, furnished: dict[str, Rows], pages: list[Page]) -> dict[str, Any]:
    """Write the pages into a new store; gives how long that took."""
    from syncer.dispatch.ambient import SystemClock, UuidIds
    from syncer.store import open_store, sqlite_url
    from syncer.store.sqlite import open_writer

    async def make() -> None:
        async with open_store(sqlite_url(database), clock=SystemClock(), ids=UuidIds()):
            pass

    asyncio.run(make())
    with closing(open_writer(database)) as connection:
        for table, rows in furnished.items():
            _insert(connection, table, rows)
        began, cpu = time.perf_counter(), time.process_time()
        for page in pages:
            connection.execute("BEGIN IMMEDIATE")
            for table, rows in zip(("claim_file", "record", "change"), page, strict=True):
                _insert(connection, table, rows)
            connection.execute("COMMIT")
        return {
            "cycle": time.perf_counter() - began,
            "cycle_cpu": time.process_time() - cpu,
            "records": sum(len(records) for _, records, _ in pages),
            "peak_mb": peak_mb(),
        }


def _insert(connection: sqlite3.Connection, table: str, rows: Rows) -> None:
    if rows:
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def main() -> None:
    """Write the rows of a store anew and print how long it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--loaded", type=Path, required=True)
    args = parser.parse_args()
    furnished, pages = pages_of(args.loaded)
    with TemporaryDirectory(dir=args.loaded.parent) as folder:
        found = write(Path(folder) / "syncer.db", furnished, pages)
    print(json.dumps({**found, "process_cpu": time.process_time()}))


if __name__ == "__main__":
    main()
