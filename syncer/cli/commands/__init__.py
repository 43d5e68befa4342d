"""The commands, a module for each word."""

from importlib import import_module

_MODULES = (
    "init",
    "run",
    "demo",
    "check",
    "doctor",
    "status",
    "links",
    "refresh",
    "credentials",
    "records",
    "deliveries",
    "attention",
    "connector",
    "key",
    "audit",
    "backup",
    "diagnostics",
)


def register_all() -> None:
    """Import every command module; each registers its commands."""
    for name in _MODULES:
        import_module(f"{__name__}.{name}")
