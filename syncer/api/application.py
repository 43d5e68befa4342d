"""The HTTP API as one application."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from syncer.api import (
    attachments,
    attention,
    changes,
    claim_file_events,
    claim_files,
    connectors,
    credentials,
    deliveries,
    document_rules,
    documents,
    excludes,
    health,
    links,
    mails,
    passes,
    quarantine,
    records,
    refresh,
    reminders,
    repairers,
)
from syncer.services.catalog import Services
from syncer.web import Route, routes_of
from syncer.web.application import serve
from syncer.web.documentation import documentation_routes
from syncer.web.openapi import document_route

_MODULES = (
    health,
    connectors,
    repairers,
    links,
    credentials,
    excludes,
    refresh,
    passes,
    records,
    attachments,
    quarantine,
    claim_files,
    documents,
    claim_file_events,
    deliveries,
    document_rules,
    reminders,
    mails,
    changes,
    attention,
)


def api_routes() -> list[Route]:
    """List the routes that the OpenAPI document describes, in its order."""
    routes = routes_of(_MODULES)
    return [*routes, document_route(routes)]


def create_application(
    services: Services, *, token: str, allowed_hosts: Sequence[str] = ()
) -> web.Application:
    """Make the application.

    ``token`` is what callers send as a Bearer token. ``allowed_hosts`` are host names, with or
    without a port, besides the loopback ones; without a port, the one that is listened on.
    """
    routes = [*api_routes(), *documentation_routes()]
    return serve(routes, services, token=token, allowed_hosts=allowed_hosts)
