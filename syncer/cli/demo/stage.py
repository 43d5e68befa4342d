"""Sets the demo up: played partners, a host of its own, three repairers with sealed credentials."""

from __future__ import annotations

import fcntl
import json
import shlex
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from syncer.cli.client import Json, ServiceClient, token_path_of
from syncer.cli.exits import ServiceAnswerError
from syncer.cli.invocation import Invocation
from syncer.config import Settings, duration_text
from syncer.dispatch.ambient import SystemClock
from syncer.domain.errors import ConfigurationError
from syncer.sdk import PlayedPartner

REPAIRERS: Mapping[str, str] = {
    "garage-janssens": "Garage Janssens",
    "carrosserie-leroy": "Carrosserie Leroy",
    "bodyshop-peeters": "Bodyshop Peeters",
}
LOG_FILE = "syncer.log"
PREFERRED_PORT = 8360
LIVE_INTERVAL = timedelta(seconds=10)
ONCE_INTERVAL = timedelta(hours=1)
_HISTORY_DAYS = 30
_CONFIGURATION = """\
# Written by `syncer demo` at every start. Other commands reach the demo with it:
#   syncer links --config {file}
data_dir = {data_dir}
log_level = "warning"

[server]
port = {port}

[vault]
key_file = {key_file}

[sync]
interval = "{interval}"
"""
_CONNECTOR = """
[connectors.{name}]
enabled = true
base_url = {base_url}
allow_insecure = true
"""
_FOLDERS = """
[connectors.{name}]
enabled = true
root = {root}
"""
_MAIL = """
[connectors.{name}]
enabled = true

[mail]
host = {host}
port = {port}
security = "none"
from = "Demo <demo@syncer.example>"
"""
_MAILBOX, _FOLDER = "smtp", "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A demo that is set up and running."""

    settings: Settings
    client: ServiceClient
    partners: Mapping[str, PlayedPartner]
    happened: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        """Where the API is."""
        return self.client.address

    @property
    def token_path(self) -> Path:
        """Where the API's token is."""
        return token_path_of(self.settings)

    def requests(self) -> dict[str, str]:
        """Give three requests to copy into another terminal."""
        token = shlex.quote(str(self.token_path))
        curl = f'curl -s -H "Authorization: Bearer $(cat {token})"'
        body = shlex.quote(json.dumps({"repairer": next(iter(REPAIRERS))}))
        return {
            "List quotes": f"{curl} '{self.address}/v1/records?kind=quote&limit=5'",
            "Refresh one repairer and wait": f"{curl} -X POST -H 'Content-Type: application/json' "
            f"-d {body} '{self.address}/v1/refresh?wait=60'",
            "Read the change feed": f"{curl} '{self.address}/v1/changes?limit=5'",
        }


@asynccontextmanager
async def set_up(folder: Path, *, interval: timedelta) -> AsyncIterator[Stage]:
    """Start everything in a folder; what an earlier demo left there goes on.

    Raises:
        ConfigurationError: no installed connector brings a played partner along.
    """
    from syncer.bootstrap import running
    from syncer.observability import configure_logging

    partners = _played_partners()
    async with AsyncExitStack() as stack:
        base_urls = {
            name: await stack.enter_async_context(partner.serve())
            for name, partner in partners.items()
        }
        port = stack.enter_context(_port())
        file = _write_configuration(folder, base_urls, port, interval)
        settings = Invocation(file=file).settings()
        log = stack.enter_context((folder / LOG_FILE).open("a", encoding="utf-8"))
        configure_logging(settings.log_level, stream=log)
        await stack.enter_async_context(running(settings))
        client = await stack.enter_async_context(ServiceClient(settings))
        for repairer, name in REPAIRERS.items():
            await client.call("PUT", f"/v1/repairers/{repairer}", body={"name": name})
            for connector, partner in partners.items():
                link = f"/v1/repairers/{repairer}/links/{connector}"
                await _register(client, link, partner.add_repairer(repairer))
        yield Stage(settings=settings, client=client, partners=partners)


def _played_partners() -> dict[str, PlayedPartner]:
    from syncer.plugins import played_partner

    names = sorted({point.name for point in entry_points(group="syncer.connectors")})
    found = {name: played_partner(name) for name in names}
    partners = {name: partner for name, partner in found.items() if partner is not None}
    if not partners:
        raise ConfigurationError(
            ["No connector with a played partner is installed; try `make run`."]
        )
    return partners


def _write_configuration(
    folder: Path, base_urls: Mapping[str, str], port: int, interval: timedelta
) -> Path:
    from syncer.vault import create_key_file

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = folder / "syncer.key"
    if not key.exists():
        create_key_file(key)
    file = folder / "syncer.toml"
    text = _CONFIGURATION.format(
        file=file,
        data_dir=json.dumps(str(folder / "data")),
        key_file=json.dumps(str(key)),
        port=port,
        interval=duration_text(interval),
    )
    for name, base_url in base_urls.items():
        parts = urlsplit(base_url)
        if parts.scheme == _MAILBOX:  # a partner that is written to
            text += _MAIL.format(name=name, host=json.dumps(parts.hostname), port=parts.port)
        elif parts.scheme == _FOLDER:  # a partner that files are exchanged with
            text += _FOLDERS.format(name=name, root=json.dumps(url2pathname(parts.path)))
        else:
            text += _CONNECTOR.format(name=name, base_url=json.dumps(base_url))
    file.write_text(text, encoding="utf-8")
    return file


@contextmanager
def _port() -> Iterator[int]:
    """Give the usual port when it is free, else another one.

    A demo that has the usual port, or is about to take it, holds a lock until it ends.
    """
    place = Path(tempfile.gettempdir()) / f"syncer-demo-{PREFERRED_PORT}.lock"
    with ExitStack() as stack:
        try:
            lock = stack.enter_context(place.open("ab"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            wanted = PREFERRED_PORT
        except OSError:  # another demo, or another user's
            wanted = 0
        yield _free_port(wanted)


def _free_port(preferred: int) -> int:
    for wanted in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind(("127.0.0.1", wanted))
                port: int = probe.getsockname()[1]
                return port
    raise ConfigurationError(["No TCP port is free on this machine."])


async def _register(client: ServiceClient, link: str, fields: Mapping[str, str]) -> None:
    """Choose a start date, so that there is something to see, and register the credentials."""
    stored: Json = await client.get(f"{link}/credentials")
    if stored["configured"]:
        return
    since = SystemClock().now().date() - timedelta(days=_HISTORY_DAYS)
    with suppress(ServiceAnswerError):  # a connector without history refuses it; the demo goes on
        await client.call("PUT", f"{link}/settings", body={"start_date": since.isoformat()})
    await client.call("PUT", f"{link}/credentials", body=dict(fields))
