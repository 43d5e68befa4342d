"""Repairers: reading them, and keeping those that the API made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from syncer.domain.errors import (
    ConflictError,
    FieldError,
    InvalidError,
    NotFoundError,
    json_pointer,
)
from syncer.domain.stored import Repairer
from syncer.ports.ambient import Clock
from syncer.ports.plugins import ConnectorRegistry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.open_links import OpenLinks

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairersFound:
    """A piece of the list, and how many there are in all."""

    items: list[Repairer]
    total: int


class RepairerService:
    """The repairers of this installation."""

    def __init__(
        self,
        *,
        store: Store,
        registry: ConnectorRegistry,
        clock: Clock,
        open_links: OpenLinks | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._clock = clock
        self._open_links = open_links or OpenLinks(registry=registry)

    async def find(self, *, after: str | None, limit: int) -> RepairersFound:
        """List in order of id."""
        async with self._store.read() as uow:
            items = await uow.repairers.find(after=after, limit=limit)
            return RepairersFound(items=items, total=await uow.repairers.count())

    async def get(self, id_: str) -> Repairer:
        """Give one.

        Raises:
            NotFoundError: there is none of that id.
        """
        async with self._store.read() as uow:
            found = await uow.repairers.get(id_)
        if found is None:
            raise NotFoundError("There is no such repairer.")
        return found

    async def put(
        self,
        id_: str,
        *,
        name: str,
        sites: tuple[str, ...],
        prefilled: Mapping[str, Mapping[str, str]],
    ) -> tuple[Repairer, bool]:
        """Keep a repairer as given, with a link to every enabled connector; True when it is new.

        Raises:
            InvalidError: the id is no slug, or a prefilled field cannot be one.
            ConflictError: ``from_file``: the configuration file holds it.
        """
        self._check(id_, prefilled)
        enabled = [each.name for each in self._registry.all() if each.enabled]

        async def work(uow: UnitOfWork) -> tuple[Repairer, bool]:
            known = await uow.repairers.get(id_)
            if known is not None and known.origin == "file":
                text = f"Repairer {id_} stands in the configuration file; change it there."
                raise ConflictError("from_file", text)
            repairer = Repairer(
                id=id_,
                name=name,
                sites=sites,
                prefilled=prefilled,
                created_at=known.created_at if known else self._clock.now(),
            )
            is_new = await uow.repairers.put(repairer)
            await uow.links.ensure(enabled, repairer=id_)
            await self._open_links.settle(uow)
            return repairer, is_new

        return await self._store.write(work)

    def _check(self, id_: str, prefilled: Mapping[str, Mapping[str, str]]) -> None:
        faults = [] if _SLUG.match(id_) else [_fault("must be a slug", "repairer")]
        for connector, fields in prefilled.items():
            if not _SLUG.match(connector):
                faults.append(_fault("is no name of a connector", "prefilled", connector))
            else:
                faults += self._field_faults(connector, fields)
        if faults:
            raise InvalidError("The repairer is not valid.", faults)

    def _field_faults(self, connector: str, fields: Mapping[str, str]) -> list[FieldError]:
        known = self._declared(connector)
        if known is None:
            return []
        faults = []
        for name in fields:
            place = ("prefilled", connector, name)
            if name not in known:
                faults.append(_fault("is no credential field of the connector", *place))
            elif known[name].annotation is SecretStr:
                faults.append(_fault("is a secret and cannot be prefilled", *place))
        return faults

    def _declared(self, name: str) -> Mapping[str, Any] | None:
        found = next((each for each in self._registry.all() if each.name == name), None)
        if found is None or found.connector is None:
            return None
        return found.connector.credentials.model_fields


def repairer_view(repairer: Repairer) -> dict[str, Any]:
    """Give a repairer as the API shows it."""
    return {
        "id": repairer.id,
        "name": repairer.name,
        "sites": list(repairer.sites),
        "prefilled": {name: dict(fields) for name, fields in repairer.prefilled.items()},
        "origin": repairer.origin,
    }


def _fault(message: str, *place: str) -> FieldError:
    return FieldError(pointer=json_pointer(*place), message=message)
