"""What may leave an installation for whoever helps from afar: lists of what is shown, no other.

Nothing here looks for secrets to remove. It takes what is named and safe by its kind: states,
counts, instants, codes, our own ids and names of connectors. Texts that others wrote (partners,
connectors, people) are not among it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final
from urllib.parse import urlsplit

from syncer.observability import Event

Json = dict[str, Any]
Shape = Mapping[str, Any]

NOT_SHOWN: Final = "(not shown)"

_SETTINGS: Final = (
    "data_dir",
    "log_level",
    "server.*",
    "store.blobs",
    "vault.*",
    "retention.*",
    "sync.*",
    "settings.*.queueing",
    "settings.*.interval_seconds",
    "settings.*.start_date",
    "connectors.*.enabled",
    "connectors.*.allow_insecure",
    "connectors.*.settings_group",
    "planning.webhook_secret_file",
    "mail.port",
    "mail.security",
    "mail.password_file",
)
_ADDRESSES: Final = ("connectors.*.base_url", "planning.webhook_url")

_COUNTS: Final = "counts"
"""Numbers under any name."""
_PASS: Final[Shape] = {
    "id": True,
    "repairer": True,
    "connector": True,
    "trigger": True,
    "state": True,
    "pages": True,
    "counts": _COUNTS,
    "error": {"code": True, "retry_at": True},
    "created_at": True,
    "started_at": True,
    "ended_at": True,
}
SHAPES: Final[Mapping[str, Shape]] = {
    "connectors": {"name": True, "enabled": True, "state": True, "version": True, "kinds": True},
    "links": {
        "repairer": True,
        "connector": True,
        "state": True,
        "last_pass": _PASS,
        "last_success_at": True,
        "next_due_at": True,
        "counts": _COUNTS,
    },
    "passes": _PASS,
    "attention": {"kind": True, "repairer": True, "connector": True, "since": True},
}

_LOG_FACTS: Final = frozenset({
    "action", "at", "chain", "changed", "code", "connector", "entries", "generation", "has_key",
    "kid", "left", "level", "logger", "moved", "new", "pass_id", "passes", "repairer", "request_id",
    "roots", "seconds", "state", "tasks", "until", "verified",
})  # fmt: skip
_EVENTS: Final = {str(event): event.phrase for event in Event}
_FRAME: Final = re.compile(r'^\s*File "[^"]*", line \d+, in \S+$')
_RAISED: Final = re.compile(r"^([\w.]+(?:Error|Exception|Exit|Interrupt|Group))\b")
_METRIC: Final = re.compile(r"^(?:syncer|process|python)_\w+(?:\{[\w.=,+\"-]*\})? [\d.e+-]+$")
_LONGEST: Final = 200


def settings_shown(rows: Iterable[Json]) -> list[Json]:
    """Show the settings that are safe to show; of addresses the host, of others the name."""
    return [{**row, "value": _setting(row["name"], row["value"])} for row in rows]


def _setting(name: str, value: Any) -> Any:
    if any(fnmatchcase(name, pattern) for pattern in _SETTINGS):
        return value
    if any(fnmatchcase(name, pattern) for pattern in _ADDRESSES) and value:
        parts = urlsplit(str(value))
        return f"{parts.scheme}://{parts.hostname}"
    return NOT_SHOWN if value else value


def shown(value: Any, shape: Any) -> Any:
    """Take from an answer of the API what its shape names."""
    if isinstance(shape, Mapping):
        if value is None:
            return None
        taken = value if isinstance(value, dict) else {}
        return {name: shown(taken[name], of) for name, of in shape.items() if name in taken}
    if shape == _COUNTS:
        numbers = value if isinstance(value, dict) else {}
        return {name: number for name, number in numbers.items() if isinstance(number, int)}
    if isinstance(value, list):
        return [shown(each, True) for each in value]
    return value if isinstance(value, str | int | float | bool | None) else NOT_SHOWN


def metrics_shown(text: str) -> str:
    """Take the lines of our own metrics."""
    return "".join(f"{line}\n" for line in text.splitlines() if _METRIC.match(line))


def log_shown(lines: Iterable[str]) -> tuple[list[Json], int]:
    """Take from lines of our log the facts that are safe by their name; count the other lines."""
    taken: list[Json] = []
    others = 0
    for line in lines:
        facts = _facts(line)
        if facts is None:
            others += 1
        else:
            taken.append(facts)
    return taken, others


def _facts(line: str) -> Json | None:
    try:
        read = json.loads(line)
    except ValueError:
        return None
    if not isinstance(read, dict) or read.get("event") not in _EVENTS:
        return None
    event = read["event"]
    kept = {name: value for name, value in read.items() if name in _LOG_FACTS and _is_plain(value)}
    facts = {**kept, "event": event, "message": _EVENTS[event]}
    trace = read.get("exception")
    if isinstance(trace, list):
        facts["exception"] = [frame for each in trace if (frame := _frame(str(each)))]
    return facts


def _is_plain(value: Any) -> bool:
    return isinstance(value, int | float | bool | None) or (
        isinstance(value, str) and len(value) <= _LONGEST
    )


def _frame(line: str) -> str | None:
    """Keep where it happened and what was raised, never what was said."""
    if _FRAME.match(line):
        return line
    raised = _RAISED.match(line)
    return raised[1] if raised else None
