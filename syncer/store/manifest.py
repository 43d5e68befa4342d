"""What a backup says about itself, in a file of its own that is written last."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from syncer.domain.errors import ConflictError, SchemaUnknownError

MANIFEST_FILE: Final = "manifest.json"
DATABASE_COPY: Final = "syncer.db"
FILES_COPY: Final = "files"
FORMAT: Final = 1
NOT_INCLUDED: Final = ("root key", "API token", "configuration")


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The facts of one backup.

    ``files`` and ``files_bytes`` count the contents; each is named by its SHA-256, and the database
    names them. ``missing`` are those that the database names and the store did not have whole.
    """

    version: str
    schema: str
    sqlite: str
    taken_at: str
    database_bytes: int
    database_sha256: str
    files: int
    files_bytes: int
    missing: tuple[str, ...] = ()

    def write(self, folder: Path) -> None:
        """Write it into the folder of the backup."""
        shown = {"format": FORMAT, **asdict(self), "not_included": NOT_INCLUDED}
        file = folder / MANIFEST_FILE
        file.write_text(json.dumps(shown, indent=2) + "\n", encoding="utf-8")
        file.chmod(0o600)


def read_manifest(folder: Path) -> Manifest:
    """Read what a backup says about itself.

    Raises:
        ConflictError: the folder holds no complete backup.
        SchemaUnknownError: a newer release wrote it.
    """
    try:
        found: dict[str, Any] = json.loads((folder / MANIFEST_FILE).read_text(encoding="utf-8"))
        form = found.pop("format")
        if form != FORMAT:
            raise SchemaUnknownError(f"{folder} is a backup of a form that this release lacks.")
        del found["not_included"]
        return Manifest(**{**found, "missing": tuple(found["missing"])})
    except (FileNotFoundError, NotADirectoryError):
        text = f"{folder} is no complete backup: it has no {MANIFEST_FILE}."
        raise ConflictError("no_backup", text) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        text = f"{folder / MANIFEST_FILE} cannot be read."
        raise ConflictError("backup_damaged", text) from None
