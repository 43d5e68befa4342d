"""The resources of the played partner as JSON, with links that nobody can guess.

A link is a random path, made once for what it leads to; some hold a query already, and every other
one is absolute. Lists are paged in both dialects: by a link ``next``, or by the property
``nextPage``.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer_sinapps import wire
from syncer_sinapps.played_commands import offered
from syncer_sinapps.played_world import (
    PlayedAccount,
    PlayedEvent,
    PlayedMission,
    PlayedService,
    PlayedSubEvent,
    PlayedThing,
)

MOST_EVENTS = 15
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a link leads to: a view of a thing, or of the account."""

    view: str
    thing: PlayedThing | None = None
    name: str = ""


@dataclass(slots=True, kw_only=True)
class Pages:
    """The pages of one account."""

    account: PlayedAccount
    base_url: str = ""
    _tokens: dict[tuple[str, int, str], str] = field(default_factory=dict)
    _targets: dict[str, Target] = field(default_factory=dict)

    def target(self, token: str) -> Target | None:
        """Say what a path leads to."""
        return self._targets.get(token)

    def href(self, view: str, thing: PlayedThing | None = None, name: str = "") -> str:
        """Give the link to a view."""
        key = (view, id(thing), name)
        token = self._tokens.get(key)
        if token is None:
            token = self._tokens[key] = secrets.token_hex(12)
            self._targets[token] = Target(view, thing, name)
        path = f"/core/api/{token}"
        if view in {"missions", "documents"}:
            path += f"?nbPage=1&nbElements={self.account.page_size}"
        elif view == "events":
            path += "?since=0"
        return f"{self.base_url}{path}" if int(token[-1], 16) % 2 else path

    # -- single resources -------------------------------------------------------------------------

    def user(self, *, of_partner: bool = False) -> Json:
        """Give what a login answers with, or the partner that the user belongs to."""
        links = {"partenaire": "partner", "missions": "missions", "abstractMissions": "missions"}
        links |= {"events": "all-events", "eventsNotCreatedByMe": "events"}
        links |= {"linked-events": "all-events"}
        found = [{"rel": rel, "href": self.href(view)} for rel, view in links.items()]
        return {
            "href": self.href("user"),
            "properties": {"id": self.account.user, "login": self.account.login},
            "links": found[:1] if self.account.links_at_partner and not of_partner else found,
        }

    def resource(self, thing: PlayedThing) -> Json:
        """Give a thing with its links."""
        links = {
            "mission": {
                wire.SERVICES: "services",
                wire.DOCUMENTS: "documents",
                wire.SOLICITATIONS: "solicitations",
                wire.COMMANDS: "commands",
                wire.EVENTS: "mission-events",
            },
            "service": {wire.APPOINTMENTS: "appointments", wire.COMMANDS: "commands"},
            "claim": {wire.COMMANDS: "commands"},
            "appointment": {wire.COMMANDS: "commands"},
            "document": {wire.RAW: "raw"},
        }.get(thing.kind, {})
        found = [{"rel": rel, "href": self.href(view, thing)} for rel, view in links.items()]
        if isinstance(thing, PlayedService):
            mission = thing.mission
            found.append({"rel": wire.MISSION, "href": self.href("thing", mission, "above")})
            found.append({"rel": wire.CLAIM, "href": self.href("thing", mission.claim)})
        href = self.href("thing", thing)
        return {"href": href, "properties": thing.properties, "links": found}

    def commands(self, owner: PlayedThing) -> Json:
        """List what is allowed on a thing now, in one dialect or the other."""
        rel = "links" if owner.kind == "claim" else "actions"
        items = [
            {
                "href": self.href("command", owner, name),
                "properties": {"name": name, "label": name, "description": ""},
                rel: [
                    {"rel": each, "method": "PUT", "href": self.href(each, owner, name)}
                    for each in (wire.SUBMIT, wire.TEST)
                ],
            }
            for name in offered(self.account, owner)
        ]
        return {"href": self.href("commands", owner), "properties": {}, "items": items, "links": []}

    # -- lists ------------------------------------------------------------------------------------

    def listed(
        self,
        view: str,
        owner: PlayedThing | None,
        things: Sequence[PlayedThing],
        page: int,
        size: int,
    ) -> Json:
        """Give a page of a list."""
        rows = things[(page - 1) * size : page * size]
        href = self.href(view, owner)
        properties: Json = {
            "totalNumberOfElements": len(things),
            "noPage": page,
            "nbElementPerPage": size,
            "nbElements": len(rows),
        }
        links = []
        if page * size < len(things):
            if view == "documents":
                properties["nextPage"] = page + 1
            else:
                mark = "&" if "?" in href else "?"
                path = href.replace("nbPage=1", f"nbPage={page + 1}")
                path = path if path != href else f"{href}{mark}nbPage={page + 1}&nbElements={size}"
                links.append({"rel": wire.NEXT, "href": path})
        items = [self.resource(one) for one in rows]
        return {"href": href, "properties": properties, "items": items, "links": links}

    def events(
        self, since: int, most: int, *, view: str, mission: PlayedMission | None = None
    ) -> Json:
        """Give a stretch of the log: of a mission all of it, else what others did."""
        found = []
        for event in self.account.log:
            items = [one for one in event.items if self._is_told(one, view, mission)]
            if event.id > since and items:
                found.append(self._event(event, items))
        return {
            "href": self.href(view, mission),
            "properties": {},
            "items": found[:most],
            "links": [],
        }

    def _is_told(self, item: PlayedSubEvent, view: str, mission: PlayedMission | None) -> bool:
        if view == "events":
            return item.user != self.account.user
        return mission is None or item.mission is mission

    def _event(self, event: PlayedEvent, items: Sequence[PlayedSubEvent]) -> Json:
        href = self.href("event", None, str(event.id))
        id_: int | str = event.id if event.id % 2 else str(event.id)
        subs = [
            {
                "href": f"{href}/{secrets.token_hex(4)}",
                "properties": {
                    "ontologyId": "covea",
                    "resourceType": one.resource_type,
                    "name": one.name,
                    "userId": one.user,
                    "data": dict(one.data),
                },
                "links": [
                    {"rel": wire.RESOURCE, "href": self._referred(one.resource)},
                    {"rel": "user", "href": self.href("user", None, one.user)},
                    {"rel": "commandEvent", "href": href},
                ],
            }
            for one in items
        ]
        return {"href": href, "properties": {"id": id_}, "items": subs}

    def _referred(self, thing: PlayedThing) -> str:
        href = self.href("thing", thing)
        return f"{href}{'&' if '?' in href else '?'}referer=resource"
