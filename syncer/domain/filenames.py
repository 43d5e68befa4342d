"""File names from outside: text, never a path."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 150
_LONGEST_ENDING = 10
_NOT_IN_NAMES = frozenset('/\\:*?"<>|%;')


def safe_name(name: str) -> str:
    """Leave of a name what no system takes for a path, a command or another writing direction."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(
        sign
        for sign in unicodedata.normalize("NFC", last)
        if sign not in _NOT_IN_NAMES and unicodedata.category(sign)[0] != "C"
    )
    return _shortened(kept.strip(" ."))


def _shortened(name: str) -> str:
    if len(name) <= LONGEST_NAME:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending) > _LONGEST_ENDING:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
