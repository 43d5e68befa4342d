"""The documentation page: shows the OpenAPI document, with nothing from elsewhere."""

from __future__ import annotations

from importlib.resources import files

from syncer.web.answers import Answer
from syncer.web.routes import Call, Route, route

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def documentation_routes() -> list[Route]:
    """Make the routes of the page and of its files; they need no token, the document does."""
    return [
        _file("/docs", "docs.html", "text/html"),
        _file("/docs/docs.css", "docs.css", "text/css"),
        _file("/docs/docs.js", "docs.js", "text/javascript"),
    ]


def _file(path: str, name: str, media_type: str) -> Route:
    content = files("syncer.web").joinpath("static", name).read_bytes()
    headers = {
        "Content-Type": f"{media_type}; charset=utf-8",
        "Content-Security-Policy": _POLICY,
    }

    @route(
        "GET",
        path,
        summary=f"Documentation page ({name})",
        tag="health",
        answers={200: None},
        media_type=media_type,
        is_open=True,
    )
    async def documentation(_call: Call[None, None]) -> Answer:
        return Answer(200, content, headers)

    return documentation
