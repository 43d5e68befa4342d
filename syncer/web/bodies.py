"""JSON bodies, read strictly: bounded in size, time and depth, without what no store can keep."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from aiohttp.web_exceptions import HTTPException
from pydantic import BaseModel, ValidationError

from syncer.domain.errors import (
    FieldError,
    InvalidError,
    RequestRefusedError,
    TooLargeError,
    json_pointer,
)
from syncer.services.settings import field_errors
from syncer.web.text import text_fault

JSON_BODY_MAX_BYTES = 1_048_576
DEEPEST_JSON = 64
_READ_SECONDS = 60
_JSON_TYPE = "application/json"
_UTF8_NAMES = {"utf-8", "utf8"}


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A body as it came and as plain values."""

    raw: bytes
    value: Any

    def fit(self, model: type[BaseModel] | None) -> BaseModel | None:
        """Validate against a route's model; a route without one takes no members.

        Raises:
            InvalidError: with a JSON pointer for each fault.
        """
        if model is None:
            if self.value == {}:
                return None
            raise InvalidError("This route takes no body.", [_fault("", "must be empty")])
        try:
            return model.model_validate_json(self.raw)
        except ValidationError as error:
            raise InvalidError("The body is not valid.", field_errors(error)) from None


async def read_json(request: web.Request) -> JsonBody:
    """Read the JSON body of a request; an empty POST counts as an empty object.

    Raises:
        RequestRefusedError: 415 for another content type, 400 for broken JSON, 408 when too slow.
        TooLargeError: above 1 MiB.
        InvalidError: a text in it cannot be stored.
    """
    _check_content_type(request)
    raw = await _read_bounded(request)
    if not raw and request.method == "POST":
        return JsonBody(b"{}", {})
    value = _decode(raw)
    faults = [_fault(pointer, fault) for pointer, fault in _text_faults(value, "", 1)]
    if faults:
        raise InvalidError("The body is not valid.", faults)
    return JsonBody(raw, value)


def _check_content_type(request: web.Request) -> None:
    if request.method == "POST" and not request.body_exists:
        return
    if request.content_type == _JSON_TYPE and _is_utf8(request):
        return
    raise RequestRefusedError(
        415, "unsupported_media_type", f"The body must be {_JSON_TYPE} in UTF-8."
    )


def _is_utf8(request: web.Request) -> bool:
    charset = request.charset
    return charset is None or charset.lower() in _UTF8_NAMES


async def _read_bounded(request: web.Request) -> bytes:
    if (request.content_length or 0) > JSON_BODY_MAX_BYTES:
        raise _too_large()
    body = bytearray()
    try:
        async with asyncio.timeout(_READ_SECONDS):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > JSON_BODY_MAX_BYTES:
                    raise _too_large()
    except TimeoutError:
        raise RequestRefusedError(408, "request_timeout", "The body came too slowly.") from None
    except (web.RequestPayloadError, HTTPException):
        raise RequestRefusedError(400, "body_unreadable", "The body cannot be read.") from None
    return bytes(body)


def _too_large() -> TooLargeError:
    return TooLargeError(f"The body is larger than {JSON_BODY_MAX_BYTES} bytes.")


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(
            raw.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError):
        raise _broken("The body is not valid JSON.") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("an object names a member twice")
    return members


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _broken(text: str) -> RequestRefusedError:
    return RequestRefusedError(400, "json_invalid", text)


def _text_faults(value: Any, pointer: str, depth: int) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST_JSON and isinstance(value, dict | list):
        raise _broken(f"The body nests deeper than {DEEPEST_JSON} levels.")
    if isinstance(value, str):
        if fault := text_fault(value):
            yield pointer, fault
    elif isinstance(value, dict):
        for name, member in value.items():
            if fault := text_fault(name):
                yield pointer, f"a member's name {fault}"
            yield from _text_faults(member, pointer + json_pointer(_printable(name)), depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _text_faults(item, f"{pointer}/{place}", depth + 1)


def _printable(name: str) -> str:
    return name.encode(errors="replace").decode()


def _fault(pointer: str, message: str) -> FieldError:
    return FieldError(pointer=pointer, message=message)
