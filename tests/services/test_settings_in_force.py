"""Settings in force: layers name by name, and where each value comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from syncer.domain.errors import InvalidError
from syncer.ports.plugins import Installed
from syncer.services.settings import Effective, SettingsInForce

if TYPE_CHECKING:
    from tests.services.conftest import House

GROUP = {"queueing": "none", "excludes": [{"kind": "quote"}]}


@pytest.fixture
def paper(house: House) -> Installed:
    return replace(house.registry.get("paper"), settings_group="informex")


def in_force(paper: Installed, own: dict[str, Any] | None = None, **more: Any) -> Effective:
    settings = SettingsInForce(
        groups=more.get("groups", {"informex": GROUP}),
        from_env=more.get("from_env", {}),
        default_interval=timedelta(minutes=15),
    )
    return settings.of(paper, own or {})


def test_default_of_the_connector_stands_where_no_layer_says_otherwise(paper: Installed) -> None:
    shown = in_force(paper, groups={}).shown()

    assert shown["queueing"] == {"value": "all", "source": "default"}
    assert shown["interval_seconds"] == {"value": 900, "source": "default"}


def test_group_stands_over_the_defaults(paper: Installed) -> None:
    shown = in_force(paper).shown()

    assert shown["queueing"] == {"value": "none", "source": "group:informex"}


def test_connectors_of_one_group_have_the_same_settings(paper: Installed) -> None:
    predecessor = replace(paper, name="predecessor")

    assert in_force(predecessor).model == in_force(paper).model


def test_connector_s_table_stands_over_its_group_name_by_name(paper: Installed) -> None:
    shown = in_force(replace(paper, table={"queueing": ["quote"]})).shown()

    assert shown["queueing"] == {"value": ["quote"], "source": "connector"}
    assert shown["excludes"]["source"] == "group:informex"


def test_link_stands_over_all_other_layers(paper: Installed) -> None:
    own = {"queueing": "all", "interval_seconds": 60}

    effective = in_force(replace(paper, table={"queueing": "none"}), own)

    assert effective.shown()["queueing"] == {"value": "all", "source": "link"}
    assert effective.interval == timedelta(seconds=60)


def test_link_outranks_what_the_environment_said_of_the_group(paper: Installed) -> None:
    from_env = {"informex": frozenset({"queueing"})}

    by_env = in_force(paper, from_env=from_env).shown()["queueing"]
    by_link = in_force(paper, {"queueing": "all"}, from_env=from_env).shown()["queueing"]

    assert (by_env["source"], by_link["source"]) == ("env", "link")


def test_null_of_a_layer_falls_back_to_the_layer_below(paper: Installed) -> None:
    assert in_force(paper, {"queueing": None}).shown()["queueing"]["value"] == "none"


def test_names_of_the_group_that_a_connector_does_not_know_are_passed_over(
    paper: Installed,
) -> None:
    effective = in_force(paper, groups={"informex": {**GROUP, "colour": "red"}})

    assert "colour" not in effective.shown()


@pytest.mark.parametrize(
    ("own", "pointer"),
    [
        pytest.param({"queueing": "some"}, "/queueing", id="unknown-word"),
        pytest.param({"interval_seconds": 0}, "/interval_seconds", id="no-time"),
        pytest.param({"interval_seconds": 604_801}, "/interval_seconds", id="over-a-week"),
        pytest.param({"excludes": [{"colour": "red"}]}, "/excludes", id="faulty-rule"),
        pytest.param({"start_date": "soon"}, "/start_date", id="no-date"),
        pytest.param({"colour": "red"}, "/colour", id="unknown-setting"),
    ],
)
def test_setting_that_cannot_be_is_named(
    paper: Installed, own: dict[str, Any], pointer: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        in_force(paper, own)

    assert any(fault.pointer.startswith(pointer) for fault in caught.value.errors)
