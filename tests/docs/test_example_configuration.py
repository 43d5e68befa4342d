"""config.example.toml holds every setting with its real default."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from syncer.config import Settings, duration_text, load

EXAMPLE = Path(__file__).parents[2] / "config.example.toml"


def _uncommented() -> str:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return "\n".join(line.removeprefix("#: ") if line.startswith("#: ") else line for line in lines)


def _settings_of(
    model: type[BaseModel], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, field in model.model_fields.items():
        here = (*path, field.alias or name)
        inner = [field.annotation, *get_args(field.annotation)]
        nested = [one for one in inner if isinstance(one, type) and issubclass(one, BaseModel)]
        if nested:
            many = get_origin(field.annotation) is not None
            yield from _settings_of(nested[0], (*here, "*") if many else here)
        else:
            yield here, field.default


ALL = list(_settings_of(Settings))
WITH_DEFAULT = [
    (path, default)
    for path, default in ALL
    if default is not PydanticUndefined
    and default is not None
    and path != ("document_rules", "*", "claim_type")
]


def _at(values: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if name != "*":
            values = values[name]
        else:
            values = values[0] if isinstance(values, list) else next(iter(values.values()))
    return values


@pytest.mark.parametrize("path", [path for path, _ in ALL], ids=".".join)
def test_example_names_the_setting(path: tuple[str, ...]) -> None:
    assert _at(tomllib.loads(_uncommented()), path) is not None


@pytest.mark.parametrize(
    ("path", "default"), WITH_DEFAULT, ids=[".".join(path) for path, _ in WITH_DEFAULT]
)
def test_example_shows_the_default(path: tuple[str, ...], default: object) -> None:
    shown = _at(tomllib.loads(_uncommented()), path)

    plain = duration_text(default) if isinstance(default, timedelta) else default
    assert shown == (str(plain) if isinstance(plain, Path) else plain)


def test_example_is_accepted_as_it_is() -> None:
    settings = load(EXAMPLE, environ={})

    assert settings.model_dump() == Settings().model_dump()


def test_example_is_accepted_with_its_examples(tmp_path: Path) -> None:
    file = tmp_path / "syncer.toml"
    file.write_text(_uncommented(), encoding="utf-8")

    settings = load(file, environ={})

    assert settings.repairers[0].id == "garage-7"
