"""The host: everything built in order, run, and stopped in reverse order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from syncer.api.application import create_application
from syncer.api.control import serve_control
from syncer.bootstrap.actions import operator_actions
from syncer.bootstrap.breakers import StoredBreakers
from syncer.bootstrap.checking import check_configuration
from syncer.bootstrap.mailing import mail_room
from syncer.bootstrap.places import (
    TOKEN_FILE,
    backup_of,
    data_folder,
    files_folder,
    key_files,
    store_url,
)
from syncer.bootstrap.upkeep import working
from syncer.bootstrap.wiring import Ports, wire
from syncer.config import Settings
from syncer.dispatch.ambient import SystemChance, SystemClock, UuidIds
from syncer.domain.stored import Repairer
from syncer.observability import Event, get_logger, known_secrets
from syncer.observability.crash_points import crash_point
from syncer.observability.metrics import metrics
from syncer.partner import FolderRoots, Partners, Target
from syncer.plugins import Registry
from syncer.ports.store import Store, UnitOfWork
from syncer.services.catalog import Services
from syncer.services.guard import USUAL_PATIENCE, Patience
from syncer.services.open_links import OpenLinks
from syncer.store import FileBlobStore, open_store
from syncer.vault import open_vault
from syncer.web.serving import listen
from syncer.web.token import load_or_make_token

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A running host. ``address`` is a URL, or the path of a Unix socket."""

    address: str
    token_path: Path
    services: Services
    registry: Registry
    settings: Settings


@asynccontextmanager
async def running(
    settings: Settings, *, patience: Patience = USUAL_PATIENCE
) -> AsyncIterator[Host]:
    """Run the whole host; it serves while the block runs and stops cleanly after it.

    Stopping takes at most ``patience.stop`` and a little: no more is started, what runs may
    finish, then it is cancelled; what is stored is stored.

    Raises:
        ConfigurationError: something in the settings cannot be used; nothing was started.
        DataFolderInUseError: another process uses the data folder.
        SchemaUnknownError: the database is of a newer release.
    """
    registry = check_configuration(settings)
    folder = data_folder(settings)
    token_path = folder / TOKEN_FILE
    clock, ids = SystemClock(), UuidIds()
    mail = mail_room(settings, clock)
    async with open_store(store_url(settings), clock=clock, ids=ids) as store:
        token = load_or_make_token(token_path)  # made under the store's lock: by one process only
        known_secrets.add([token])
        await _prepare(store, settings, registry, has_mail=mail.is_configured)
        crash_point("host-prepared")
        vault = await open_vault(store, *key_files(settings), clock=clock)
        metrics.vault_is(unsealed=vault.sealed_reason is None)
        async with Partners(
            _targets(registry),
            clock=clock,
            chance=SystemChance(),
            memory=StoredBreakers(store),
            meter=metrics,
        ) as partners:
            ports = Ports(
                mail=mail,
                store=store,
                blobs=FileBlobStore(files_folder(settings)),
                vault=vault,
                registry=registry,
                sessions=partners,
                folders=FolderRoots(_roots(registry), clock=clock),
                clock=clock,
                ids=ids,
            )
            wired = wire(ports, settings, started_at=clock.now(), patience=patience)
            await wired.services.document_rules.keep(
                [one.as_rule_set() for one in settings.document_rules]
            )
            app = create_application(
                wired.services, token=token, allowed_hosts=settings.server.allowed_hosts
            )
            actions = operator_actions(store, vault, backup_of(settings), clock)
            async with serve_control(folder, actions), working(wired, ports):
                listening = listen(
                    app,
                    host=settings.server.host,
                    port=settings.server.port,
                    path=Path(settings.server.socket) if settings.server.socket else None,
                )
                async with listening as address:
                    _log.info(Event.STARTED, address=address)
                    yield Host(
                        address=address,
                        token_path=token_path,
                        services=wired.services,
                        registry=registry,
                        settings=settings,
                    )
                    _log.info(Event.STOPPING)
                    wired.services.health.stop()
                    await wired.drain(patience.stop)
                    crash_point("host-drained")
    _log.info(Event.STOPPED)


async def _prepare(store: Store, settings: Settings, registry: Registry, *, has_mail: bool) -> None:
    """Bring repairers of the configuration and the rows of their links into the store."""
    repairers = [
        Repairer(
            id=one.id,
            name=one.name,
            sites=tuple(one.sites),
            prefilled=one.prefilled,
            origin="file",
        )
        for one in settings.repairers
    ]
    enabled = [one.name for one in registry.all() if one.enabled]

    async def write(uow: UnitOfWork) -> None:
        await uow.repairers.keep_from_file(repairers)
        await uow.links.ensure(enabled)
        await OpenLinks(registry=registry, has_mail=has_mail).settle(uow)

    await store.write(write)


def _targets(registry: Registry) -> dict[str, Target]:
    return {
        one.name: Target(
            base_url=one.base_url,
            allow_insecure=one.allow_insecure,
            limits=one.connector.limits,
        )
        for one in registry.all()
        if one.connector is not None and one.base_url
    }


def _roots(registry: Registry) -> dict[str, Path]:
    return {one.name: Path(one.root) for one in registry.all() if one.connector and one.root}
