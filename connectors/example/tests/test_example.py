"""The tutorial connector against its played partner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import pytest
from aiohttp import web
from syncer_example import Example, ExampleCredentials
from syncer_example.played import PlayedExample

from syncer.dispatch.ambient import SystemChance, SystemClock
from syncer.domain.links import LinkKey
from syncer.domain.stored import BreakerState
from syncer.partner import Partners, Target
from syncer.sdk import CredentialsRejectedError, HttpSession, Link, Settings
from syncer.testing import read_pass, serve_app

OurLink = Link[ExampleCredentials, Settings]


class NoMemory:
    async def load(self) -> Sequence[BreakerState]:
        return ()

    async def save(self, state: BreakerState) -> None:
        pass


@pytest.fixture
def partner() -> PlayedExample:
    return PlayedExample()


@pytest.fixture
async def partners(partner: PlayedExample) -> AsyncIterator[Partners]:
    async with partner.serve() as base_url, sessions_to(base_url) as partners:
        yield partners


def sessions_to(base_url: str) -> Partners:
    target = Target(base_url=base_url, allow_insecure=True, limits=Example.limits)
    return Partners(
        {"example": target}, clock=SystemClock(), chance=SystemChance(), memory=NoMemory()
    )


def link_with(token: str, partners: Partners) -> OurLink:
    credentials = ExampleCredentials.model_validate({"token": token})
    http: HttpSession = partners.http(
        LinkKey(repairer="garage-7", connector="example"),
        auth_headers=Example().auth_headers(credentials),
        correlation_id="pass-1",
    )
    return Link(
        repairer="garage-7",
        credentials=credentials,
        settings=Settings(),
        start_date=None,
        http=http,
    )


async def test_check_accepts_the_token_of_an_account(
    partner: PlayedExample, partners: Partners
) -> None:
    token = partner.add_repairer("garage-7")["token"]

    await Example().check(link_with(token, partners))


async def test_check_refuses_any_other_token(partner: PlayedExample, partners: Partners) -> None:
    partner.add_repairer("garage-7")

    with pytest.raises(CredentialsRejectedError):
        await Example().check(link_with("other", partners))


async def test_every_mission_is_read_once_and_then_only_what_changed(
    partner: PlayedExample, partners: Partners
) -> None:
    link = link_with(partner.add_repairer("garage-7")["token"], partners)

    first = await read_pass(Example(), link, None)
    partner.live()
    second = await read_pass(Example(), link, first.cursor)

    assert [one.partner_ref for one in first.records] == [f"garage-7-{n}" for n in range(3)]
    assert [one.partner_ref for one in second.records] == ["garage-7-0"]
    assert first.pages == 2


@pytest.mark.parametrize(
    "bad", ['{"id": 7}', "null", '{"id": "a", "at": "today", "status": "open"}'], ids=repr
)
async def test_a_bad_item_is_set_aside_with_its_bytes(bad: str) -> None:
    good = '{"id": "b", "at": "2026-03-02T09:14:05Z", "status": "open"}'

    async def missions(request: web.Request) -> web.Response:
        return web.json_response(text=f'{{"missions":[{bad},{good}],"next":"2","more":false}}')

    app = web.Application()
    app.add_routes([web.get("/missions", missions)])
    async with serve_app(app) as base_url, sessions_to(base_url) as partners:
        page = await Example().pull(link_with("token", partners), None)

    assert [one.partner_ref for one in page.records] == ["b"]
    assert [one.raw for one in page.unreadable] == [bad.encode()]
