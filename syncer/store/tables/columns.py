"""The metadata that all tables stand in, and the column types that both databases share.

Instants are whole microseconds since 1970-01-01 UTC; JSON is text; flags are 0 and 1 on SQLite.
Only such plain types are used, so that hot paths may hand values to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.schema import SchemaItem

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

WHOLE = BigInteger().with_variant(Integer(), "sqlite")
FLAG = Boolean(create_constraint=False).with_variant(Integer(), "sqlite")


def table(name: str, *items: SchemaItem) -> Table:
    """Make a table; on SQLite it checks the types of what goes in."""
    return Table(name, metadata, *items, sqlite_strict=True)


def text(name: str, *, key: bool = False) -> Column[str]:
    """Make a column of text that is always there."""
    return Column(name, Text, primary_key=key, nullable=False)


def maybe_text(name: str) -> Column[str]:
    """Make a column of text that may be absent."""
    return Column(name, Text, nullable=True)


def whole(name: str, *, key: bool = False) -> Column[int]:
    """Make a column of whole numbers that is always there; instants are such."""
    return Column(name, WHOLE, primary_key=key, autoincrement=False, nullable=False)


def maybe_whole(name: str) -> Column[int]:
    """Make a column of whole numbers that may be absent."""
    return Column(name, WHOLE, nullable=True)


def number(name: str) -> Column[int]:
    """Make a primary key that the database counts up by itself."""
    return Column(name, WHOLE, primary_key=True, autoincrement=True)


def flag(name: str) -> Column[bool]:
    """Make a column that is true or false."""
    return Column(name, FLAG, nullable=False)


def maybe_flag(name: str) -> Column[bool]:
    """Make a column that is true, false or unknown."""
    return Column(name, FLAG, nullable=True)


def binary(name: str, *, key: bool = False) -> Column[bytes]:
    """Make a column of bytes that are always there."""
    return Column(name, LargeBinary, primary_key=key, nullable=False)


def maybe_binary(name: str) -> Column[bytes]:
    """Make a column of bytes that may be absent."""
    return Column(name, LargeBinary, nullable=True)


def of_link() -> ForeignKeyConstraint:
    """Tie ``repairer`` and ``connector`` to their link, which must stay while something does."""
    names = ["repairer", "connector"]
    return ForeignKeyConstraint(names, ["link.repairer", "link.connector"], ondelete="RESTRICT")


def one_of(column: str, values: Iterable[Any]) -> CheckConstraint:
    """Allow only these words in a column."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)
