"""What somebody who can write or read the database file can do with sealed credentials: nothing."""

from __future__ import annotations

import base64
import io
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from syncer.domain.errors import (
    ConflictError,
    CredentialsRejectedError,
    CredentialUnreadableError,
    InvalidError,
)
from syncer.observability import configure_logging
from tests.credentials.conftest import GOOD, LINK, OTHER, Desk, PlayedDoor, contents


async def refuse_to_open(desk: Desk) -> None:
    sealed = await desk.sealed()
    assert sealed is not None
    with pytest.raises(CredentialUnreadableError):
        desk.opener.open(await desk.link(), sealed, correlation_id="x")


SWAP = """UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE credential_id =
    (SELECT credential_id FROM credential WHERE repairer = 'garage-8'))
    WHERE credential_id = (SELECT credential_id FROM credential WHERE repairer = 'garage-7')"""


@pytest.mark.parametrize(
    "statements",
    [
        [SWAP.format(table="credential", column="payload")],
        [SWAP.format(table="credential_key", column="wrapped_key")],
        [
            SWAP.format(table="credential", column="payload"),
            SWAP.format(table="credential_key", column="wrapped_key"),
        ],
        [
            "UPDATE credential SET repairer = 'aside' WHERE repairer = 'garage-7'",
            "UPDATE credential SET repairer = 'garage-7' WHERE repairer = 'garage-8'",
        ],
        ["UPDATE credential SET generation = 2", "UPDATE link SET generation = 2"],
        ["UPDATE credential SET schema = 'door@9'"],
        ["UPDATE link SET generation = 2"],
        ["UPDATE credential_key SET kid = zeroblob(8)"],
    ],
    ids=[
        "payload", "wrapped-key", "payload-and-key", "whole-row", "generation", "schema",
        "generation-of-the-link", "kid",
    ],
)  # fmt: skip
async def test_a_row_that_was_swapped_or_changed_by_sql_does_not_open(
    desk: Desk, statements: list[str]
) -> None:
    await desk.register()
    await desk.register(link=OTHER)
    desk.meddle("PRAGMA foreign_keys = OFF", *statements)

    await refuse_to_open(desk)


async def test_an_old_row_that_is_put_back_after_a_reset_does_not_open(
    desk: Desk, database: Path
) -> None:
    await desk.register()
    with sqlite3.connect(database) as copy:
        old = copy.execute("SELECT payload, generation FROM credential").fetchone()
        old_key = copy.execute("SELECT wrapped_key FROM credential_key").fetchone()
    copy.close()
    await desk.resets.reset(LINK, ticket="HD-1", reason="typo", actor="anna")
    await desk.register()

    desk.meddle(
        f"UPDATE credential SET payload = x'{old[0].hex()}', generation = {old[1]}",
        f"UPDATE credential_key SET wrapped_key = x'{old_key[0].hex()}'",
    )

    await refuse_to_open(desk)


async def test_no_value_rests_in_the_files_of_the_store(desk: Desk, database: Path) -> None:
    await desk.register()

    key = GOOD["key"]
    spellings = (key.encode(), base64.b64encode(key.encode()), key[::-1].encode())
    for content in contents(database.parent):
        assert not [spelling for spelling in spellings if spelling in content]


async def test_the_root_key_does_not_rest_in_the_store(
    desk: Desk, database: Path, root_key: Path
) -> None:
    await desk.register()

    (written,) = contents(root_key)
    key = base64.b64decode(written)
    for content in contents(database.parent):
        assert not [each for each in (key, key.hex().encode(), written) if each in content]


# -- canaries -------------------------------------------------------------------------------------


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    configure_logging("debug", stream=stream)
    yield stream
    configure_logging("warning")


async def test_no_secret_reaches_the_log_whatever_happens_to_it(
    desk: Desk, log: io.StringIO, door: PlayedDoor
) -> None:
    canaries = [f"cänary/{number}+&\"'\\=42" for number in range(4)]
    refused, invalid, stored, second = canaries
    with pytest.raises(InvalidError):
        await desk.register({**GOOD, "key": refused})
    with pytest.raises(InvalidError):
        await desk.register({"shop": "seven", "key": invalid})
    await desk.register({**GOOD, "key": stored}, verify=False)
    with pytest.raises(ConflictError):
        await desk.register({**GOOD, "key": second})
    sealed = await desk.sealed()
    assert sealed is not None
    link = desk.opener.open(await desk.link(), sealed, correlation_id="x")
    with pytest.raises(CredentialsRejectedError):
        await link.http.request("GET", "/check")
    await desk.tally.flush()

    written = log.getvalue()
    assert written
    for canary in canaries:
        for spelling in (
            canary,
            quote(canary, safe=""),
            base64.b64encode(canary.encode()).decode(),
            canary.encode().hex(),
            json.dumps(canary)[1:-1],
            canary[::-1],
        ):
            assert spelling not in written
