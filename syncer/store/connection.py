"""One database connection as the repositories use it, with a short way to the driver for hot paths.

Statements of a changing form go through SQLAlchemy. Those of a fixed form on hot paths are
``Prepared``: compiled once from Core for each database and then handed to the driver, many rows
in one call; the figures stand in ``record_pages``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from operator import itemgetter
from typing import Any, Protocol, TypeVar

import msgspec
import sqlalchemy
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Dialect,
    Executable,
    Row,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    insert,
    select,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction

T = TypeVar("T")
Cells = Sequence[Any]


class Driver(Protocol):
    """The driver of one connection."""

    @property
    def dialect(self) -> Dialect:
        """With positional parameters, so that rows travel as tuples."""
        ...

    async def do(self, work: Callable[[sqlalchemy.Connection], T]) -> T:
        """Run something over SQLAlchemy's connection, which is in the same transaction."""
        ...

    async def fetch(self, sql: str, cells: Cells) -> list[Cells]:
        """Run one statement and give all its rows."""
        ...

    async def run(self, sql: str, cells: Cells = ()) -> int:
        """Run one statement that gives no rows; gives the number of rows that it touched."""
        ...

    async def run_many(self, sql: str, rows: Sequence[Cells]) -> None:
        """Run one statement for every row."""
        ...


class each_text(GenericFunction[str]):  # noqa: N801 - SQLAlchemy names functions as SQL does
    """The texts of a JSON list, as rows of one column ``value``: an IN list of any length."""

    inherit_cache = True
    name = "each_text"


@compiles(each_text, "sqlite")
def _each_text_on_sqlite(element: each_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(element.clauses, **options)})"


@compiles(each_text, "postgresql")
def _each_text_on_postgresql(element: each_text, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_array_elements_text(CAST({compiler.process(element.clauses, **options)} AS JSON))"


def texts_of(name: str) -> Select[Any]:
    """Select the texts of the JSON list that parameter ``name`` holds; for ``IN``."""
    listed = each_text(bindparam(name, type_=Text())).table_valued("value").alias(f"each_{name}")
    return select(listed.c.value)


def json_text(value: Any) -> str:
    """Write a value as JSON text."""
    return msgspec.json.encode(value).decode()


def from_json(text: str) -> Any:
    """Read JSON text."""
    return msgspec.json.decode(text)


class Prepared:
    """A statement of a fixed form; its parameters are named and given as a mapping."""

    def __init__(self, statement: Executable, *, columns: Sequence[str] = ()) -> None:
        self._statement = statement
        self._columns = list(columns) or None
        self._compiled: dict[str, tuple[str, tuple[str, ...], dict[str, Any]]] = {}

    def cells(self, dialect: Dialect, values: Mapping[str, Any]) -> tuple[str, Cells]:
        """Give the SQL and one row of parameters in its order."""
        sql, names, fixed = self._on(dialect)
        return sql, [values[name] if name in values else fixed[name] for name in names]

    def rows(
        self, dialect: Dialect, rows: Sequence[Mapping[str, Any]]
    ) -> tuple[str, Sequence[Cells]]:
        """Give the SQL and the rows of parameters in its order."""
        sql, names, fixed = self._on(dialect)
        if fixed:
            rows = [{**fixed, **row} for row in rows]
        if len(names) == 1:
            return sql, [(row[names[0]],) for row in rows]
        return sql, list(map(itemgetter(*names), rows))

    def _on(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = self._compile(dialect)
        return known

    def _compile(self, dialect: Dialect) -> tuple[str, tuple[str, ...], dict[str, Any]]:
        compiled = self._statement.compile(  # type: ignore[attr-defined]  # every Core statement has it
            dialect=dialect,
            column_keys=self._columns,
            compile_kwargs={"render_postcompile": True},
        )
        names = tuple(compiled.positiontup or ())
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        fixed = {
            name: compiled.params[name]
            for name in names
            if name in binds and not binds[name].required
        }
        return str(compiled), names, fixed


def prepared_insert(table: Table) -> Prepared:
    """Prepare an insert of whole rows."""
    names = [column.name for column in table.columns if column.autoincrement is not True]
    return Prepared(insert(table), columns=names)


class Connection:
    """A connection in its transaction."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def rows(self, statement: Executable, **values: Any) -> Sequence[Row[Any]]:
        """Run a query, with values for its parameters, and give all its rows."""
        return await self._driver.do(lambda connection: connection.execute(statement, values).all())

    async def row(self, statement: Executable) -> Row[Any] | None:
        """Run a query and give its first row."""
        return await self._driver.do(lambda connection: connection.execute(statement).first())

    async def scalar(self, statement: Executable) -> Any:
        """Run a query and give the first cell of its first row."""
        return await self._driver.do(lambda connection: connection.scalar(statement))

    async def execute(self, statement: Executable) -> int:
        """Run a statement and give the number of rows that it touched."""
        return await self._driver.do(lambda connection: connection.execute(statement).rowcount)

    async def fetch(self, statement: Prepared, **values: Any) -> list[Cells]:
        """Run a prepared statement through the driver and give all its rows."""
        return await self._driver.fetch(*statement.cells(self._driver.dialect, values))

    async def run_many(self, statement: Prepared, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a prepared statement through the driver for every row; does nothing for none."""
        if rows:
            await self._driver.run_many(*statement.rows(self._driver.dialect, rows))

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Open a part of the transaction that is undone alone when it fails."""
        return _Savepoint(self._driver)

    async def put(self, table: Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> bool:
        """Update the row with this key, or insert it; True when it is new.

        Writers follow one another on both databases, so nobody can come in between.
        """
        replaced, added = _put_statements(table, tuple(key), tuple(values))
        if await self._run(replaced, {**_named("of", key), **_named("new", values)}):
            return False
        await self._run(added, {**key, **values})
        return True

    async def _run(self, statement: Prepared, values: Mapping[str, Any]) -> int:
        return await self._driver.run(*statement.cells(self._driver.dialect, values))


@cache
def _put_statements(
    table: Table, key: tuple[str, ...], names: tuple[str, ...]
) -> tuple[Prepared, Prepared]:
    """Prepare the update of a row by its key, and the insert of one; built once for each form."""
    replaced = (
        update(table)
        .where(
            *(table.c[name] == bindparam(f"of_{name}", type_=table.c[name].type) for name in key)
        )
        .values({name: bindparam(f"new_{name}", type_=table.c[name].type) for name in names})
    )
    return Prepared(replaced), Prepared(insert(table), columns=[*key, *names])


def _named(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{prefix}_{name}": value for name, value in values.items()}


class _Savepoint(AbstractAsyncContextManager[None]):
    """A savepoint at driver level; they may be nested."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    async def __aenter__(self) -> None:
        await self._driver.run("SAVEPOINT part")

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            await self._driver.run("ROLLBACK TO SAVEPOINT part")
        await self._driver.run("RELEASE SAVEPOINT part")


def matches(table: Table, key: Mapping[str, Any]) -> ColumnElement[bool]:
    """Say that a row has these values."""
    return and_(*(table.c[name] == value for name, value in key.items()))


def any_of(term: ColumnElement[Any], values: Sequence[Any] | None) -> list[ColumnElement[bool]]:
    """Want any of these values; None wants nothing in particular."""
    return [] if values is None else [term.in_(values)]
