"""The vault: sealing, root keys and their files. Nothing else in the host does cryptography."""

from syncer.vault.hygiene import harden_process
from syncer.vault.keyfile import create_key_file, read_key_file
from syncer.vault.opening import open_vault
from syncer.vault.ring import KeyRingVault

__all__ = ["KeyRingVault", "create_key_file", "harden_process", "open_vault", "read_key_file"]
