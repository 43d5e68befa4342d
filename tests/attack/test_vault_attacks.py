"""Somebody who can write the database file: credentials do not open, and no partner is asked."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from syncer.api.control import ask_control
from tests.attack.service import LINK, Service, serving
from tests.attack.strict_partner import StrictPartner

OTHER = "/v1/repairers/garage-8/links/claims360"
MORE = '\n[[repairers]]\nid = "garage-8"\nname = "The other"\n'
TRIGGERS = "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
OURS = "(SELECT credential_id FROM credential WHERE repairer = 'garage-7')"
THEIRS = "(SELECT credential_id FROM credential WHERE repairer = 'garage-8')"


def swap(table: str, column: str) -> list[str]:
    """Exchange a column of the two links' rows."""
    return [
        f"CREATE TEMP TABLE {column}_of AS SELECT credential_id, {column} FROM {table}",
        f"""UPDATE {table} SET {column} = (SELECT {column} FROM {column}_of o
            WHERE o.credential_id <> {table}.credential_id)""",
    ]


def flip(table: str, column: str, place: str) -> list[str]:
    """Flip the lowest bit of one byte of our row; ``place`` counts from 1, in SQL."""
    digit = f"substr(hex({column}), 2 * ({place}), 1)"
    flipped = f"substr('1032547698BADCFE', instr('0123456789ABCDEF', {digit}), 1)"
    head, tail = f"substr(hex({column}), 1, 2 * ({place}) - 1)", f"2 * ({place}) + 1"
    text = f"{head} || {flipped} || substr(hex({column}), {tail})"
    return [f"UPDATE {table} SET {column} = unhex({text}) WHERE credential_id = {OURS}"]


ATTACKS: dict[str, Sequence[str]] = {
    "payloads swapped": swap("credential", "payload"),
    "keys swapped": swap("credential_key", "wrapped_key"),
    "payloads and keys swapped": [
        *swap("credential", "payload"),
        *swap("credential_key", "wrapped_key"),
    ],
    "owners swapped": [
        "UPDATE credential SET repairer = 'aside' WHERE repairer = 'garage-7'",
        "UPDATE credential SET repairer = 'garage-7' WHERE repairer = 'garage-8'",
        "UPDATE credential SET repairer = 'garage-8' WHERE repairer = 'aside'",
    ],
    "another generation": [
        "UPDATE credential SET generation = 2",
        "UPDATE link SET generation = 2",
    ],
    "first byte": flip("credential", "payload", "1"),
    "nonce": flip("credential", "payload", "5"),
    "ciphertext": flip("credential", "payload", "20"),
    "tag": flip("credential", "payload", "length(payload)"),
    "key": flip("credential_key", "wrapped_key", "20"),
    "tag of the key": flip("credential_key", "wrapped_key", "length(wrapped_key)"),
    "key cut": ["UPDATE credential_key SET wrapped_key = substr(wrapped_key, 1, 40)"],
    "payload empty": ["UPDATE credential SET payload = x''"],
}


@contextmanager
def owning(folder: Path) -> Iterator[sqlite3.Connection]:
    """Open the database as its owner may: without the triggers, beside the running host."""
    with closing(sqlite3.connect(folder / "data" / "syncer.db", timeout=10)) as database:
        database.create_function("unhex", 1, bytes.fromhex)
        database.execute("PRAGMA foreign_keys = OFF")
        for (name,) in database.execute(TRIGGERS).fetchall():
            database.execute(f"DROP TRIGGER {name}")
        yield database
        database.commit()


def meddle(folder: Path, statements: Sequence[str]) -> None:
    with owning(folder) as database:
        for statement in statements:
            database.execute(statement)


@pytest.fixture
async def service(folder: Path, partner: StrictPartner) -> AsyncIterator[Service]:
    """The host with two links, each with keys of its own."""
    async with partner.serve() as base_url, serving(folder, base_url, MORE) as opened:
        others = partner.credentials() | {"planning_api_key": "planning-key-of-the-other"}
        for path, credentials in ((LINK, partner.credentials()), (OTHER, others)):
            await opened.good("PUT", f"{path}/credentials?verify=skip", credentials)
        yield opened


async def must_be_unavailable(service: Service, partner: StrictPartner) -> None:
    """Refresh the first link and see it refused without a word to the partner."""
    asked = len(partner.seen)
    body = {"repairer": "garage-7", "connector": "claims360"}
    answer = await service.good("POST", "/v1/refresh?wait=20", body)
    ended = await service.good("GET", f"/v1/passes/{answer['passes'][0]['id']}")
    link = await service.good("GET", LINK)
    attention = await service.everything("/v1/attention")

    assert (ended["state"], ended["error"]["code"]) == ("failed", "credential_unreadable")
    assert (link["state"], link["reason"]) == ("unavailable", "credential_unreadable")
    assert [one["repairer"] for one in attention].count("garage-7") == 1
    assert len(partner.seen) == asked
    again = await service.ask("POST", "/v1/refresh", body)
    assert (again.status, again.code) == (409, "link_unavailable")


async def reset(service: Service) -> None:
    """Reset our link's credentials, as the helpdesk does."""
    named = {"repairer": "garage-7", "connector": "claims360"}
    why = {"ticket": "HD-1", "reason": "typo"}
    done = await ask_control(
        service.folder / "data", "credentials.reset", {**named, **why}, progress=lambda _: None
    )
    assert done is not None, "the service has no control socket"
    assert "ok" in done, done


@pytest.mark.parametrize("statements", ATTACKS.values(), ids=ATTACKS.keys())
async def test_credentials_that_were_meddled_with_make_the_link_unavailable(
    service: Service, partner: StrictPartner, statements: Sequence[str]
) -> None:
    meddle(service.folder, statements)

    await must_be_unavailable(service, partner)


async def test_credentials_of_before_a_reset_that_are_put_back_make_the_link_unavailable(
    service: Service, partner: StrictPartner
) -> None:
    with owning(service.folder) as database:
        old = database.execute(f"SELECT * FROM credential WHERE credential_id = {OURS}").fetchone()
        key = database.execute(
            f"SELECT * FROM credential_key WHERE credential_id = {OURS}"
        ).fetchone()
    await reset(service)
    await service.good("PUT", f"{LINK}/credentials?verify=skip", partner.credentials())

    with owning(service.folder) as database:
        database.execute(f"DELETE FROM credential_key WHERE credential_id = {OURS}")
        database.execute("DELETE FROM credential WHERE repairer = 'garage-7'")
        database.execute(f"INSERT INTO credential VALUES ({', '.join('?' * len(old))})", old)
        database.execute("INSERT INTO credential_key VALUES (?, ?, ?)", key)

    await must_be_unavailable(service, partner)


async def test_a_link_whose_credentials_were_meddled_with_works_again_after_a_reset(
    service: Service, partner: StrictPartner
) -> None:
    meddle(service.folder, ATTACKS["tag"])
    await must_be_unavailable(service, partner)
    await reset(service)

    await service.good("PUT", f"{LINK}/credentials", partner.credentials())

    assert (await service.refresh())["state"] == "succeeded"


async def test_meddling_with_one_link_leaves_the_other_alone(
    service: Service, partner: StrictPartner
) -> None:
    meddle(service.folder, ATTACKS["ciphertext"])
    await must_be_unavailable(service, partner)
    partner.keys = (partner.keys[0], "planning-key-of-the-other")

    answer = await service.good("POST", "/v1/refresh?wait=20", {"repairer": "garage-8"})

    assert [one["state"] for one in answer["passes"]] == ["succeeded"]
