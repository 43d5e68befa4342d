"""Listening: the server's limits, and who may reach a Unix socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from syncer.domain.errors import ConfigurationError

_SOCKET_MODE = 0o660
_KEEP_ALIVE_SECONDS = 75.0
_CLOSE_SECONDS = 2.0
"""How long requests may go on once the server stops; bounded by the process's own deadline."""


@asynccontextmanager
async def listen(
    app: web.Application, *, host: str = "127.0.0.1", port: int = 0, path: Path | None = None
) -> AsyncIterator[str]:
    """Serve until the block ends; gives the address: a URL, or the path of the Unix socket.

    ``path`` makes it a Unix socket instead. Port 0 takes a free one. A socket file that an earlier
    process left behind is replaced.

    Raises:
        ConfigurationError: there is something else at ``path``.
        OSError: the address cannot be listened on.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        logger=_quiet_logger(),
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        shutdown_timeout=_CLOSE_SECONDS,
    )
    await runner.setup()
    try:
        yield await _open(runner, host, port, path)
    finally:
        await runner.cleanup()


async def _open(runner: web.AppRunner, host: str, port: int, path: Path | None) -> str:
    if path is not None:
        await web.SockSite(runner, _bind(path)).start()
        return str(path)
    await web.TCPSite(runner, host, port).start()
    real_port = runner.addresses[0][1]
    return f"http://{f'[{host}]' if ':' in host else host}:{real_port}"


def _bind(path: Path) -> socket.socket:
    """Bind a Unix socket that nobody could reach before it had its mode."""
    if path.is_socket():
        path.unlink()
    elif path.exists():
        raise ConfigurationError([f"server.socket: {path} is there and is no socket"])
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(~_SOCKET_MODE & 0o777)
    try:
        bound.bind(str(path))
    finally:
        os.umask(umask)
    return bound


def _quiet_logger() -> logging.Logger:
    """Give the server a logger that keeps quiet about malformed requests.

    The framework logs them with their raw bytes, which may hold a token. What goes wrong in a
    well-formed request is logged by ``problems``.
    """
    logger = logging.getLogger("syncer.web.malformed")
    logger.setLevel(logging.CRITICAL)
    return logger
