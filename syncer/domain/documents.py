"""Documents of claim files: files that a person handed in, or attachments that were classified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

UNCLASSIFIED = "other"
"""The type of a document that nobody has classified yet."""


TYPE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,99}$"
"""What the id of a document type looks like; it stays when its label changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of a claim file; its content is in the blob store under ``sha256``.

    ``type`` is the id of a document type. ``name`` is harmless text. ``is_attachment`` marks an
    attachment of a record that was classified: it keeps the attachment's id and follows its
    content.
    """

    id: str
    claim_file_id: str
    type: str
    name: str
    content_type: str
    bytes: int
    sha256: str
    at: datetime
    is_attachment: bool = False
