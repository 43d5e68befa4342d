"""The program in a process that is forked from one which has imported it: most of a start is saved.

Nothing else is shared: the process from which it is forked runs no event loop, no thread and no
part of the program.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from tests.e2e.service import Launch, Started

STDOUT, STDERR = 1, 2

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["tests.e2e.imported"])


class Forked:
    """A child of the fork server, with what the tests use of a subprocess."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        self._ended = asyncio.get_running_loop().create_future()
        self.pid = process.pid or 0
        asyncio.get_running_loop().add_reader(process.sentinel, self._note_end)

    @property
    def returncode(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    async def wait(self) -> int:
        return int(await asyncio.shield(self._ended))

    def _note_end(self) -> None:
        asyncio.get_running_loop().remove_reader(self._process.sentinel)
        self._process.join()
        self._ended.set_result(self._process.exitcode)


def forked(main: Callable[[], None]) -> Launch:
    """Give a way to start ``main``, an importable function that reads ``sys.argv``."""

    async def launch(
        arguments: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> Started:
        said, saying = _context.Pipe(duplex=False)
        process = _context.Process(
            target=_run, args=(main, list(arguments), dict(environment), saying, str(log))
        )
        process.start()
        saying.close()

        async def first_line() -> bytes:
            with os.fdopen(os.dup(said.fileno()), "rb") as output:
                said.close()
                return await asyncio.to_thread(output.readline)

        return Forked(process), first_line

    return launch


def _run(
    main: Callable[[], None],
    arguments: list[str],
    environment: dict[str, str],
    saying: Connection,
    log: str,
) -> None:
    os.environ.update(environment)  # noqa: TID251 - a process of its own
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    os.dup2(saying.fileno(), STDOUT)
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), STDERR)
    saying.close()
    sys.argv = ["syncer", *arguments]
    main()
