"""What every command shares: the configuration it reads, and how it shows its result."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import update_wrapper
from pathlib import Path
from typing import Any, TypeVar

import click

from syncer.cli.output import Output
from syncer.config import Settings, load

T = TypeVar("T")
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(slots=True)
class Invocation:
    """Options that may stand before or after the command's name."""

    file: Path | None = None
    assignments: dict[str, str] = field(default_factory=dict)
    json: bool = False

    def settings(self, **assignments: str | None) -> Settings:
        """Read the settings in force, options of the command included.

        Raises:
            ConfigurationError: with every fault.
        """
        given = {name: value for name, value in assignments.items() if value is not None}
        dotted = {name.replace("__", "."): value for name, value in given.items()}
        return load(self.file, assignments={**self.assignments, **dotted})

    @property
    def output(self) -> Output:
        """Where results go."""
        return Output(json=self.json)


pass_invocation = click.make_pass_decorator(Invocation, ensure=True)


def _remember_file(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        context.ensure_object(Invocation).file = value


def _remember_json(context: click.Context, _: click.Parameter, *, value: bool) -> None:
    if value:
        context.ensure_object(Invocation).json = True


def _remember_assignments(
    context: click.Context, parameter: click.Parameter, values: tuple[str, ...]
) -> None:
    for each in values:
        name, equals, value = each.partition("=")
        if not equals or not name.strip():
            raise click.BadParameter("must look like server.port=8361", context, parameter)
        context.ensure_object(Invocation).assignments[name.strip()] = value


def shared_options(function: Function) -> Function:
    """Add --config, --set and --json; they may also stand before the command's name."""
    click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=lambda context, parameter, value: _remember_json(
            context, parameter, value=bool(value)
        ),
        help="Print the result as JSON.",
    )(function)
    click.option(
        "--set",
        metavar="NAME=VALUE",
        multiple=True,
        expose_value=False,
        callback=_remember_assignments,
        help="Set one setting for this call, such as server.port=8361.",
    )(function)
    click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        expose_value=False,
        callback=_remember_file,
        help="Configuration file; else SYNCER_CONFIG, ./syncer.toml, /etc/syncer/config.toml.",
    )(function)
    return function


def command(group: click.Group, name: str, **attributes: Any) -> Callable[[Function], Function]:
    """Register a function as a command of a group, with the shared options.

    A coroutine function is run to its end. An int that comes back is the exit code.
    """

    def register(function: Function) -> Function:
        def call(*args: Any, **kwargs: Any) -> None:
            outcome = function(*args, **kwargs)
            if asyncio.iscoroutine(outcome):
                outcome = run(outcome)
            if isinstance(outcome, int):
                click.get_current_context().exit(int(outcome))

        update_wrapper(call, function)
        group.command(name, **attributes)(shared_options(pass_invocation(call)))
        return function

    return register


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a fresh event loop, uvloop's where it is installed."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(coroutine)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(coroutine)
