"""The schema: what this release knows, and how a database is brought to it; forward only."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from syncer.domain.errors import SchemaUnknownError

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "alembic_version"
READ_VERSION: Final = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - both are ours


@cache
def known_versions() -> tuple[str, ...]:
    """List the schema versions that this release knows, newest first.

    Read from the names of their files: most starts find the newest schema and need no Alembic,
    which would be a fifth of the start.
    """
    files = (_FOLDER / "versions").glob("[0-9]*_*.py")
    return tuple(sorted((file.name.partition("_")[0] for file in files), reverse=True))


def must_be_known(tables: frozenset[str], versions: list[str]) -> bool:
    """Judge a database by its tables and version; False when it is still empty.

    Raises:
        SchemaUnknownError: a newer release wrote it, or it is no database of ours.
    """
    if VERSION_TABLE not in tables:
        if tables:
            raise SchemaUnknownError("The database has tables that syncer did not make.")
        return False
    if len(versions) > 1 or not set(versions) <= set(known_versions()):
        raise SchemaUnknownError(
            f"The database has schema version {', '.join(versions)}, which this release does not "
            f"know; its newest is {known_versions()[0]}. Start the release that wrote it."
        )
    return bool(versions)


def judge(connection: Connection) -> list[str]:
    """Give the version of an open database, an empty list for an empty one.

    Raises:
        SchemaUnknownError: as for ``must_be_known``.
    """
    tables = frozenset(inspect(connection).get_table_names())
    versions: list[str] = []
    if VERSION_TABLE in tables:
        versions = list(connection.execute(text(READ_VERSION)).scalars())
    must_be_known(tables, versions)
    return versions


def migrate(connection: Connection) -> None:
    """Bring a database to the newest version; the caller commits.

    Raises:
        SchemaUnknownError: as for ``must_be_known``; nothing was touched.
    """
    if judge(connection) == [known_versions()[0]]:
        return
    from alembic import command

    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
