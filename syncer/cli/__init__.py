"""The command line: runs the host, or talks to a running one through its API."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from syncer.cli.exits import Exit, exit_of
from syncer.cli.output import Output
from syncer.cli.root import root
from syncer.domain.errors import SyncerError

__all__ = ["main", "root", "run"]


def main() -> None:
    """Run the command line; the process's entry point."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and give its exit code; errors are told on standard error."""
    as_json = "--json" in arguments
    try:
        outcome = root.main(arguments, prog_name="syncer", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        error.show()
        return Exit.USAGE
    except (click.Abort, KeyboardInterrupt):
        Console(stderr=True).print("Stopped.")
        return 130  # as shells report SIGINT
    except SyncerError as error:
        Output(json=as_json).error(error)
        return exit_of(error)
    except BrokenPipeError:
        sys.stderr.close()  # the reader went away; nothing more can be told
        return Exit.OK
    except Exception:  # noqa: BLE001  the process top: a bug ends with its trace and code 1
        Console(stderr=True).print_exception(show_locals=False)
        return Exit.BUG
    return outcome if isinstance(outcome, int) else Exit.OK
