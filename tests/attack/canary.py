"""Secrets that are unlike anything else, and the search for them in whatever was written."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

_ODD = 'Zq"\\/+ %&=<>~'
"""Characters that every encoding spells in its own way."""


def make_canary() -> str:
    """Draw a secret that holds whatever is escaped anywhere."""
    return f"{secrets.token_hex(12)}{_ODD}{secrets.token_hex(12)}"


def spellings(secret: str) -> dict[str, bytes]:
    """Give what a secret may look like, by the name of the encoding."""
    raw = secret.encode()
    found = {
        "raw": raw,
        "reversed": raw[::-1],
        "URL": quote(secret, safe="").encode(),
        "form": quote_plus(secret).encode(),
        "path": quote(secret).encode(),
        "JSON": json.dumps(secret)[1:-1].encode(),
        "JSON with slashes": json.dumps(secret)[1:-1].replace("/", "\\/").encode(),
        "JSON twice": json.dumps(json.dumps(secret)[1:-1])[1:-1].encode(),
        "repr": repr(secret)[1:-1].encode(),
        "hex": raw.hex().encode(),
        "HEX": raw.hex().upper().encode(),
        "UTF-16": secret.encode("utf-16-le"),
        "MD5": hashlib.md5(raw).hexdigest().encode(),
        "SHA-1": hashlib.sha1(raw).hexdigest().encode(),
        "SHA-256": hashlib.sha256(raw).hexdigest().encode(),
        "SHA-256 as bytes": hashlib.sha256(raw).digest(),
        "its first half": raw[: len(raw) // 2],
        "its last half": raw[len(raw) // 2 :],
    }
    for before in range(3):
        core = base64.b64encode(bytes(before) + raw)[4:-4]
        found[f"base64 from {before}"] = core
        found[f"URL-safe base64 from {before}"] = core.translate(bytes.maketrans(b"+/", b"-_"))
    return found


def sightings(
    canaries: Mapping[str, str], places: Iterable[tuple[str, bytes]]
) -> Iterator[tuple[str, str, str]]:
    """Give where which secret stands in which spelling."""
    known = [
        (name, how, spelling)
        for name, secret in canaries.items()
        for how, spelling in spellings(secret).items()
    ]
    for place, content in places:
        for name, how, spelling in known:
            if spelling in content:
                yield place, name, how


def files_of(folder: Path, *, but: Iterable[str] = ()) -> Iterator[tuple[str, bytes]]:
    """Give all files below a folder with their names and contents."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in but:
            yield str(path.relative_to(folder)), path.name.encode() + b"\n" + path.read_bytes()
