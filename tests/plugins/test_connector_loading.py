"""Loading connectors: the good run, the broken are set aside with a reason to act on."""

from __future__ import annotations

import sys
from textwrap import dedent

import pytest

from syncer.domain.errors import ConfigurationError, ConflictError, NotFoundError
from syncer.plugins import Registry, load_connectors, played_partner
from syncer.ports.plugins import ConnectorState, ConnectorTable
from tests.plugins.conftest import GOOD, Install

ON = ConnectorTable(enabled=True, base_url="https://partner.example")


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


def load(*names: str, **tables: ConnectorTable) -> Registry:
    return load_connectors({**dict.fromkeys(names, ON), **tables})


def test_a_good_connector_is_ready(install: Install) -> None:
    install("good")

    registry = load("good")

    assert registry.get("good").state is ConnectorState.READY
    assert registry.usable("good").title == "Good"


BROKEN = {
    "no import": ("import not_there", "ModuleNotFoundError"),
    "syntax error": ("def", "SyntaxError"),
    "exit at import": ("raise SystemExit(3)", "SystemExit"),
    "interrupt at import": ("raise KeyboardInterrupt", "KeyboardInterrupt"),
    "base exception": ("class Odd(BaseException): ...\nraise Odd", "Odd"),
    "wrong signature": (changed("(register)", "(register, more)"), "more"),
    "unknown hook": (changed("def register_connectors", "def register_conectors"), "conectors"),
    "no hook": (changed("@hookimpl", ""), "registers no connector"),
    "coroutine hook": (changed("def register_c", "async def register_c"), "coroutine"),
    "hook that raises": (changed("register(Good)", "raise OSError('x')"), "OSError: x"),
    "hook that exits": (changed("register(Good)", "raise SystemExit"), "SystemExit"),
    "two registrations": (changed("register(Good)", "register(Good); register(Good)"), "2"),
    "an instance": (changed("register(Good)", "register(Good())"), "no Connector class"),
    "another class": (changed("register(Good)", "register(int)"), "no Connector class"),
    "newer sdk": (changed('title = "Good"', "title = 'Good'; sdk_version = 2"), "SDK version 2"),
    "another name": (changed('"NAME"', '"other"'), "'other'"),
    "no title": (changed('title = "Good"', "pass"), "title"),
    "empty title": (changed('title = "Good"', "title = ''"), "title"),
    "no limits": (changed('limits = PartnerLimits(source="none")', "pass"), "limits"),
    "kinds as texts": (changed("{Kind.MISSION}", "{'mission'}"), "kinds"),
    "credentials of no kind": (changed("credentials = Key", "credentials = dict"), "credentials"),
    "no credential field": (changed("token: Secret", "pass"), "declare no field"),
    "optional credential": (changed("token: Secret", "token: Secret = None"), "token"),
    "setting without default": (changed('colour: str = "red"', "colour: str"), "colour"),
    "no schema": (changed('colour: str = "red"', "colour: type = int"), "JSON Schema"),
    "no pull": (changed("async def pull", "async def poll"), "pull"),
    "broken constructor": (
        changed("def auth", "def __init__(self): raise SystemExit\n\n        def auth"),
        "SystemExit",
    ),
}


@pytest.mark.parametrize(("source", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_connector_is_set_aside_with_its_reason_beside_a_good_one(
    install: Install, source: str, reason: str
) -> None:
    install("broken", source)
    install("good")

    registry = load("broken", "good")

    broken = registry.get("broken")
    assert broken.state is ConnectorState.QUARANTINED
    assert broken.connector is None
    assert reason in (broken.reason or "")
    assert registry.get("good").state is ConnectorState.READY


def test_a_name_that_is_no_slug_is_set_aside(install: Install) -> None:
    install("Not A Slug", package="slugless")

    assert "no slug" in (load("Not A Slug").get("Not A Slug").reason or "")


def test_two_packages_of_one_name_are_set_aside_naming_both(install: Install) -> None:
    first, second = install("twice", package="one"), install("twice", package="two")

    reason = load("twice").get("twice").reason or ""

    assert first in reason
    assert second in reason


def test_a_connector_that_is_not_enabled_is_listed_and_never_imported(install: Install) -> None:
    module = install("asleep", "raise SystemExit('imported')")

    registry = load(asleep=ConnectorTable(enabled=False))

    assert registry.get("asleep").state is ConnectorState.DISABLED
    assert module not in sys.modules


def test_a_connector_without_a_table_is_disabled(install: Install) -> None:
    install("unmentioned")

    assert load().get("unmentioned").enabled is False


def test_a_disabled_connector_cannot_be_used(install: Install) -> None:
    install("asleep")

    with pytest.raises(ConflictError) as caught:
        load().usable("asleep")

    assert caught.value.code == "connector_disabled"


def test_a_set_aside_connector_cannot_be_used(install: Install) -> None:
    install("broken", "raise ValueError")

    with pytest.raises(ConflictError) as caught:
        load("broken").usable("broken")

    assert caught.value.code == "link_unavailable"


def test_a_connector_that_is_not_installed_is_not_found() -> None:
    registry = load()

    for ask in (registry.get, registry.usable):
        with pytest.raises(NotFoundError):
            ask("nowhere")


def test_the_superseded_connector_still_pulls(install: Install) -> None:
    install("old")
    install("new", changed('title = "Good"', "title = 'New'; supersedes = frozenset({'old'})"))

    registry = load("old", "new")

    old = registry.get("old")
    assert (old.state, old.superseded_by) == (ConnectorState.SUPERSEDED, "new")
    assert registry.usable("old").name == "old"
    assert registry.get("new").state is ConnectorState.READY


def test_a_connector_that_is_not_enabled_supersedes_nothing(install: Install) -> None:
    install("old")
    install("new", changed('title = "Good"', "title = 'New'; supersedes = frozenset({'old'})"))

    assert load("old").get("old").state is ConnectorState.READY


def test_a_connector_can_be_set_aside_while_running(install: Install) -> None:
    install("good")
    registry = load("good")

    registry.quarantine("good", "it blocked the loop")

    assert registry.get("good").reason == "it blocked the loop"
    with pytest.raises(ConflictError):
        registry.usable("good")


def test_connectors_are_listed_in_order_of_name(install: Install) -> None:
    for name in ("zeta", "alpha"):
        install(name)

    names = [one.name for one in load("zeta").all()]

    assert names == sorted(names)
    assert {"alpha", "zeta"} <= set(names)


def test_every_fault_of_the_configuration_is_reported_together(install: Install) -> None:
    install("good")
    tables = {
        "goood": ON,
        "good": ConnectorTable(
            enabled=True, own={"color": "blue", "interval_seconds": 0, "colour": "green"}
        ),
    }

    with pytest.raises(ConfigurationError) as caught:
        load_connectors(tables)

    assert list(caught.value.faults) == [
        "connectors.goood: no such connector is installed, did you mean good",
        "connectors.good.base_url: is missing; give the partner's address",
        "connectors.good.color: unknown setting, did you mean colour",
        "connectors.good.interval_seconds: Input should be greater than or equal to 1",
    ]


def test_a_table_of_a_connector_that_is_neither_enabled_nor_installed_is_no_fault() -> None:
    load(darva=ConnectorTable(enabled=False, own={"root": "/srv/edi"}))


def test_the_configuration_chooses_the_settings_group(install: Install) -> None:
    install("good", changed('title = "Good"', "title = 'Good'; settings_group = 'own'"))

    assert load("good").get("good").settings_group == "own"
    chosen = ConnectorTable(enabled=True, base_url=ON.base_url, settings_group="shared")
    assert load(good=chosen).get("good").settings_group == "shared"


@pytest.mark.parametrize("name", ["claims360", "example", "restart"])
def test_our_own_connectors_load_and_bring_a_partner_to_play(name: str) -> None:
    registry = load(name)

    assert registry.get(name).reason is None
    partner = played_partner(name)
    assert partner is not None
    fields = set(registry.usable(name).credentials.model_fields)
    assert set(partner.add_repairer("garage-7")) == fields


def test_a_connector_without_a_played_partner_has_none(install: Install) -> None:
    install("good", dedent(GOOD))

    assert played_partner("good") is None
