"""The demo's one pass over every link."""

from __future__ import annotations

from collections import Counter

from syncer.cli.client import Json
from syncer.cli.demo.stage import Stage
from syncer.cli.exits import Exit
from syncer.cli.output import Output, plain, styled

_COLUMNS = ("repairer", "connector", "pass", "seen", "new", "changed", "excluded", "error")


async def pass_once(stage: Stage, output: Output) -> int:
    """Pass over every link and print what came of it; 0, or 6 when a part failed."""
    _, started = await stage.client.call("POST", "/v1/refresh", query={"wait": 60}, body={})
    passes = [await stage.client.get(f"/v1/passes/{each['id']}") for each in started["passes"]]
    records = await stage.client.all("/v1/records", {"intake": "queued,accepted,excluded"})
    kinds = Counter((str(r["kind"]), str(r["intake"]["state"])) for r in records)
    output.table(
        {"passes": passes, "records": _nested(kinds)},
        _COLUMNS,
        [_row(each) for each in passes],
        nothing="There was no link to pass over.",
    )
    if not output.json:
        for (kind, state), count in sorted(kinds.items()):
            output.show(None, f"{count} {kind}s {styled(state)}")
    has_failed = not passes or any(each["state"] != "succeeded" for each in passes)
    return Exit.PARTLY_FAILED if has_failed else Exit.OK


def _nested(kinds: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    nested: dict[str, dict[str, int]] = {}
    for (kind, state), count in sorted(kinds.items()):
        nested.setdefault(kind, {})[state] = count
    return nested


def _row(each: Json) -> tuple[str, ...]:
    counts, error = each["counts"], each.get("error") or {}
    return (
        plain(each["repairer"]),
        plain(each["connector"]),
        styled(each["state"]),
        plain(counts["seen"]),
        plain(counts["new"]),
        plain(counts["changed"]),
        plain(counts["excluded"]),
        plain(error.get("text")),
    )
