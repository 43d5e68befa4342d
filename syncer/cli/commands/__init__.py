"""The commands, a module for each word; a module is imported when its word is used."""

from __future__ import annotations

from importlib import import_module

import click

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
    "mails",
    "attention",
    "connector",
    "key",
    "audit",
    "backup",
    "diagnostics",
)
_ELSEWHERE = {"restore": "backup"}


class Words(click.Group):
    """Imports the module of the word that is asked for, so that a command starts quickly."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give the command, once its module has registered it."""
        module = _ELSEWHERE.get(cmd_name, cmd_name)
        if module in _MODULES:
            _register(module)
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List all; who lists them shows their help, so all are imported."""
        for module in _MODULES:
            _register(module)
        return super().list_commands(ctx)


def _register(module: str) -> None:
    import_module(f"{__name__}.{module}")
