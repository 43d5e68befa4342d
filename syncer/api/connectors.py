"""Routes of the installed connectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from syncer.domain.records import Kind
from syncer.ports.plugins import ConnectorState, Installed
from syncer.web import (
    Answer,
    AnswerModel,
    Call,
    PageQuery,
    cut,
    listing,
    paged,
    read_cursor,
    route,
    write_cursor,
)

_TAG = "connectors"


class ConnectorShape(AnswerModel):
    """An installed connector. One that is not enabled shows `name`, `enabled` and `state` only."""

    name: str
    enabled: bool
    state: ConnectorState
    reason: str | None = Field(None, description="Why it was set aside.")
    superseded_by: str | None = None
    title: str | None = None
    version: str | None = None
    kinds: list[Kind] | None = Field(None, description="Kinds of record that it pulls.")
    operations: list[dict[str, Any]] | None = Field(None, description="What it can send.")
    credentials: dict[str, Any] | None = Field(None, description="JSON Schema of the fields.")
    settings: dict[str, Any] | None = Field(None, description="JSON Schema of a link's settings.")
    wire_format: Literal["vendor", "profile"] | None = None


@route(
    "GET",
    "/v1/connectors",
    summary="List the installed connectors",
    tag=_TAG,
    query=PageQuery,
    answers={200: listing(ConnectorShape)},
)
async def list_connectors(call: Call[PageQuery, None]) -> Answer:
    """List in order of name."""
    key = read_cursor(call.query.after, 1)
    installed = call.services.registry.all()
    following = [each for each in installed if key is None or each.name > key[0]]
    page, next_ = cut(following, call.query.limit, lambda each: write_cursor(each.name))
    return Answer(200, paged([connector_view(each) for each in page], next_, len(installed)))


@route(
    "GET",
    "/v1/connectors/{connector}",
    summary="Read an installed connector",
    tag=_TAG,
    answers={200: ConnectorShape},
)
async def get_connector(call: Call[None, None]) -> Answer:
    """Read one."""
    return Answer(200, connector_view(call.services.registry.get(call.path["connector"])))


def connector_view(installed: Installed) -> dict[str, Any]:
    """Give a connector as the API shows it."""
    shown: dict[str, Any] = {
        "name": installed.name,
        "enabled": installed.enabled,
        "state": installed.state.value,
    }
    if not installed.enabled:
        return shown
    shown |= {"reason": installed.reason, "superseded_by": installed.superseded_by}
    connector = installed.connector
    if connector is None:
        return shown
    return shown | {
        "title": connector.title,
        "version": connector.version,
        "kinds": sorted(kind.value for kind in connector.kinds),
        "operations": [],
        "credentials": connector.credentials.model_json_schema(),
        "settings": connector.settings.model_json_schema(),
        "wire_format": connector.wire_format,
    }
