"""The floor: the same job by hand, without any abstraction.

aiohttp, 64 at once, keep-alive, orjson; one executemany and one transaction a page. Durable as the
host is: WAL with synchronous=FULL. It keeps no history, no feed, no decisions, and no secrets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import time
from statistics import median

import aiohttp
import orjson

AT_ONCE = 64
SCHEMA = """
CREATE TABLE IF NOT EXISTS link (id INTEGER PRIMARY KEY, position INTEGER, etag TEXT);
CREATE TABLE IF NOT EXISTS quote (
    link INTEGER, id TEXT, version INTEGER, status TEXT, changed_at TEXT, number TEXT, plate TEXT,
    vin TEXT, make TEXT, insured TEXT, claim_number TEXT, gross TEXT, body BLOB,
    PRIMARY KEY (link, id)
);
"""
UPSERT = """
INSERT INTO quote VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (link, id) DO UPDATE SET version = excluded.version, status = excluded.status,
    changed_at = excluded.changed_at, number = excluded.number, plate = excluded.plate,
    vin = excluded.vin, make = excluded.make, insured = excluded.insured,
    claim_number = excluded.claim_number, gross = excluded.gross, body = excluded.body
"""


def row_of(link, quote):
    vehicle, insurer = quote["vehicle"], quote["insurer"]
    return (
        link,
        quote["id"],
        quote["version"],
        quote["status"],
        quote["changed_at"],
        quote["number"],
        vehicle["plate"],
        vehicle["vin"],
        vehicle["make"],
        quote["insured"]["name"],
        insurer["claim_number"],
        quote["totals"]["gross"]["amount"],
        orjson.dumps(quote),
    )


async def pull(session, db, base_url, link, position, etag):
    headers = {"Authorization": f"Bearer token-{link}"}
    if etag:
        headers["If-None-Match"] = etag
    more = True
    while more:
        async with session.get(f"{base_url}/quotes?after={position}", headers=headers) as response:
            if response.status == 304:
                return
            body = await response.read()
        page = orjson.loads(body)
        more, position = page["more"], int(page["next"])
        etag = None if more else response.headers["ETag"]
        db.execute("BEGIN IMMEDIATE")
        db.executemany(UPSERT, [row_of(link, quote) for quote in page["quotes"]])
        db.execute("UPDATE link SET position = ?, etag = ? WHERE id = ?", (position, etag, link))
        db.execute("COMMIT")


async def cycle(session, db, base_url):
    links = iter(db.execute("SELECT id, position, etag FROM link").fetchall())

    async def work():
        for link, position, etag in links:
            await pull(session, db, base_url, link, position, etag)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def run(args):
    db = sqlite3.connect(args.db, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.executescript(SCHEMA)
    rows = [(link,) for link in range(args.links)]
    db.executemany("INSERT OR IGNORE INTO link VALUES (?, 0, NULL)", rows)
    times, cpus = [], []
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        for number in range(args.warm + args.cycles):
            if args.changed and number >= args.warm:
                where = f"{args.base_url}/control/change?share={args.changed}&seed={number}"
                async with session.get(where) as response:
                    await response.read()
            began, cpu = time.perf_counter(), time.process_time()
            await cycle(session, db, args.base_url)
            if number >= args.warm:
                times.append(time.perf_counter() - began)
                cpus.append(time.process_time() - cpu)
    records = db.execute("SELECT count(*) FROM quote").fetchone()[0]
    db.close()
    return {"cycle": median(times), "cycle_cpu": median(cpus), "records": records}


def peak_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--db", required=True)
    parser.add_argument("--links", type=int, required=True)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=1)
    parser.add_argument("--changed", type=float, default=0.0)
    args = parser.parse_args()
    began = time.perf_counter()
    found = asyncio.run(run(args))
    found["process"] = time.perf_counter() - began
    times = os.times()
    found["process_cpu"] = times.user + times.system
    found["peak_mb"] = peak_mb()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
