"""The outbox of one process: what makes attempts, and what accepts, shows and moves deliveries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from syncer.bootstrap.troubles import Troubles
from syncer.dispatch.ambient import SystemChance
from syncer.dispatch.local import LocalDispatcher
from syncer.services.accepting import Acceptance
from syncer.services.admission import Admission
from syncer.services.attempts import Attempts
from syncer.services.deliveries import DeliveryService
from syncer.services.leases import Leases
from syncer.services.outbox import Outbox

if TYPE_CHECKING:
    from syncer.bootstrap.wiring import Ports
    from syncer.config import Settings
    from syncer.services.guard import Patience
    from syncer.services.opening import LinkOpener
    from syncer.services.settings import SettingsInForce

SENDING_TAKES_TIMES = 3
"""How much longer a call that sends may take than one that reads: files leave in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """All of it, wired once. ``is_alone``: no other process works on this store."""

    dispatcher: LocalDispatcher
    outbox: Outbox
    acceptance: Acceptance
    deliveries: DeliveryService
    is_alone: bool


def wire_outbound(
    ports: Ports,
    config: Settings,
    *,
    opener: LinkOpener,
    settings: SettingsInForce,
    patience: Patience,
) -> Outbound:
    """Wire the outbox; it has slots of its own, so that nothing that comes in can hold it up."""
    store, blobs, registry, clock = ports.store, ports.blobs, ports.registry, ports.clock
    chance = SystemChance()
    dispatcher = LocalDispatcher(
        config.sync.concurrency,
        [one.name for one in registry.all() if one.enabled],
        clock=clock,
        report=Troubles(registry),
    )
    attempts = Attempts(
        store=store,
        blobs=blobs,
        registry=registry,
        opener=opener,
        leases=Leases(store=store, clock=clock),
        clock=clock,
        ids=ports.ids,
        chance=chance,
        patience=replace(patience, call=patience.call * SENDING_TAKES_TIMES),
    )
    outbox = Outbox(
        store=store,
        vault=ports.vault,
        registry=registry,
        dispatcher=dispatcher,
        attempts=attempts,
        clock=clock,
        chance=chance,
    )
    return Outbound(
        dispatcher=dispatcher,
        outbox=outbox,
        acceptance=Acceptance(
            store=store,
            registry=registry,
            settings=settings,
            clock=clock,
            ids=ports.ids,
            nudge=outbox.nudge,
        ),
        deliveries=DeliveryService(
            store=store,
            registry=registry,
            admission=Admission(registry=registry, settings=settings),
            clock=clock,
            nudge=outbox.nudge,
        ),
        is_alone=not config.store.url.startswith("postgresql"),
    )
