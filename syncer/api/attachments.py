"""The content of attachments and documents: a download, never something that a browser runs."""

from __future__ import annotations

from urllib.parse import quote

from syncer.domain.filenames import safe_name
from syncer.services.attachments import Content
from syncer.web import Answer, Call, route

_FALLBACK_TYPE = "application/octet-stream"


@route(
    "GET",
    "/v1/attachments/{id}/content",
    summary="Download the content of an attachment or document; range requests are honoured",
    tag="attachments",
    answers={200: None, 206: None},
    media_type=_FALLBACK_TYPE,
    refusals=(404, 416),
)
async def get_content(call: Call[None, None]) -> Answer:
    """Download an attachment of a record, or a document of a claim file."""
    content = await call.services.attachments.content(call.path["id"])
    headers = {
        "Content-Type": content.content_type or _FALLBACK_TYPE,
        "Content-Disposition": disposition(content),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
    }
    return Answer(200, content.path, headers)


def disposition(content: Content) -> str:
    """Name a download as the partner named the file, made harmless.

    Source: RFC 6266, appendix D (a plain fallback beside the encoded name).
    """
    name = safe_name(content.name or "") or content.id
    plain = "".join(sign if sign.isascii() else "_" for sign in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
