"""Lists: their parameters, their opaque cursors and the shape in which they are answered."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, Field, create_model

from syncer.domain.errors import FieldError, InvalidError
from syncer.domain.instants import from_micros, to_micros
from syncer.web.routes import AnswerModel, QueryModel

T = TypeVar("T")
LARGEST_PAGE = 500
_LONGEST_MICROS_DIGITS = 17


class PageQuery(QueryModel):
    """Parameters of every list; filters are added by subclassing."""

    limit: int = Field(50, ge=1, le=LARGEST_PAGE, description="Items in one answer.")
    after: str | None = Field(
        None, description="The `next` of the answer before; absent: from the beginning."
    )


def listing(item: type[BaseModel]) -> type[AnswerModel]:
    """Make the model of a list answer over its items."""
    return create_model(
        f"{item.__name__}List",
        __base__=AnswerModel,
        items=(list[item], ...),  # type: ignore[valid-type]  # a model known at import time only
        next=(str | None, Field(..., description="Opaque; null at the end.")),
        total=(int, Field(..., description="Exact count of all items that match.")),
    )


def paged(items: Sequence[Any], next_: str | None, total: int) -> dict[str, Any]:
    """Give the body of a list answer."""
    return {"items": list(items), "next": next_, "total": total}


def cut(rows: Sequence[T], limit: int, cursor_of: Callable[[T], str]) -> tuple[list[T], str | None]:
    """Cut rows that were asked for with ``limit + 1``; gives the page and the next cursor."""
    shown = list(rows[:limit])
    return shown, cursor_of(shown[-1]) if len(rows) > limit else None


def write_cursor(*parts: str) -> str:
    """Make an opaque cursor of the sort key of the last row that was given."""
    return base64.urlsafe_b64encode(msgspec.json.encode(parts)).decode().rstrip("=")


def read_cursor(text: str | None, parts: int) -> tuple[str, ...] | None:
    """Read a cursor of that many parts; None stays None.

    Raises:
        InvalidError: the text is not a cursor of this list.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        key = msgspec.json.decode(raw, type=tuple[str, ...])
    except (binascii.Error, ValueError, msgspec.DecodeError):
        raise _not_a_cursor() from None
    if len(key) != parts or any("\0" in part for part in key):
        raise _not_a_cursor()
    return key


def write_timed_cursor(at: datetime, id_: str) -> str:
    """Make the cursor of a list that is sorted by an instant and then by id."""
    return write_cursor(str(to_micros(at)), id_)


def read_timed_cursor(text: str | None) -> tuple[datetime, str] | None:
    """Read the cursor of a list that is sorted by an instant and then by id.

    Raises:
        InvalidError: the text is not a cursor of this list.
    """
    key = read_cursor(text, 2)
    if key is None:
        return None
    micros, id_ = key
    digits = micros.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LONGEST_MICROS_DIGITS):
        raise _not_a_cursor()
    try:
        return from_micros(int(micros)), id_
    except OverflowError:
        raise _not_a_cursor() from None


def _not_a_cursor() -> InvalidError:
    fault = FieldError(pointer="/after", message="is not a cursor of this list")
    return InvalidError("The cursor is not one of this list.", [fault])
