"""Secrets that a partner says back: cut out of its answers before anybody reads or stores them.

Only whole values are looked for, as they were sent and as JSON writes them; that costs two searches
of a body for each secret. What else may be made of a secret meets the log's own wall.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator

from syncer.observability import known_secrets
from syncer.observability.redaction import MASK

SHORTEST = 8
"""A shorter secret is not searched for, since it would tear holes into ordinary words."""

_SAME_IN_JSON = re.compile(r"[A-Za-z0-9._~+=: -]*")


class Echoes:
    """The secrets among the header values that a session sends with every request."""

    __slots__ = ("_in_bytes", "_in_text")

    def __init__(self, sent: Iterable[str]) -> None:
        values = list(sent)
        secrets = [part for value in values for part in _parts(value) if part in known_secrets]
        secrets += [part for value in values for part in _of_basic(value)]
        spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
        self._in_text = sorted(spellings, key=len, reverse=True)
        self._in_bytes = [spelling.encode() for spelling in self._in_text]

    def cut_from_text(self, text: str) -> str:
        """Give a header's value without the secrets."""
        for spelling in self._in_text:
            if spelling in text:
                text = text.replace(spelling, MASK)
        return text

    def cut_from_body(self, body: bytes) -> bytes:
        """Give a body without the secrets; JSON stays JSON."""
        for spelling in self._in_bytes:
            if spelling in body:
                body = body.replace(spelling, MASK.encode())
        return body


def _parts(value: str) -> Iterator[str]:
    """Give a header's value, and what stands behind a scheme such as ``Bearer``."""
    for part in (value, value.partition(" ")[2]):
        if len(part) >= SHORTEST:
            yield part


def _of_basic(value: str) -> Iterator[str]:
    """Give the pair in HTTP Basic, and its password, where that is a secret (RFC 7617)."""
    scheme, _, pair = value.partition(" ")
    if scheme.lower() != "basic":
        return
    try:
        password = base64.b64decode(pair, validate=True).decode().partition(":")[2]
    except ValueError:
        return
    if password in known_secrets:
        yield pair
        if len(password) >= SHORTEST:
            yield password


def _spellings(secret: str) -> Iterator[str]:
    yield secret
    if _SAME_IN_JSON.fullmatch(secret):
        return
    for escaped in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield escaped
        yield escaped.replace("/", "\\/")
