"""What a database error means to the caller; each dialect says which errors it knows."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError


def driver_error(error: BaseException) -> BaseException:
    """Give the driver's own error behind one that SQLAlchemy wrapped."""
    if isinstance(error, DBAPIError) and error.orig is not None:
        cause = error.orig.__cause__
        return cause if cause is not None else error.orig
    return error
