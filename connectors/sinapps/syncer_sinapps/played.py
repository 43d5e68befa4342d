"""Sinapps played on loopback, as strict as its contract, for the demo and for tests."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from aiohttp import web

from syncer.testing import serve_app
from syncer.testing.playing import Fault, Handler, with_faults
from syncer_sinapps import wire
from syncer_sinapps.played_commands import Order, RuleError, carry_out, check, offered
from syncer_sinapps.played_life import Life
from syncer_sinapps.played_pages import MOST_EVENTS, Pages, Target
from syncer_sinapps.played_world import (
    PlayedAccount,
    PlayedDocument,
    PlayedMission,
    PlayedService,
    PlayedThing,
)

_LARGEST_REQUEST_BYTES = 60 * 1024 * 1024
_LIST_PARAMETERS = frozenset({"nbPage", "nbElements", "referer"})
_EVENT_PARAMETERS = frozenset({"since", "maxEvents", "eventNames", "referer"})


class PartnerClock(Protocol):
    """The partner's own time."""

    def now(self) -> datetime:
        """Give the present instant, aware."""
        ...


class RealClock:
    """The time of day."""

    def now(self) -> datetime:
        """Give the present instant."""
        return datetime.now(UTC)


class SinappsError(Exception):
    """An error answer of the partner; all of it is text."""

    def __init__(self, status: int, type_: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.type = type_
        self.message = message

    def answer(self) -> web.Response:
        """Give it as an HTTP answer."""
        body = {
            "status": str(self.status),
            "errorType": self.type,
            "userMessage": self.message,
            "formsError": "",
        }
        return web.json_response(body, status=self.status)


class PlayedSinapps:
    """The partner with its accounts.

    ``seen`` tells what was asked for as (method, view, id or name). ``before`` is called with that
    before each request is carried out, and ``after`` with it before its answer leaves. ``faults``
    are matched against ``/<view>/<id or name>``.
    """

    def __init__(self, clock: PartnerClock | None = None) -> None:
        self.clock = clock or RealClock()
        self.accounts: dict[str, PlayedAccount] = {}
        self.seen: list[tuple[str, str, str]] = []
        self.faults: list[Fault] = []
        self.before: Callable[[str, str, str], Awaitable[None]] | None = None
        self.after: Callable[[str, str, str], Awaitable[None]] | None = None
        self._pages: dict[str, Pages] = {}
        self._lives: dict[str, Life] = {}
        self._base_url = ""
        self._turn = 0

    def serve(self) -> AbstractAsyncContextManager[str]:
        """Serve the partner on a free loopback port; gives its ``base_url``."""
        return self._serving()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        async with serve_app(self.application()) as base_url:
            self._base_url = base_url
            for pages in self._pages.values():
                pages.base_url = base_url
            yield base_url

    def application(self) -> web.Application:
        """Make the aiohttp application."""
        app = web.Application(
            middlewares=[_as_errors, self._watch], client_max_size=_LARGEST_REQUEST_BYTES
        )
        for prefix in ("", "/api"):
            app.router.add_post(f"{prefix}/login", self._login)
            app.router.add_put(f"{prefix}/logout", self._logout)
        app.router.add_get("/core/api/{token}", self._get)
        app.router.add_put("/core/api/{token}", self._put)
        return app

    def add_account(self, login: str = "garage-7", *, role: str = wire.REPAIRER) -> PlayedAccount:
        """Add an account without any work."""
        account = PlayedAccount(login, role, self.clock.now, password=f"password-of-{login}-42")
        self.accounts[login] = account
        self._pages[login] = Pages(account=account, base_url=self._base_url)
        return account

    def add_repairer(self, repairer: str) -> Mapping[str, str]:
        """Make an account for a repairer with a mission to begin with; gives its credentials.

        The first one's has a whole intervention behind it as well.
        """
        account = self.add_account(repairer)
        self._lives[repairer] = Life(account)
        account.assign("RechercheDeFuite")
        if len(self._lives) == 1:
            self._lives[repairer].play()
        return self.credentials(account)

    def credentials(self, account: PlayedAccount) -> dict[str, str]:
        """Give what is registered for an account."""
        return {"login": account.login, "password": account.password}

    def live(self) -> str:
        """Let an intervention go one step further; when it has ended the next repairer's begins."""
        repairers = list(self._lives)
        repairer = repairers[self._turn % len(repairers)]
        life = self._lives[repairer]
        line = f"{repairer}: {life.step()}"
        self._turn += life.has_ended
        return line

    # -- around every request ---------------------------------------------------------------------

    @web.middleware
    async def _watch(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        what = self._named(request)
        self.seen.append((request.method, *what))
        if request.content_type == "application/json":
            await request.read()  # whole, before something happens to whoever sends it
        if self.before is not None:
            await self.before(request.method, *what)
        fault = next((one for one in self.faults if _is_meant(one, request.method, what)), None)
        if fault is not None:
            return await with_faults(request, handler, [_as_named(fault)])
        answer = await handler(request)
        if self.after is not None:
            await self.after(request.method, *what)
        return answer

    def _named(self, request: web.Request) -> tuple[str, str]:
        for pages in self._pages.values():
            target = pages.target(request.match_info.get("token", ""))
            if target is not None:
                return target.view, target.name or (target.thing.id if target.thing else "")
        return request.path.strip("/").rpartition("/")[2], ""

    # -- sessions ---------------------------------------------------------------------------------

    async def _login(self, request: web.Request) -> web.StreamResponse:
        body = await _json(request)
        account = self.accounts.get(body.get("login", ""))
        if set(body) != {"login", "password"}:
            raise SinappsError(400, "RG_FORMAT_0001", "login et password sont attendus.")
        if account is None or account.password != body["password"]:
            raise SinappsError(401, "Unauthorized", "Identifiant ou mot de passe incorrect.")
        account.logins += 1
        session = f"{secrets.token_hex(16)}-{account.login}"
        account.sessions = {session: 0}
        answer = web.json_response(self._pages[account.login].user())
        answer.set_cookie(wire.SESSION_COOKIE, session, path="/", httponly=True)
        return answer

    async def _logout(self, request: web.Request) -> web.StreamResponse:
        account = self._account_of(request)
        account.sessions.clear()
        account.logouts += 1
        return web.json_response({})

    def _account_of(self, request: web.Request) -> PlayedAccount:
        session = request.cookies.get(wire.SESSION_COOKIE, "")
        account = self.accounts.get(session.partition("-")[2])
        if account is not None and session in account.sessions:
            account.sessions[session] += 1
            if account.uses is None or account.sessions[session] <= account.uses:
                return account
            del account.sessions[session]
        if account is not None and account.redirects_to is not None:
            raise web.HTTPSeeOther(account.redirects_to)
        raise SinappsError(401, "Unauthorized", "La session a expiré.")

    def _target_of(self, request: web.Request) -> tuple[PlayedAccount, Pages, Target]:
        account = self._account_of(request)
        pages = self._pages[account.login]
        target = pages.target(request.match_info["token"])
        if target is None:
            raise SinappsError(404, "NotFound", "Ressource inconnue.")
        return account, pages, target

    # -- reading ----------------------------------------------------------------------------------

    async def _get(self, request: web.Request) -> web.StreamResponse:
        account, pages, target = self._target_of(request)
        thing = target.thing
        if target.view == "raw" and isinstance(thing, PlayedDocument):
            return web.Response(body=thing.content, content_type=thing.content_type)
        if target.view in {"events", "mission-events"}:
            _known(request, _EVENT_PARAMETERS)
            mission = thing if isinstance(thing, PlayedMission) else None
            since, most = _number(request, "since", 0), _number(request, "maxEvents", MOST_EVENTS)
            return _answer(pages.events(since, most, view=target.view, mission=mission))
        if target.view == "partner":
            return _answer(pages.user(of_partner=True))
        if target.view == "commands" and thing is not None:
            return _answer(pages.commands(thing))
        listed = _listed(account, target)
        if listed is not None:
            _known(request, _LIST_PARAMETERS)
            page, size = _number(request, "nbPage", 1), _number(request, "nbElements", 0)
            if size > wire.LARGEST_PAGE or page < 1:
                raise SinappsError(400, "RG_FORMAT_0003", "nbElements va de 1 à 90.")
            size = size or account.page_size
            return _answer(pages.listed(target.view, thing, listed, page, size))
        if target.view != "thing" or thing is None or not account.has(thing):
            raise SinappsError(404, "NotFound", "Ressource inconnue.")
        return _answer(pages.resource(thing))

    # -- commands ---------------------------------------------------------------------------------

    async def _put(self, request: web.Request) -> web.StreamResponse:
        account, pages, target = self._target_of(request)
        owner, name = target.thing, target.name
        if target.view not in {wire.SUBMIT, wire.TEST} or owner is None:
            raise web.HTTPMethodNotAllowed(request.method, ["GET"])
        if name not in offered(account, owner):
            raise SinappsError(400, "RG_COMMANDE_0001", "La commande n'est plus permise.")
        try:
            if name == wire.ADD_FILES:
                await self._add_file(request, account, owner)
            else:
                body, is_test = await _json(request), target.view == wire.TEST
                self._order(Order(account=account, owner=owner, body=body), name, is_test=is_test)
        except RuleError as error:
            raise SinappsError(400, error.rule, error.message) from None
        return _answer(self._result(pages, name))

    def _order(self, order: Order, name: str, *, is_test: bool) -> None:
        if is_test:
            check(name, order)
            return
        account = order.account
        told = carry_out(name, order)
        accepted = account.tell(
            wire.COMMAND_ACCEPTED, order.owner, by=account.user, resource_type="commands", name=name
        )
        account.happened(accepted, *told)

    async def _add_file(
        self, request: web.Request, account: PlayedAccount, owner: PlayedThing
    ) -> None:
        form = await request.post()
        if sorted(form) != [wire.FILE_PART, wire.FILE_KEY_PART]:
            raise RuleError("RG_PIECEJOINTE_STD_0013", "Au moins une pièce doit être fournie.")
        key, file = form[wire.FILE_KEY_PART], form[wire.FILE_PART]
        if not isinstance(key, str) or not isinstance(file, web.FileField):
            raise RuleError("RG_FORMAT_0001", "nomCleFichier et meta sont attendus.")
        assert isinstance(owner, PlayedMission), "files are put on missions"
        document = account.add_document(
            owner,
            file.filename,
            by=account.role,
            key=key,
            content=file.file.read(),
            content_type=file.content_type,
        )
        account.happened(account.tell("PieceJointeAjoutee", document, by=account.user))

    def _result(self, pages: Pages, name: str) -> dict[str, Any]:
        links = [{"rel": rel, "href": pages.href(rel)} for rel in ("user", "event")]
        properties = {"id": secrets.token_hex(12), "name": name, "checksum": secrets.token_hex(20)}
        return {"href": pages.href("result"), "properties": properties, "links": links}


def _listed(account: PlayedAccount, target: Target) -> list[PlayedThing] | None:
    thing = target.thing
    if target.view == "missions":
        return [*account.missions]
    if isinstance(thing, PlayedMission):
        lists: dict[str, list[PlayedThing]] = {
            "services": [*thing.services],
            "documents": [*thing.documents],
            "solicitations": [*thing.solicitations],
        }
        return lists.get(target.view)
    if isinstance(thing, PlayedService) and target.view == "appointments":
        return thing.appointments
    return None


def _answer(body: dict[str, Any]) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), content_type="application/json")


async def _json(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise SinappsError(415, "UnsupportedMediaType", "application/json est attendu.")
    try:
        body = msgspec.json.decode(await request.read())
    except msgspec.DecodeError:
        raise SinappsError(400, "BadRequest", "Le corps n'est pas du JSON.") from None
    if not isinstance(body, dict):
        raise SinappsError(400, "BadRequest", "Un objet est attendu.")
    return body


def _known(request: web.Request, known: frozenset[str]) -> None:
    names = list(request.query)
    if set(names) - known or len(names) != len(set(names)):
        raise SinappsError(400, "RG_FORMAT_0004", "Un paramètre est inconnu ou répété.")


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdigit():
        raise SinappsError(400, "RG_FORMAT_0005", f"{name} est un nombre.")
    return int(text)


@web.middleware
async def _as_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except SinappsError as error:
        return error.answer()
    except web.HTTPException as error:
        if error.status in {303, 405}:
            raise
        return SinappsError(error.status, error.reason, error.reason).answer()


def _is_meant(fault: Fault, method: str, what: tuple[str, str]) -> bool:
    """Say whether a fault is for what a link leads to; the link itself says nothing."""
    is_method = fault.method in {"", method}
    return fault.times > 0 and is_method and fault.path in "/" + "/".join(what)


def _as_named(fault: Fault) -> Fault:
    """Give the fault once, for this request whatever its path."""
    fault.times -= 1
    return Fault(
        status=fault.status,
        is_after=fault.is_after,
        headers=fault.headers,
        body=fault.body,
    )
