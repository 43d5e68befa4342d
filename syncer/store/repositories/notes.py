"""Notes, breakers and remembered answers."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, select

from syncer.domain.instants import to_micros
from syncer.domain.stored import BreakerState, RememberedAnswer
from syncer.store.connection import Connection, from_json, json_text, matches
from syncer.store.repositories.instants import instant, micros
from syncer.store.tables import answer, breaker, note


class NoteTable:
    """Implements ``Notes``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, name: str) -> bytes | None:
        row = await self._connection.row(select(note.c.value).where(note.c.name == name))
        return None if row is None else bytes(row.value)

    async def put(self, name: str, value: bytes) -> None:
        await self._connection.put(note, {"name": name}, {"value": value})

    async def breakers(self) -> list[BreakerState]:
        rows = await self._connection.rows(select(breaker).order_by(breaker.c.connector))
        return [
            BreakerState(
                connector=row.connector,
                open_until=instant(row.open_until),
                openings=row.openings,
            )
            for row in rows
        ]

    async def save_breaker(self, state: BreakerState) -> None:
        values = {"open_until": micros(state.open_until), "openings": state.openings}
        await self._connection.put(breaker, {"connector": state.connector}, values)

    async def answer(self, route: str, key: str) -> RememberedAnswer | None:
        row = await self._connection.row(select(answer).where(matches(answer, _key(route, key))))
        if row is None:
            return None
        return RememberedAnswer(
            fingerprint=bytes(row.fingerprint),
            status=row.status,
            headers=from_json(row.headers),
            body=bytes(row.body),
        )

    async def remember(
        self, route: str, key: str, answer: RememberedAnswer, *, at: datetime
    ) -> bool:
        if answer.status is None and await self.answer(route, key) is not None:
            return False
        await self._remember(route, key, answer, at)
        return True

    async def _remember(self, route: str, key: str, given: RememberedAnswer, at: datetime) -> None:
        values = {
            "at": to_micros(at),
            "fingerprint": given.fingerprint,
            "status": given.status,
            "headers": json_text(given.headers),
            "body": given.body,
        }
        await self._connection.put(answer, _key(route, key), values)

    async def forget(self, route: str, key: str) -> None:
        await self._connection.execute(delete(answer).where(matches(answer, _key(route, key))))


def _key(route: str, key: str) -> dict[str, str]:
    return {"route": route, "idempotency_key": key}
