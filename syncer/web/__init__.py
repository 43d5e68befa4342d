"""What every HTTP surface shares: routes, checks before them, errors and answers after them."""

from syncer.web.answers import Answer, Event, Events
from syncer.web.forms import FormModel
from syncer.web.lists import (
    PageQuery,
    cut,
    listing,
    paged,
    read_cursor,
    read_timed_cursor,
    write_cursor,
    write_timed_cursor,
)
from syncer.web.parameters import CommaList, DocumentType, Slug
from syncer.web.routes import (
    AnswerModel,
    BodyModel,
    Call,
    QueryModel,
    Route,
    route,
    routes_of,
)

__all__ = [
    "Answer",
    "AnswerModel",
    "BodyModel",
    "Call",
    "CommaList",
    "DocumentType",
    "Event",
    "Events",
    "FormModel",
    "PageQuery",
    "QueryModel",
    "Route",
    "Slug",
    "cut",
    "listing",
    "paged",
    "read_cursor",
    "read_timed_cursor",
    "route",
    "routes_of",
    "write_cursor",
    "write_timed_cursor",
]
