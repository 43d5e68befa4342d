"""The last wall before the log: known secrets are cut out of every line, in all usual spellings.

A line is searched once, whatever the number of secrets: at each place the next four characters are
looked up, and of the spellings that begin so, longest first, each length is tried. A secret shorter
than four characters is not searched for, since it would tear holes into ordinary words.
"""

from __future__ import annotations

import base64
import json
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

MASK = "[redacted]"
SHORTEST = 4
_SHORTEST_BASE64 = 8
_MOST_SECRETS = 10_000


class KnownSecrets:
    """Values that must never be written; past ``most`` those unused for longest are forgotten."""

    def __init__(self, *, most: int = _MOST_SECRETS) -> None:
        self._most = most
        self._secrets: OrderedDict[str, None] = OrderedDict()
        self._spellings: set[str] = set()
        self._lengths: dict[str, tuple[int, ...]] = {}

    def __len__(self) -> int:
        return len(self._secrets)

    def __contains__(self, value: object) -> bool:
        return value in self._secrets

    def add(self, values: Iterable[str], *, but: Iterable[str] = ()) -> None:
        """Take note of secrets; ``but`` are words that stay readable even when they are one.

        Quick for values that are known already.
        """
        for value in values:
            if value in self._secrets:
                self._secrets.move_to_end(value)
            elif len(value) >= SHORTEST and value not in but:
                self._learn(value)

    def mask(self, text: str) -> str:
        """Replace every known secret in the text."""
        lengths_of = self._lengths
        pieces: list[str] = []
        start = place = 0
        last = len(text) - SHORTEST if lengths_of else -1
        while place <= last:
            lengths = lengths_of.get(text[place : place + SHORTEST])
            hit = lengths and self._hit(lengths, text, place)
            if not hit:
                place += 1
                continue
            pieces += (text[start:place], MASK)
            start = place = place + hit
        return "".join((*pieces, text[start:])) if pieces else text

    def _hit(self, lengths: tuple[int, ...], text: str, place: int) -> int:
        known = self._spellings
        return next((each for each in lengths if text[place : place + each] in known), 0)

    def _learn(self, value: str) -> None:
        self._secrets[value] = None
        spellings = set(_spellings(value))
        self._spellings.update(spellings)
        for spelling in spellings:
            head = spelling[:SHORTEST]
            lengths = {*self._lengths.get(head, ()), len(spelling)}
            self._lengths[head] = tuple(sorted(lengths, reverse=True))
        if len(self._secrets) > self._most:
            self._forget_older_half()

    def _forget_older_half(self) -> None:
        newer = list(self._secrets)[len(self._secrets) // 2 :]
        self._secrets.clear()
        self._spellings.clear()
        self._lengths.clear()
        self.add(newer)


def _spellings(value: str) -> Iterator[str]:
    raw = value.encode("utf-8", "surrogatepass")
    quoted = (quote(raw, safe=""), quote_plus(raw), quote(raw))
    yield value
    yield from quoted
    yield from (_lower_escapes(each) for each in quoted)
    yield json.dumps(value)[1:-1]
    yield json.dumps(value, ensure_ascii=False)[1:-1]
    yield repr(value)[1:-1]
    yield raw.hex()
    yield raw.hex().upper()
    yield from _base64_spellings(raw)


def _lower_escapes(quoted: str) -> str:
    head, *escapes = quoted.split("%")
    return "%".join((head, *(each[:2].lower() + each[2:] for each in escapes)))


def _base64_spellings(raw: bytes) -> Iterator[str]:
    """Spell what stands in base64 text for the value, wherever in the encoded bytes it begins."""
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + raw)
        first = -(-before * 8 // 6)
        end = (before + len(raw)) * 8 // 6
        core = encoded[first:end].decode()
        if len(core) >= _SHORTEST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")


known_secrets = KnownSecrets()
"""The secrets that this process has met; whoever opens or receives one adds it."""
