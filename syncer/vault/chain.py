"""MACs of the audit chain: each covers its entry and the MAC before it."""

from __future__ import annotations

import hmac
import json

from syncer.domain.instants import to_micros
from syncer.domain.stored import AuditEntry
from syncer.vault.encoding import length_prefixed

NO_KEY = bytes(32)
"""Of chains opened while the vault was sealed: they show accidents, not intent."""


def mac_of(key: bytes, previous: AuditEntry | None, entry: AuditEntry) -> bytes:
    """Give the MAC that the entry must have after ``previous``, whatever it has."""
    before = previous.mac if previous else b""
    return hmac.digest(key, length_prefixed(before, _canonical(entry)), "sha256")


def _canonical(entry: AuditEntry) -> bytes:
    values = {
        "seq": entry.seq,
        "chain": entry.chain,
        "at": to_micros(entry.at),
        "action": entry.action,
        "actor": entry.actor,
        "repairer": entry.repairer,
        "connector": entry.connector,
        "detail": dict(entry.detail),
    }
    return json.dumps(values, sort_keys=True, separators=(",", ":")).encode()
