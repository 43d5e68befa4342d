"""Keys that must outlive every root key: of the audit chains, and of fingerprints.

They are drawn once and rest in the store, sealed under a root key. A rotation seals the same keys
anew, so audit chains and remembered fingerprints go on. That they open shows that the key file
belongs to the store: they are the canary.

Source: docs/decisions/0003-keys-that-outlive-the-root-key.md.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from syncer.vault.encoding import KEY_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKeys:
    """The keys, and the kids of all root keys that were ever active."""

    fingerprint: bytes = field(repr=False)
    audit: Mapping[int, bytes] = field(repr=False)
    seen: frozenset[bytes] = frozenset()

    @classmethod
    def draw(cls) -> HeldKeys:
        """Draw new keys; no audit chain yet."""
        return cls(fingerprint=os.urandom(KEY_BYTES), audit={})

    @property
    def chain(self) -> int:
        """The audit chain that entries are added to."""
        return max(self.audit)

    def with_chain(self, chain: int) -> HeldKeys:
        """Add the key of a new audit chain."""
        return replace(self, audit={**self.audit, chain: os.urandom(KEY_BYTES)})

    def having_seen(self, kid: bytes) -> HeldKeys:
        """Take note of an active root key."""
        return replace(self, seen=self.seen | {kid})

    def to_bytes(self) -> bytes:
        """Write them for sealing."""
        values = {
            "audit": {str(chain): key.hex() for chain, key in self.audit.items()},
            "fingerprint": self.fingerprint.hex(),
            "seen": sorted(kid.hex() for kid in self.seen),
        }
        return json.dumps(values).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> HeldKeys:
        """Read what ``to_bytes`` wrote."""
        values = json.loads(data)
        return cls(
            fingerprint=bytes.fromhex(values["fingerprint"]),
            audit={int(chain): bytes.fromhex(key) for chain, key in values["audit"].items()},
            seen=frozenset(bytes.fromhex(kid) for kid in values["seen"]),
        )
