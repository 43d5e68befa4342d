"""Routes of the installed connectors."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from syncer.domain.deliveries import LostAnswer
from syncer.domain.records import Kind
from syncer.ports.plugins import ConnectorState, Installed
from syncer.sdk import FileRule, Operation
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


class FilesShape(AnswerModel):
    """Which files an operation takes along."""

    least: int
    most: int | None
    content_types: list[str] | None = Field(description="Null: any.")
    most_bytes: int | None = Field(description="Of each file.")
    default_all: bool = Field(description="Whether naming none means all documents.")


class OperationShape(AnswerModel):
    """One thing that a connector can send."""

    name: str
    title: str
    payload: dict[str, Any] = Field(description="JSON Schema.")
    lost_answer: LostAnswer
    files: FilesShape | None = Field(description="Null: it takes none.")
    depends_on: list[str]
    gated: bool = Field(description="Refused while documents are missing.")
    dry_run: bool = Field(description="Whether it can be tried without effect.")
    is_local: bool = Field(description="A step that is recorded and sends nothing.")
    makes_claim_file: bool


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
    operations: list[OperationShape] | None = Field(None, description="What it can send.")
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
    offered = connector.operations if installed.superseded_by is None else ()
    return shown | {
        "title": connector.title,
        "version": connector.version,
        "kinds": sorted(kind.value for kind in connector.kinds),
        "operations": [_operation_view(one) for one in offered],
        "credentials": connector.credentials.model_json_schema(),
        "settings": connector.settings.model_json_schema(),
        "wire_format": connector.wire_format,
    }


def _operation_view(operation: Operation) -> dict[str, Any]:
    return {
        "name": operation.name,
        "title": operation.title,
        "payload": operation.payload.model_json_schema(),
        "lost_answer": operation.lost_answer.value,
        "files": None if operation.files is None else _files_view(operation.files),
        "depends_on": sorted(operation.depends_on),
        "gated": operation.gated,
        "dry_run": operation.dry_run,
        "is_local": operation.is_local,
        "makes_claim_file": operation.makes_claim_file,
    }


def _files_view(rule: FileRule) -> dict[str, Any]:
    types = rule.content_types
    return {
        "least": rule.least,
        "most": rule.most,
        "content_types": None if types is None else sorted(types),
        "most_bytes": rule.most_bytes,
        "default_all": rule.default_all,
    }
