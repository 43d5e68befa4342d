"""Loads connectors one by one, each behind a plugin manager of its own."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from syncer.domain.errors import ConfigurationError, InvalidError
from syncer.plugins.hooks import PROJECT, ConnectorHooks
from syncer.plugins.inspection import fault_of
from syncer.plugins.registry import Registry
from syncer.ports.plugins import ConnectorState, ConnectorTable, Installed
from syncer.sdk import Connector, Transport
from syncer.services.settings import validated

GROUP = "syncer.connectors"
_LONGEST_REASON = 500


class _UnusableError(Exception):
    """Why one connector is set aside."""


def load_connectors(tables: Mapping[str, ConnectorTable]) -> Registry:
    """Load the connectors that the configuration enables, and list the others.

    Raises:
        ConfigurationError: an enabled connector is not installed, has no address, or its table
            holds what its settings refuse; all faults together.
    """
    found = _by_name(entry_points(group=GROUP))
    faults = _missing_faults(tables, found)
    installed = {
        name: _install(name, points, tables.get(name) or ConnectorTable(enabled=False))
        for name, points in found.items()
    }
    for one in installed.values():
        faults += _table_faults(one)
    if faults:
        raise ConfigurationError(faults)
    return Registry(_superseded(installed))


def _by_name(points: Iterable[EntryPoint]) -> dict[str, list[EntryPoint]]:
    found: dict[str, list[EntryPoint]] = {}
    for point in sorted(points, key=lambda point: point.name):
        found.setdefault(point.name, []).append(point)
    return found


def _install(name: str, points: Sequence[EntryPoint], table: ConnectorTable) -> Installed:
    listed = Installed(
        name=name,
        enabled=table.enabled,
        state=ConnectorState.DISABLED,
        base_url=table.base_url,
        allow_insecure=table.allow_insecure,
        root=table.root,
        settings_group=table.settings_group,
        table=table.own,
    )
    if not table.enabled:
        return listed
    try:
        connector = _load(name, points)
    except _UnusableError as error:
        return replace(listed, state=ConnectorState.QUARANTINED, reason=_one_line(str(error)))
    return replace(
        listed,
        state=ConnectorState.READY,
        connector=connector,
        settings_group=table.settings_group or connector.settings_group,
    )


def _load(name: str, points: Sequence[EntryPoint]) -> Connector[Any, Any]:
    if len(points) > 1:
        origins = ", ".join(sorted(_origin(point) for point in points))
        raise _UnusableError(f"several packages call themselves {name!r}: {origins}")
    candidate = _register(_import(points[0]), name)
    fault = fault_of(candidate, name)
    if fault:
        raise _UnusableError(fault)
    try:
        connector: Connector[Any, Any] = candidate()
    except BaseException as error:  # the connector's code; nothing of it may end the host
        raise _UnusableError(f"it cannot be made: {_text(error)}") from error
    return connector


def _import(point: EntryPoint) -> object:
    try:
        return point.load()
    except BaseException as error:  # SystemExit at import included
        raise _UnusableError(f"it cannot be imported: {_text(error)}") from error


def _register(module: object, name: str) -> Any:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(ConnectorHooks)
    registered: list[Any] = []
    try:
        manager.register(module, name)
        manager.check_pending()
        answers = manager.hook.register_connectors(register=registered.append)
    except BaseException as error:  # the hook is the connector's code
        raise _UnusableError(f"its hook cannot be used: {_text(error)}") from error
    _refuse_coroutines(answers)
    if len(registered) != 1:
        count = len(registered) or "no"
        raise _UnusableError(f"it registers {count} connectors; one is wanted")
    return registered[0]


def _refuse_coroutines(answers: Iterable[object]) -> None:
    for answer in answers:
        if inspect.iscoroutine(answer):
            answer.close()
            raise _UnusableError("its hook is a coroutine function; a plain one is wanted")


def _superseded(installed: Mapping[str, Installed]) -> dict[str, Installed]:
    result = dict(installed)
    for one in installed.values():
        for name in one.connector.supersedes if one.connector else ():
            other = result.get(name)
            if other and other.state is ConnectorState.READY and name != one.name:
                result[name] = replace(
                    other, state=ConnectorState.SUPERSEDED, superseded_by=one.name
                )
    return result


# -- faults of the configuration ------------------------------------------------------------------


def _missing_faults(
    tables: Mapping[str, ConnectorTable], found: Mapping[str, Sequence[EntryPoint]]
) -> list[str]:
    return [
        f"connectors.{name}: no such connector is installed{_nearest(name, found)}"
        for name, table in tables.items()
        if table.enabled and name not in found
    ]


def _table_faults(one: Installed) -> list[str]:
    if one.connector is None:
        return []
    model = one.connector.settings
    place = f"connectors.{one.name}"
    faults = [f"{place}.{fault}" for fault in _transport_faults(one, one.connector.transports)]
    unknown = [name for name in one.table if name not in model.model_fields]
    known = {name: value for name, value in one.table.items() if name not in unknown}
    faults += [
        f"{place}.{name}: unknown setting{_nearest(name, model.model_fields)}" for name in unknown
    ]
    try:
        validated(model, known)
    except InvalidError as error:
        for fault in error.errors:
            faults.append(f"{place}{fault.pointer.replace('/', '.')}: {fault.message}")
    return faults


def _transport_faults(one: Installed, transports: frozenset[Transport]) -> Iterator[str]:
    if Transport.HTTP in transports and not one.base_url:
        yield "base_url: is missing; give the partner's address"
    if Transport.FOLDER in transports and not one.root:
        yield "root: is missing; give the folder that files are exchanged below"
    if Transport.FOLDER not in transports and one.root:
        yield "root: is only for connectors that exchange files"
    elif one.root and not Path(one.root).is_absolute():
        yield "root: must be an absolute path"


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]}" if near else ""


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist else point.value


def _text(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())[:_LONGEST_REASON]
