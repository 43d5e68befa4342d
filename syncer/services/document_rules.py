"""Rule sets of expected documents: kept, and applied to the claim files that are open."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from syncer.domain.completeness import (
    ANY,
    OPERATORS,
    ExpectedDocument,
    RuleSet,
    RulesOrigin,
    faults_of_expected,
)
from syncer.domain.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    NotFoundError,
    json_pointer,
)
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.completeness import recount
from syncer.services.record_json import Json

BATCH = 500
"""Claim files that are counted again at a time."""
_NAME = re.compile(r"([a-z0-9][a-z0-9_-]{0,63}|\*)\.(\S(?:.{0,98}\S)?)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRuleService:
    """The rule sets of this installation."""

    store: Store
    registry: ConnectorRegistry
    clock: Clock

    async def all(self) -> list[Json]:
        """List in order of connector, then type."""
        async with self.store.read() as uow:
            return [rule_set_view(one) for one in await uow.document_rules.all()]

    async def get(self, name: str) -> Json:
        """Give one by its name.

        Raises:
            NotFoundError: there is none of that name.
        """
        connector, claim_type = _parts(name) or ("", "")
        async with self.store.read() as uow:
            found = await uow.document_rules.get(connector, claim_type)
        if found is None:
            raise NotFoundError("There is no such rule set.")
        return rule_set_view(found)

    async def put(self, name: str, documents: Sequence[ExpectedDocument]) -> tuple[Json, bool]:
        """Keep a rule set as given and apply it; True when it is new.

        The view says how many open claim files changed by it.

        Raises:
            InvalidError: the name is none, names no connector that is installed, or a document is
                faulty.
            ConflictError: ``from_file``: the configuration file holds it.
        """
        connector, claim_type = self._named(name)
        faults = [
            FieldError(pointer=json_pointer("documents", place, "id"), message=message)
            for place, message in faults_of_expected(documents)
        ]
        if faults:
            raise InvalidError("The rule set is not valid.", faults)
        wanted = RuleSet(connector=connector, claim_type=claim_type, documents=tuple(documents))
        return await self.store.write(lambda uow: self._put(uow, wanted))

    async def _put(self, uow: UnitOfWork, wanted: RuleSet) -> tuple[Json, bool]:
        known = await uow.document_rules.get(wanted.connector, wanted.claim_type)
        if known is not None and known.origin is RulesOrigin.FILE:
            text = f"Rule set {known.name} stands in the configuration file; change it there."
            raise ConflictError("from_file", text)
        changed = 0
        if known != wanted:
            await uow.document_rules.put(wanted)
            changed = await apply_rules(uow, wanted.connector, at=self.clock.now())
        return {**rule_set_view(wanted), "changed": changed}, known is None

    async def keep(self, from_file: Sequence[RuleSet]) -> int:
        """Bring in what the configuration file and the enabled connectors say, at the start.

        A set that no longer stands in the file becomes one of the API. Gives how many open claim
        files changed.
        """
        at = self.clock.now()

        async def work(uow: UnitOfWork) -> int:
            touched = await _keep_from_file(uow, from_file)
            for installed in self.registry.all():
                connector = installed.connector
                if connector is not None and await bring_rules(
                    uow, installed.name, connector.document_rules, RulesOrigin.CONNECTOR
                ):
                    touched.add(installed.name)
            wide = {ANY} if ANY in touched else touched
            return sum([await apply_rules(uow, connector, at=at) for connector in sorted(wide)])

        return await self.store.write(work)

    def _named(self, name: str) -> tuple[str, str]:
        parts = _parts(name)
        installed = {ANY, *(one.name for one in self.registry.all())}
        if parts is None or parts[0] not in installed:
            message = "must be <connector>.<claim type>, with * for any; the connector is installed"
            fault = FieldError(pointer="/rule_set", message=message)
            raise InvalidError("The rule set has no valid name.", [fault])
        return parts


async def bring_rules(
    uow: UnitOfWork,
    connector: str,
    sets: Mapping[str, Sequence[ExpectedDocument]],
    origin: RulesOrigin,
    *,
    all_of_them: bool = True,
) -> bool:
    """Keep the rule sets of a connector or its partner, by type of claim; True if any is new.

    Those that it no longer has go, where these are ``all_of_them``. What the operator made is left
    alone.
    """
    known = {
        one.claim_type: one
        for one in (await uow.document_rules.of_connectors([connector])).values()
        if one.connector == connector
    }
    has_changed = False
    for claim_type, documents in sets.items():
        before = known.get(claim_type)
        wanted = RuleSet(
            connector=connector, claim_type=claim_type, documents=tuple(documents), origin=origin
        )
        if before != wanted and (before is None or before.origin not in OPERATORS):
            await uow.document_rules.put(wanted)
            has_changed = True
    for one in known.values() if all_of_them else ():
        if one.origin is origin and one.claim_type not in sets:
            await uow.document_rules.remove(connector, one.claim_type)
            has_changed = True
    return has_changed


async def apply_rules(uow: UnitOfWork, connector: str, *, at: datetime) -> int:
    """Count the open claim files of a connector (``*``: of all) again; gives how many changed."""
    changed = 0
    after: str | None = None
    while True:
        files = await uow.completeness.open_files(
            None if connector == ANY else connector, after=after, limit=BATCH
        )
        changes = await recount(uow, files, at=at) if files else []
        uow.feed.append(changes, at=at)
        changed += len(changes)
        if len(files) < BATCH:
            return changed
        after = files[-1].id


def rule_set_view(rule_set: RuleSet) -> Json:
    """Give a rule set as the API shows it."""
    return {
        "name": rule_set.name,
        "connector": rule_set.connector,
        "claim_type": rule_set.claim_type,
        "documents": [
            {
                "id": one.id,
                "label": one.label,
                "required": one.required,
                "optional_for": list(one.optional_for),
            }
            for one in rule_set.documents
        ],
        "origin": rule_set.origin,
    }


async def _keep_from_file(uow: UnitOfWork, from_file: Sequence[RuleSet]) -> set[str]:
    touched = set()
    wanted = {(one.connector, one.claim_type): one for one in from_file}
    known = {(one.connector, one.claim_type): one for one in await uow.document_rules.all()}
    for place, one in wanted.items():
        rule_set = replace(one, origin=RulesOrigin.FILE)
        if known.get(place) != rule_set:
            await uow.document_rules.put(rule_set)
            touched.add(one.connector)
    for place, one in known.items():
        if one.origin is RulesOrigin.FILE and place not in wanted:
            await uow.document_rules.put(replace(one, origin=RulesOrigin.API))
    return touched


def _parts(name: str) -> tuple[str, str] | None:
    match = _NAME.fullmatch(name)
    return (match[1], match[2]) if match else None
