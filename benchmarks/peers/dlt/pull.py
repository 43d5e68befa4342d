"""The same job with dlt into SQLite: one resource over all links, its cursors in dlt's state.

The best setting found: 64 links are asked at once from threads with kept connections, nested parts
stay JSON (``max_table_nesting=0``), rows are merged by their key.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import dlt
import requests

AT_ONCE = 64
_local = threading.local()


def session():
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
    return _local.session


def pages(base_url, link, cursor):
    position, etag = cursor
    more, rows = True, []
    while more:
        headers = {"Authorization": f"Bearer token-{link}"}
        if etag:
            headers["If-None-Match"] = etag
        answer = session().get(f"{base_url}/quotes?after={position}", headers=headers)
        if answer.status_code == 304:
            break
        page = answer.json()
        rows.extend({"link": link, **quote} for quote in page["quotes"])
        more, position = page["more"], int(page["next"])
        etag = None if more else answer.headers["ETag"]
    return link, rows, (position, etag)


@dlt.resource(
    name="quotes", write_disposition="merge", primary_key=("link", "id"), max_table_nesting=0
)
def quotes(base_url, links):
    cursors = dlt.current.resource_state().setdefault("cursors", {})
    with ThreadPoolExecutor(AT_ONCE) as pool:
        asked = [
            pool.submit(pages, base_url, link, cursors.get(str(link), (0, None)))
            for link in range(links)
        ]
        for future in asked:
            link, rows, cursor = future.result()
            cursors[str(link)] = cursor
            if rows:
                yield rows


def run(args):
    pipeline = dlt.pipeline(
        pipeline_name="benchmark",
        pipelines_dir=os.path.join(args.folder, "pipelines"),
        destination=dlt.destinations.sqlalchemy(f"sqlite:///{args.folder}/quotes.db"),
        dataset_name="main",
    )
    times, cpus = [], []
    for number in range(args.warm + args.cycles):
        if args.changed and number >= args.warm:
            requests.get(f"{args.base_url}/control/change?share={args.changed}&seed={number}")
        began, cpu = time.perf_counter(), time.process_time()
        pipeline.run(quotes(args.base_url, args.links))
        if number >= args.warm:
            times.append(time.perf_counter() - began)
            cpus.append(time.process_time() - cpu)
    with pipeline.sql_client() as client:
        records = client.execute_sql("SELECT count(*) FROM quotes")[0][0]
    return {"cycle": median(times), "cycle_cpu": median(cpus), "records": records}


def peak_mb():
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--base-url", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--links", type=int, required=True)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--cycles", type=int, default=1)
    parser.add_argument("--changed", type=float, default=0.0)
    args = parser.parse_args()
    began = time.perf_counter()
    found = run(args)
    found["process"] = time.perf_counter() - began
    times = os.times()
    found["process_cpu"] = times.user + times.system
    found["peak_mb"] = peak_mb()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
