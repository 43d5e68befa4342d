"""`syncer records`: missions, quotes and the rest, with the filters of the API."""

from __future__ import annotations

from typing import Any

import click

from syncer.cli.client import Json, ServiceClient
from syncer.cli.invocation import Function, Invocation, command
from syncer.cli.output import instant_cell, plain, styled
from syncer.cli.root import root

COLUMNS = (
    "status since",
    "kind",
    "number",
    "plate",
    "repairer",
    "status",
    "intake",
    "taken over",
    "missing documents",
)
_FILTERS = {
    "kind": "Kinds, with commas between.",
    "repairer": "Repairers, with commas between.",
    "connector": "Connectors, with commas between.",
    "intake": "queued, accepted, dismissed, excluded; without it the last two are left out.",
    "taken-over": "yes, no, or outdated.",
    "status": "The partner's statuses, with commas between.",
    "number": "Part of the number.",
    "plate": "Part of the number plate.",
    "name": "Part of the insured's, insurer's or surveyor's name.",
    "make": "Part of the make.",
    "model": "Part of the model.",
    "site": "Part of the site's id or name.",
    "smart-expertise": "true: smart expertises only.",
    "missing-documents": "true: only those whose claim file misses expected documents.",
    "q": "Part of number, plate, name or claim number.",
}


def _filters(function: Function) -> Function:
    for name, text in reversed(_FILTERS.items()):
        click.option(f"--{name}", help=text)(function)
    return function


@command(root, "records")
@_filters
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
async def records(invocation: Invocation, limit: int, **filters: Any) -> None:
    """List records, newest status first; all filters apply at once."""
    async with ServiceClient(invocation.settings()) as service:
        page = await service.get("/v1/records", {**filters, "limit": min(limit, 500)})
        items = page["items"]
        if page["next"] and limit > len(items):
            items = await service.all("/v1/records", filters, most=limit)
    invocation.output.table(
        {"items": items, "total": page["total"]},
        COLUMNS,
        [record_row(each) for each in items],
        nothing="No records match.",
        summary=f"{len(items)} of {page['total']}",
    )


def record_row(record: Json) -> tuple[str, ...]:
    """Give the cells of a record's row."""
    return (
        instant_cell(record.get("status_changed_at")),
        plain(record["kind"]),
        plain(record.get("number") or record.get("partner_ref")),
        plain((record.get("vehicle") or {}).get("plate")),
        plain(record["repairer"]),
        plain(record.get("status")),
        styled((record.get("intake") or {}).get("state")),
        plain(_taken_over(record)),
        plain(record.get("missing_documents") or ""),
    )


def _taken_over(record: Json) -> str:
    version = record.get("taken_over_version")
    if record.get("taken_over_at") is None:
        return "no"
    return "yes" if version == record.get("version") else "outdated"
