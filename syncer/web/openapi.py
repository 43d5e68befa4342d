"""The OpenAPI 3.1 document, made from the routes: it cannot say what the routes do not."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode, models_json_schema

import syncer
from syncer.web.answers import Answer
from syncer.web.multipart import FORM_TYPE
from syncer.web.routes import Call, Route, route

Json = dict[str, Any]

_REF = "#/components/schemas/{model}"
_PROBLEM = {"$ref": "#/components/responses/problem"}
_COMMON_REFUSALS = (401, 403)
_TEXT: Json = {"type": "string"}
_SLUG: Json = _TEXT | {"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}
_KEY: Json = _TEXT | {"minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"}
_SLUGS = frozenset({"repairer", "connector"})


class ProblemField(BaseModel):
    """One fault of one field."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body or the query.")
    message: str


class Problem(BaseModel):
    """An error (RFC 9457); `code` is stable. Some codes add members of their own."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str = Field(description="Id of the request, also in the log.")
    errors: list[ProblemField] | None = None


def describe(routes: Sequence[Route]) -> Json:
    """Make the document."""
    names, schemas = _schemas(routes)
    paths: Json = {}
    for each in routes:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, names, schemas)
    queries = {names[each.query, "validation"] for each in routes if each.query}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "syncer",
            "version": syncer.__version__,
            "description": inspect.getdoc(syncer) or "",
        },
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "responses": {"problem": _problem_response()},
            "schemas": {name: body for name, body in schemas.items() if name not in queries},
        },
    }


def document_route(routes: Sequence[Route]) -> Route:
    """Make the route that serves the document; it is made when it is first asked for."""

    @route("GET", "/openapi.json", summary="This document", tag="health", answers={200: None})
    async def openapi(_call: Call[None, None]) -> Answer:
        return Answer(200, document())

    @cache
    def document() -> Json:
        return describe([*routes, openapi])

    return openapi


def _schemas(routes: Sequence[Route]) -> tuple[dict[tuple[Any, JsonSchemaMode], str], Json]:
    wanted: list[tuple[type[BaseModel], JsonSchemaMode]] = [(Problem, "serialization")]
    for each in routes:
        taken = [model for model in (each.query, each.body, each.form) if model is not None]
        given = [model for model in each.answers.values() if model is not None]
        wanted += [(model, "validation") for model in taken]
        wanted += [(model, "serialization") for model in given]
    refs, schema = models_json_schema(list(dict.fromkeys(wanted)), ref_template=_REF)
    names = {key: str(ref["$ref"]).rpartition("/")[2] for key, ref in refs.items()}
    return names, schema.get("$defs", {})


def _operation(each: Route, names: Mapping[Any, str], schemas: Json) -> Json:
    query = schemas[names[each.query, "validation"]] if each.query else {}
    operation: Json = {
        "operationId": _operation_id(each),
        "tags": [each.tag],
        "summary": each.summary,
        "parameters": [*_path_parameters(each), *_query_parameters(query), *_headers(each)],
        "responses": _responses(each, names),
    }
    if text := inspect.getdoc(each.handler):
        operation["description"] = text
    if taken := each.form or each.body:
        schema = {"$ref": _REF.format(model=names[taken, "validation"])}
        operation["requestBody"] = {
            "content": {FORM_TYPE if each.form else "application/json": {"schema": schema}},
            "required": any(field.is_required() for field in taken.model_fields.values()),
        }
    if each.is_open:
        operation["security"] = []
    return operation


def _operation_id(each: Route) -> str:
    module = each.handler.__module__.rpartition(".")[2]
    return f"{module}_{getattr(each.handler, '__name__', each.method)}"


def _path_parameters(each: Route) -> list[Json]:
    return [
        {"name": name, "in": "path", "required": True, "schema": _SLUG if name in _SLUGS else _TEXT}
        for name in re.findall(r"\{(\w+)\}", each.path)
    ]


def _query_parameters(query: Json) -> list[Json]:
    return [
        _query_parameter(name, dict(schema), is_required=name in query.get("required", []))
        for name, schema in query.get("properties", {}).items()
    ]


def _query_parameter(name: str, schema: Json, *, is_required: bool) -> Json:
    described = schema.pop("description", None)
    if schema.get("default", ...) is None:
        del schema["default"]
    choices = [choice for choice in schema.pop("anyOf", []) if choice != {"type": "null"}]
    schema |= choices[0] if len(choices) == 1 else {"anyOf": choices} if choices else {}
    parameter: Json = {"name": name, "in": "query", "required": is_required, "schema": schema}
    if described:
        parameter["description"] = described
    if schema.get("type") == "array":
        parameter |= {"style": "form", "explode": False}
    return parameter


def _headers(each: Route) -> list[Json]:
    given = []
    if each.keyed:
        text = "The same key gives the same answer, and the effect once, for 24 hours."
        given.append(("Idempotency-Key", text, each.key_required, _KEY))
    if each.conditional:
        text = "The ETag of what you read; 412 if it changed since."
        given.append(("If-Match", text, False, _TEXT))
    return [
        {
            "name": name,
            "in": "header",
            "required": is_required,
            "description": text,
            "schema": schema,
        }
        for name, text, is_required, schema in given
    ]


def _responses(each: Route, names: Mapping[Any, str]) -> Json:
    responses: Json = {}
    for status, model in each.answers.items():
        responses[str(status)] = {
            "description": HTTPStatus(status).phrase,
            **_content(each, status, names[model, "serialization"] if model else None),
        }
    for status in _refusals(each):
        responses.setdefault(str(status), _PROBLEM)
    responses["default"] = _PROBLEM
    return responses


def _content(each: Route, status: int, name: str | None) -> Json:
    if status in {204, 304}:
        return {}
    schema = {"$ref": _REF.format(model=name)} if name else {}
    return {"content": {each.media_type: {"schema": schema} if schema else {}}}


def _refusals(each: Route) -> list[int]:
    statuses = {*each.refusals}
    if not each.is_open:
        statuses |= {*_COMMON_REFUSALS, 422}
    if "{" in each.path:
        statuses.add(404)
    if each.method in {"POST", "PUT", "PATCH"}:
        statuses |= {400, 413, 415}
    if each.conditional:
        statuses.add(412)
    if each.keyed:
        statuses |= {400, 409}
    return sorted(statuses)


def _problem_response() -> Json:
    schema = {"$ref": _REF.format(model="Problem")}
    return {
        "description": "The request was refused, or failed; `code` says why.",
        "content": {"application/problem+json": {"schema": schema}},
    }
