"""Rule sets of expected documents."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select

from syncer.domain.completeness import ANY, ExpectedDocument, RuleSet, RulesOrigin
from syncer.store.connection import Connection, json_text, matches
from syncer.store.tables import document_rule as table

_DOCUMENTS = msgspec.json.Decoder(tuple[ExpectedDocument, ...])


class DocumentRuleTable:
    """Implements ``DocumentRules``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, connector: str, claim_type: str) -> RuleSet | None:
        query = select(table).where(matches(table, _key(connector, claim_type)))
        row = await self._connection.row(query)
        return None if row is None else _rule_set(row)

    async def all(self) -> list[RuleSet]:
        query = select(table).order_by(table.c.connector, table.c.claim_type)
        return [_rule_set(row) for row in await self._connection.rows(query)]

    async def of_connectors(self, connectors: Collection[str]) -> dict[tuple[str, str], RuleSet]:
        query = select(table).where(table.c.connector.in_([*connectors, ANY]))
        found = [_rule_set(row) for row in await self._connection.rows(query)]
        return {(one.connector, one.claim_type): one for one in found}

    async def put(self, rule_set: RuleSet) -> bool:
        values = {"origin": rule_set.origin.value, "documents": json_text(rule_set.documents)}
        key = _key(rule_set.connector, rule_set.claim_type)
        return await self._connection.put(table, key, values)

    async def remove(self, connector: str, claim_type: str) -> None:
        gone = matches(table, _key(connector, claim_type))
        await self._connection.execute(delete(table).where(gone))


def _key(connector: str, claim_type: str) -> dict[str, str]:
    return {"connector": connector, "claim_type": claim_type}


def _rule_set(row: Row[Any]) -> RuleSet:
    return RuleSet(
        connector=row.connector,
        claim_type=row.claim_type,
        documents=_DOCUMENTS.decode(row.documents),
        origin=RulesOrigin(row.origin),
    )
