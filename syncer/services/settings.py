"""Settings in force for a link: layers laid over each other by name, and where each came from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from syncer.domain.errors import FieldError, InvalidError, json_pointer
from syncer.ports.plugins import Installed
from syncer.sdk import Settings

Layer = Mapping[str, Any]
_TYPE_NAME = re.compile(r"(literal|list|tuple|dict|function-[a-z]+)\[.*\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effective:
    """Settings in force.

    ``sources`` says for every name which layer its value comes from: ``default``,
    ``group:<name>``, ``connector``, ``link`` or ``env``.
    """

    model: Settings
    sources: Mapping[str, str]
    interval: timedelta

    def shown(self) -> dict[str, dict[str, Any]]:
        """Give ``{name: {value, source}}`` in JSON values."""
        values = self.model.model_dump(mode="json")
        values["interval_seconds"] = int(self.interval.total_seconds())
        return {name: {"value": values[name], "source": self.sources[name]} for name in values}


class SettingsInForce:
    """Works out the settings of links.

    ``groups`` are the settings groups from the configuration, ``from_env`` those names of a group
    that the environment set: they are shown as ``env``, and a link's own settings still outrank
    them.
    """

    def __init__(
        self,
        *,
        groups: Mapping[str, Layer],
        from_env: Mapping[str, frozenset[str]],
        default_interval: timedelta,
    ) -> None:
        self._groups = groups
        self._from_env = from_env
        self._default_interval = default_interval
        self._without_own: dict[str, Effective] = {}

    def of(self, installed: Installed, own: Layer) -> Effective:
        """Give the settings in force for a link with these own settings.

        Raises:
            InvalidError: a value is refused by the connector's model; pointers name the fields.
        """
        if own:
            return self._work_out(installed, own)
        known = self._without_own.get(installed.name)
        if known is None:
            known = self._without_own[installed.name] = self._work_out(installed, own)
        return known

    def _work_out(self, installed: Installed, own: Layer) -> Effective:
        model_type = installed.connector.settings if installed.connector else Settings
        values: dict[str, Any] = {}
        sources = dict.fromkeys(model_type.model_fields, "default")
        for source, layer in self._layers(installed, own):
            for name, value in layer.items():
                if value is not None:
                    values[name] = value
                    sources[name] = self._source(source, name)
        model = validated(model_type, values)
        seconds = model.interval_seconds
        interval = timedelta(seconds=seconds) if seconds else self._default_interval
        return Effective(model=model, sources=sources, interval=interval)

    def _layers(self, installed: Installed, own: Layer) -> list[tuple[str, Layer]]:
        group = installed.settings_group
        known = installed.connector.settings.model_fields if installed.connector else {}
        shared = {
            name: value
            for name, value in self._groups.get(group or "", {}).items()
            if name in known
        }
        return [(f"group:{group}", shared), ("connector", installed.table), ("link", own)]

    def _source(self, source: str, name: str) -> str:
        group = source.removeprefix("group:")
        return "env" if name in self._from_env.get(group, frozenset()) else source


def validated(model_type: type[Settings], values: Layer) -> Settings:
    """Validate settings.

    Raises:
        InvalidError: with one error for each faulty field.
    """
    try:
        return model_type.model_validate(values)
    except ValidationError as error:
        raise InvalidError("The settings are not valid.", field_errors(error)) from None


def field_errors(error: ValidationError) -> list[FieldError]:
    """Turn a pydantic error into ours: pointer and message, never the value."""
    return [
        FieldError(
            pointer=json_pointer(*(part for part in fault["loc"] if not _is_type(part))),
            message=fault["msg"].removeprefix("Value error, "),
        )
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]


def _is_type(part: object) -> bool:
    """Say whether a part of a place names a member of a union instead of a field."""
    return isinstance(part, str) and _TYPE_NAME.fullmatch(part) is not None
