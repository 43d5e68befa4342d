"""What is written once stays: through the store, and through raw connections behind its back."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncer.dispatch.ambient import UuidIds
from syncer.domain.errors import ConflictError
from syncer.domain.links import LinkKey
from syncer.domain.stored import AuditEntry
from syncer.ports.store import UnitOfWork
from syncer.store import SqlStore, open_store, sqlite_url
from syncer.testing import FakeClock
from tests.contract.samples import LINK, NOW, ask, make_link, sealed
from tests.stores import lay_migrated

PARALLEL = 200
ENTRY = AuditEntry(
    seq=1,
    chain=1,
    at=NOW,
    action="set",
    actor="api",
    repairer=LINK.repairer,
    connector=LINK.connector,
    detail={"fields": ["key"]},
    mac=b"m" * 32,
)
Run = Callable[[str], object]

CHANGED = {
    "credential": "generation = 9",
    "credential_reset": "ticket = 'x'",
    "audit": "actor = 'x'",
}
KEYS = {"credential": "credential_id", "credential_reset": "credential_id", "audit": "seq"}
REPLACED = {
    "credential": "SELECT credential_id, repairer, connector, generation, schema, fields, "
    "CAST('evil' AS BLOB), created_at FROM credential",
    "credential again": "SELECT CAST('new' AS BLOB), repairer, connector, 9, schema, fields, "
    "payload, created_at FROM credential",
    "credential_key": "SELECT credential_id, kid, CAST('evil' AS BLOB) FROM credential_key",
    "credential_reset": "SELECT credential_id, 'evil', actor, at FROM credential_reset",
    "audit": "SELECT seq, chain, at, 'evil', actor, repairer, connector, detail, mac FROM audit",
}


async def fill(unit: UnitOfWork) -> None:
    """Leave a reset credential of another link and one that is in use, and an audit entry."""
    other = LinkKey("garage-8", LINK.connector)
    await make_link(unit, other)
    await unit.credentials.add(sealed(other, id_=b"0" * 16))
    await unit.credentials.reset(other, ticket="T-1", actor="op", at=NOW)
    await unit.credentials.add(sealed())
    await unit.audit.append(ENTRY)


async def append(unit: UnitOfWork, entry: AuditEntry) -> None:
    await unit.audit.append(entry)


@contextmanager
def raw_sqlite(path: Path) -> Iterator[Run]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield lambda sql: connection.execute(sql).fetchall()


@contextmanager
def raw_postgresql(url: str) -> Iterator[Run]:
    with psycopg.connect(url, autocommit=True) as connection:

        def run(sql: str) -> list[Any]:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []

        yield run


@pytest.fixture
async def raw(url: str, sqlite_path: Path, clock: FakeClock) -> AsyncIterator[Run]:
    """A filled and closed store, and the database behind it."""
    if url.startswith("sqlite"):
        await lay_migrated(sqlite_path)
    async with open_store(url, clock=clock, ids=UuidIds()) as store:
        await store.write(make_link)
        await store.write(fill)
    is_file = url.startswith("sqlite")
    opened = raw_sqlite(Path(url.partition("///")[2])) if is_file else raw_postgresql(url)
    with opened as run:
        yield run


REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError)


@pytest.mark.parametrize("table", list(CHANGED))
async def test_an_update_is_refused_by_the_database(raw: Run, table: str) -> None:
    before = raw(f"SELECT * FROM {table}")

    with pytest.raises(REFUSED, match="write-once"):
        raw(f"UPDATE {table} SET {CHANGED[table]}")

    assert raw(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", [*CHANGED, "credential_key"])
async def test_a_delete_is_refused_by_the_database(raw: Run, table: str) -> None:
    before = raw(f"SELECT * FROM {table}")

    with pytest.raises(REFUSED, match="write-once"):
        raw(f"DELETE FROM {table}")

    assert raw(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", list(CHANGED))
async def test_an_upsert_is_refused_by_the_database(raw: Run, table: str) -> None:
    before = raw(f"SELECT * FROM {table}")

    with pytest.raises(REFUSED, match="write-once"):
        raw(
            f"INSERT INTO {table} SELECT * FROM {table} WHERE true "
            f"ON CONFLICT ({KEYS[table]}) DO UPDATE SET {CHANGED[table]}"
        )

    assert raw(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("verb", ["REPLACE", "INSERT OR REPLACE"])
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("case", list(REPLACED))
async def test_a_replace_is_refused_by_sqlite(
    sqlite_path: Path, clock: FakeClock, case: str, recursive: str, verb: str
) -> None:
    async with open_store(sqlite_url(sqlite_path), clock=clock, ids=UuidIds()) as store:
        await store.write(make_link)
        await store.write(fill)
    table = case.removesuffix(" again")

    with raw_sqlite(sqlite_path) as run:
        before = run(f"SELECT * FROM {table}")
        run(f"PRAGMA recursive_triggers = {recursive}")
        with pytest.raises(sqlite3.IntegrityError):
            run(f"{verb} INTO {table} {REPLACED[case]}")
        assert run(f"SELECT * FROM {table}") == before


@pytest.mark.parametrize("table", [*CHANGED, "credential_key"])
async def test_a_truncate_is_refused_by_postgresql(
    postgresql_url: str, clock: FakeClock, table: str
) -> None:
    async with open_store(postgresql_url, clock=clock, ids=UuidIds()) as store:
        await store.write(make_link)
        await store.write(fill)

    with raw_postgresql(postgresql_url) as run:
        before = run(f"SELECT * FROM {table}")
        with pytest.raises(psycopg.IntegrityError, match="write-once"):
            run(f"TRUNCATE {table} CASCADE")
        assert run(f"SELECT * FROM {table}") == before


async def test_a_reset_without_a_ticket_is_refused_by_the_database(store: SqlStore) -> None:
    await store.write(lambda unit: unit.credentials.add(sealed()))

    with pytest.raises(Exception, match="ticket"):
        await store.write(lambda unit: unit.credentials.reset(LINK, ticket="", actor="o", at=NOW))

    assert await ask(store, lambda unit: unit.credentials.get(LINK)) == sealed()


async def test_of_many_credentials_at_once_exactly_one_is_kept(store: SqlStore) -> None:
    codes: set[str] = set()

    async def add(number: int) -> bool:
        mine = sealed(id_=b"%016d" % number, payload=b"%d" % number)
        try:
            await store.write(lambda unit: unit.credentials.add(mine))
        except ConflictError as error:
            codes.add(error.code)
            return False
        return True

    kept = await asyncio.gather(*(add(number) for number in range(PARALLEL)))

    assert (sum(kept), codes) == (1, {"credentials_already_set"})
    found = await ask(store, lambda unit: unit.credentials.get(LINK))
    assert found is not None
    assert found.payload == b"%d" % kept.index(True)


async def test_a_refused_credential_leaves_the_rest_of_its_write_to_the_caller(
    store: SqlStore,
) -> None:
    await store.write(lambda unit: unit.credentials.add(sealed()))

    async def note_the_refusal(unit: UnitOfWork) -> None:
        with pytest.raises(ConflictError):
            await unit.credentials.add(sealed(id_=b"2" * 16))
        await unit.audit.append(ENTRY)

    await store.write(note_the_refusal)

    assert await ask(store, lambda unit: unit.audit.last()) == ENTRY


async def test_a_reset_frees_the_slot(store: SqlStore) -> None:
    await store.write(lambda unit: unit.credentials.add(sealed()))
    again = sealed(id_=b"2" * 16, generation=2)

    was_set = await store.write(
        lambda unit: unit.credentials.reset(LINK, ticket="T-1", actor="op", at=NOW)
    )
    was_free = await store.write(
        lambda unit: unit.credentials.reset(LINK, ticket="T-2", actor="op", at=NOW)
    )

    assert (was_set, was_free) == (True, False)
    assert not await ask(store, lambda unit: unit.credentials.exist())
    await store.write(lambda unit: unit.credentials.add(again))
    assert await ask(store, lambda unit: unit.credentials.get(LINK)) == again


async def test_a_key_is_rewrapped_only_from_the_expected_one(store: SqlStore) -> None:
    await store.write(lambda unit: unit.credentials.add(sealed()))

    async def rewrap(old: bytes) -> bool:
        return await store.write(
            lambda unit: unit.credentials.rewrap(
                b"1" * 16, old_kid=old, new_kid=b"kid-0002", wrapped=b"again"
            )
        )

    assert not await rewrap(b"kid-0009")
    assert await rewrap(b"kid-0001")
    async with store.read() as unit:
        assert await unit.credentials.kids() == {b"kid-0002": 1}
        [found] = await unit.credentials.with_kid(b"kid-0002", limit=9)
    assert (found.wrapped_key, found.payload) == (b"again", b"sealed")


async def test_the_audit_chain_is_walked_in_order(store: SqlStore) -> None:
    entries = [
        AuditEntry(
            seq=seq, chain=1, at=NOW + timedelta(seconds=seq), action="set", actor="api",
            repairer=None, connector=None, detail={}, mac=b"%d" % seq,
        )
        for seq in (1, 2, 3)
    ]  # fmt: skip
    for entry in entries:
        await store.write(partial(append, entry=entry))

    async with store.read() as unit:
        assert await unit.audit.walk(after=1, limit=9) == entries[1:]
        assert await unit.audit.last() == entries[2]


async def test_a_snapshot_cannot_write(store: SqlStore) -> None:
    with pytest.raises(Exception, match=r"(?i)read-?only"):
        await ask(store, lambda unit: unit.notes.put("a", b"b"))
