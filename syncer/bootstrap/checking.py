"""Checks of the configuration that need more than the file: connectors, their addresses, keys."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from syncer.bootstrap.mailing import mail_faults
from syncer.config import Settings, group_faults
from syncer.domain.errors import ConfigurationError, InvalidError
from syncer.partner import check_base_url
from syncer.plugins import Registry, load_connectors
from syncer.ports.plugins import ConnectorTable, Installed
from syncer.services.settings import validated
from syncer.vault import read_key_file


def check_configuration(settings: Settings) -> Registry:
    """Load the enabled connectors and check all that can be known before anything is opened.

    Raises:
        ConfigurationError: with every fault, each with the place where its setting stands.
    """
    faults = [*_key_faults(settings), *_address_faults(settings), *mail_faults(settings)]
    try:
        registry = load_connectors(_tables(settings))
    except ConfigurationError as error:
        raise ConfigurationError([*map(settings.placed, error.faults), *faults]) from None
    faults += group_faults(settings, _names_in_groups(registry))
    for one in registry.all():
        faults += _group_value_faults(one, settings)
    if faults:
        raise ConfigurationError(faults)
    return registry


def _tables(settings: Settings) -> dict[str, ConnectorTable]:
    return {
        name: ConnectorTable(
            enabled=table.enabled,
            base_url=table.base_url,
            allow_insecure=table.allow_insecure,
            root=table.root,
            settings_group=table.settings_group,
            own=table.own,
        )
        for name, table in settings.connectors.items()
    }


def _key_faults(settings: Settings) -> Iterator[str]:
    """A key file that is not there is no fault: the vault is sealed then."""
    for name in filter(None, (settings.vault.key_file, *settings.vault.retired_key_files)):
        try:
            read_key_file(Path(name))
        except ConfigurationError as error:
            yield from error.faults


def _address_faults(settings: Settings) -> Iterator[str]:
    for name, table in settings.connectors.items():
        if table.enabled and table.base_url:
            for fault in check_base_url(table.base_url, allow_insecure=table.allow_insecure):
                text = fault.removeprefix("base_url ")
                yield settings.fault(text, "connectors", name, "base_url")


def _names_in_groups(registry: Registry) -> dict[str, frozenset[str]]:
    names: dict[str, frozenset[str]] = {}
    for one in registry.all():
        if one.connector is not None and one.settings_group is not None:
            known = frozenset(one.connector.settings.model_fields)
            names[one.settings_group] = names.get(one.settings_group, frozenset()) | known
    return names


def _group_value_faults(one: Installed, settings: Settings) -> Iterator[str]:
    group = one.settings_group
    if one.connector is None or group is None:
        return
    known = one.connector.settings.model_fields
    layer = {name: value for name, value in settings.groups.get(group, {}).items() if name in known}
    try:
        validated(one.connector.settings, layer)
    except InvalidError as error:
        for found in error.errors:
            path = found.pointer.strip("/").split("/")
            yield settings.fault(f"{found.message} (for {one.name})", "settings", group, *path)
