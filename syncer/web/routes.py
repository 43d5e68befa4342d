"""Routes as values: a handler with all that the server and the OpenAPI document need to know."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any, Generic, TypedDict, TypeVar, Unpack

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from syncer.domain.links import LinkKey
from syncer.services.catalog import Services
from syncer.services.preconditions import Precondition
from syncer.web.answers import Answer
from syncer.web.forms import FormModel
from syncer.web.idempotency import Claim

Q = TypeVar("Q")
B = TypeVar("B")


class QueryModel(BaseModel):
    """Query parameters of a route; unknown ones are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class BodyModel(BaseModel):
    """JSON body of a route; unknown members are refused and types are not bent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class AnswerModel(BaseModel):
    """Shape of an answer as the document describes it; tests hold the real answers against it."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[Q, B]):
    """One request to a route, checked: what a handler works with.

    ``if_match`` is to be called inside the write with the thing as the API shows it now; None when
    the caller set no such condition. ``idempotency`` is there on keyed routes when a key was given.
    """

    services: Services
    request: web.Request
    request_id: str
    path: Mapping[str, str]
    query: Q
    body: B
    if_match: Precondition | None = None
    idempotency: Claim | None = None

    def with_claim(self, claim: Claim) -> Call[Q, B]:
        """Give the call with the Idempotency-Key that it holds."""
        return replace(self, idempotency=claim)

    @property
    def link(self) -> LinkKey:
        """The link that the path names."""
        return LinkKey(self.path["repairer"], self.path["connector"])


Handler = Callable[[Call[Any, Any]], Awaitable[Answer]]


class RouteFacts(TypedDict, total=False):
    """What may be said about a route besides its method and path.

    ``answers`` gives the model of the body for each status that is not an error; None for no body
    or no JSON. ``refusals`` are the error statuses that are particular to the route.
    """

    summary: str
    tag: str
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    form: type[FormModel] | None
    answers: Mapping[int, type[BaseModel] | None]
    media_type: str
    refusals: tuple[int, ...]
    keyed: bool
    key_required: bool
    secret: bool
    conditional: bool
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """A handler with its method and path.

    ``body`` is taken as JSON; a ``form`` instead of it is multipart with a file. ``keyed`` honours
    ``Idempotency-Key``, ``key_required`` refuses requests without one, ``secret`` says that the
    body holds secrets, ``conditional`` that ``If-Match`` is honoured, ``is_open`` that no token is
    needed.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    query: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    form: type[FormModel] | None = None
    answers: Mapping[int, type[BaseModel] | None]
    media_type: str = "application/json"
    refusals: tuple[int, ...] = ()
    keyed: bool = False
    key_required: bool = False
    secret: bool = False
    conditional: bool = False
    is_open: bool = False


def route(method: str, path: str, **facts: Unpack[RouteFacts]) -> Callable[[Handler], Route]:
    """Make a route of a handler; ``summary``, ``tag`` and ``answers`` are always needed."""

    def decorate(handler: Handler) -> Route:
        return Route(method=method, path=path, handler=handler, **facts)

    return decorate


def routes_of(modules: Iterable[ModuleType]) -> list[Route]:
    """Collect the routes of modules, in order of definition."""
    return [
        value for module in modules for value in vars(module).values() if isinstance(value, Route)
    ]
