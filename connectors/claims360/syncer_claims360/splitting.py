"""Taking a list in a JSON object apart without reading what its items hold.

One item that is no JSON at all (``NaN``, half a surrogate pair, nested without end) makes the whole
page unreadable to a JSON decoder; the other items must still be read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice

_TOKEN = re.compile(rb'"(?:[^"\\]++|(?:\\.)++)*+"?+|[][{},]', re.DOTALL)
_MOST_TOKENS = 250_000
"""A page of 200 items has about a tenth; walking more would keep everybody else waiting."""
_DEPTH_OF_FIELDS, _DEPTH_OF_ITEMS = 1, 2


def split_list(body: bytes, name: str) -> tuple[bytes, list[bytes]] | None:
    """Cut out the list that the object has under ``name``.

    Gives the object with an empty list in its place, and the items' bytes; None when the brackets
    do not match, there is no such list, or too much is in it.
    """
    tokens = _with_depth(body)
    start = _find_list(tokens, b'"' + name.encode() + b'"')
    items, item_at = [], start
    for token, depth, at in tokens:
        ends = depth == _DEPTH_OF_FIELDS
        if ends or (token == b"," and depth == _DEPTH_OF_ITEMS):
            items.append(body[item_at:at].strip())
            item_at = at + 1
        if ends:
            return body[:start] + body[at:], [item for item in items if item]
    return None


def _find_list(tokens: Iterator[tuple[bytes, int, int]], key: bytes) -> int:
    last = b""
    for token, depth, at in tokens:
        if token == b"[" and depth == _DEPTH_OF_ITEMS and last == key:
            return at + 1
        last = token
    return 0


def _with_depth(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Walk strings, brackets and commas; the depth is the one after the token."""
    depth = 0
    for found in islice(_TOKEN.finditer(body), _MOST_TOKENS):
        token = found[0]
        if token in b"[{":
            depth += 1
        elif token in b"]}":
            depth -= 1
        yield token, depth, found.start()
