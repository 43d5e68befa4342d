"""The token: its file, and that nothing but the few open routes answers without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from syncer.api.application import api_routes
from syncer.domain.errors import ConfigurationError
from syncer.web.token import TokenCheck, load_or_make_token

OPEN = {"/healthz", "/readyz"}
CLOSED = [(route.method, route.path) for route in api_routes() if route.path not in OPEN]


def test_token_is_made_once_with_256_bits_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "api-token"

    made = load_or_make_token(path)

    assert len(made) >= 43
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make_token(path) == made


def test_two_tokens_differ(tmp_path: Path) -> None:
    assert load_or_make_token(tmp_path / "a") != load_or_make_token(tmp_path / "b")


def test_token_file_is_refused_when_others_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "api-token"
    load_or_make_token(path)
    path.chmod(0o640)

    with pytest.raises(ConfigurationError, match="0600"):
        load_or_make_token(path)


@pytest.mark.parametrize("content", ["", "short\n"], ids=["empty", "short"])
def test_token_file_is_refused_when_it_holds_no_token(tmp_path: Path, content: str) -> None:
    path = tmp_path / "api-token"
    path.touch(0o600)
    path.write_text(content)

    with pytest.raises(ConfigurationError, match="holds no token"):
        load_or_make_token(path)


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["Bearer wrong"],
        ["Bearer "],
        ["Basic right-token"],
        ["right-token"],
        ["Bearer right-token", "Bearer right-token"],
        ["Bearer right-tokén"],
    ],
)
def test_token_check_refuses(given: list[str]) -> None:
    assert not TokenCheck("right-token").accepts(given)


@pytest.mark.parametrize("given", ["Bearer right-token", "bearer right-token"])
def test_token_check_accepts_the_token(given: str) -> None:
    assert TokenCheck("right-token").accepts([given])


async def test_every_route_answers_401_without_the_token(house: Any) -> None:
    for method, path in CLOSED:
        for token in (None, "wrong"):
            reply = await house.ask(method, path, token=token)

            assert reply.status == 401, path
            assert reply.code == "unauthorized"
            assert reply.headers["WWW-Authenticate"] == "Bearer"


async def test_unknown_path_answers_401_without_the_token(house: Any) -> None:
    for path in ("/", "/v1", "/v2/links", "/docs/../v1/links", "/docs/x.js"):
        reply = await house.get(path, token=None)

        assert reply.status == 401, path


@pytest.mark.parametrize(
    "path", ["/healthz", "/readyz", "/docs", "/docs/docs.css", "/docs/docs.js"]
)
async def test_open_route_answers_without_the_token(house: Any, path: str) -> None:
    reply = await house.get(path, token=None)

    assert reply.status == 200
