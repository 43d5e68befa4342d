"""The content of attachments: always a download, never something that a browser runs."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote

from syncer.domain.stored import StoredAttachment
from syncer.web import Answer, Call, route

LONGEST_NAME = 150
_FALLBACK_TYPE = "application/octet-stream"
_NOT_IN_NAMES = frozenset('/\\:*?"<>|%;')


@route(
    "GET",
    "/v1/attachments/{id}/content",
    summary="Download the content of an attachment; range requests are honoured",
    tag="attachments",
    answers={200: None, 206: None},
    media_type=_FALLBACK_TYPE,
    refusals=(404, 416),
)
async def get_content(call: Call[None, None]) -> Answer:
    """Download an attachment."""
    stored, path = await call.services.attachments.content(call.path["id"])
    headers = {
        "Content-Type": stored.attachment.content_type or _FALLBACK_TYPE,
        "Content-Disposition": disposition(stored),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, path, headers)


def disposition(stored: StoredAttachment) -> str:
    """Name a download as the partner named the file, made harmless.

    Source: RFC 6266, appendix D (a plain fallback beside the encoded name).
    """
    name = safe_name(stored.attachment.name or "") or stored.id
    plain = "".join(sign if sign.isascii() else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


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
    if not dot or len(ending) > 10:
        return name[:LONGEST_NAME]
    return f"{stem[: LONGEST_NAME - len(ending) - 1]}.{ending}"
