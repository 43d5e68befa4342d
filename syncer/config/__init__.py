"""The configuration: one file, environment and command line over it; all faults at once."""

from syncer.config.reading import DEFAULT_FILES, find_file, group_faults, load
from syncer.config.tree import (
    ConnectorTable,
    Mail,
    Planning,
    Repairer,
    Retention,
    Server,
    Settings,
    SettingsGroup,
    Store,
    Sync,
    Vault,
)
from syncer.domain.durations import duration_text, parse_duration

__all__ = [
    "DEFAULT_FILES",
    "ConnectorTable",
    "Mail",
    "Planning",
    "Repairer",
    "Retention",
    "Server",
    "Settings",
    "SettingsGroup",
    "Store",
    "Sync",
    "Vault",
    "duration_text",
    "find_file",
    "group_faults",
    "load",
    "parse_duration",
]
