"""`syncer records`: missions, quotes and the rest, with the filters of the API."""

from __future__ import annotations

from typing import Any

from syncer.cli.client import Json
from syncer.cli.invocation import Invocation, command
from syncer.cli.lists import filtered_by, show_newest
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


@command(root, "records")
@filtered_by(_FILTERS)
async def records(invocation: Invocation, limit: int, **filters: Any) -> None:
    """List records, newest status first; all filters apply at once."""
    await show_newest(invocation, "records", filters, limit, COLUMNS, record_row)


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
