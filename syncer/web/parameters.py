"""Query parameters: their types, and reading them strictly."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, StringConstraints, ValidationError

from syncer.domain.documents import TYPE_PATTERN
from syncer.domain.errors import FieldError, InvalidError, NotFoundError, json_pointer
from syncer.services.settings import field_errors
from syncer.web.text import text_fault

T = TypeVar("T")

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
"""Name of a repairer or connector."""


DocumentType = Annotated[str, StringConstraints(pattern=TYPE_PATTERN)]
"""The id of a document type; it stays when its label changes."""


def _split(value: Any) -> Any:
    return tuple(value.split(",")) if isinstance(value, str) else value


CommaList = Annotated[tuple[T, ...], BeforeValidator(_split)]
"""An enumerated filter: exact values, a comma means any of them."""


def read_query(request: web.Request, model: type[BaseModel] | None) -> BaseModel | None:
    """Validate the query.

    Raises:
        InvalidError: an unknown, repeated or faulty parameter; the pointer names it.
    """
    faults = [*_repeated(request), *_unstorable(request)]
    if model is None:
        faults += [_fault(name, "is not a parameter of this route") for name in request.query]
    if faults:
        raise InvalidError("The query is not valid.", faults)
    if model is None:
        return None
    try:
        return model.model_validate(dict(request.query))
    except ValidationError as error:
        raise InvalidError("The query is not valid.", field_errors(error)) from None


def read_path(request: web.Request) -> Mapping[str, str]:
    """Give the values in the path.

    Raises:
        NotFoundError: a value holds what no name or id of ours can hold.
    """
    values = dict(request.match_info)
    if not all(value.isprintable() for value in values.values()):
        raise NotFoundError("There is no such thing.")
    return values


def _repeated(request: web.Request) -> list[FieldError]:
    query = request.query
    names = [name for name in dict.fromkeys(query) if len(query.getall(name)) > 1]
    return [_fault(name, "is given more than once") for name in names]


def _unstorable(request: web.Request) -> list[FieldError]:
    faulty = ((name, text_fault(value)) for name, value in request.query.items())
    return [_fault(name, fault) for name, fault in faulty if fault]


def _fault(name: str, message: str) -> FieldError:
    return FieldError(pointer=json_pointer(name), message=message)
