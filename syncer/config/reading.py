"""Reads the configuration: finds the file, lays the sources over each other, reports all faults."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_settings import PydanticBaseSettingsSource

from syncer.config.sources import (
    Layer,
    LayerSource,
    from_command_line,
    from_environment,
    from_legacy_names,
    from_secret_files,
    from_toml,
    names_at,
)
from syncer.config.tree import Path_, Settings
from syncer.domain.errors import ConfigurationError

DEFAULT_FILES = (Path("syncer.toml"), Path("/etc/syncer/config.toml"))
DEFAULT_SECRETS_DIR = "/run/secrets"


def load(
    file: Path | None = None,
    *,
    assignments: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Read the settings in force.

    ``assignments`` are settings from the command line by dotted name. Without ``file`` the one
    named by SYNCER_CONFIG is read, else ./syncer.toml, else /etc/syncer/config.toml; without any of
    them the defaults hold.

    Raises:
        ConfigurationError: with one line for every fault, ``file:line: path: message``.
    """
    environ = os.environ if environ is None else environ
    found = find_file(file, environ)
    outranking = [from_command_line(assignments or {}), from_environment(environ)]
    legacy = from_legacy_names(environ)
    folder = environ.get("SYNCER_SECRETS_DIR") or environ.get("CREDENTIALS_DIRECTORY")
    below = [from_secret_files(Path(folder or DEFAULT_SECRETS_DIR))]
    if found is not None:
        below.append(from_toml(found))
    layers = [*outranking, legacy, *below]
    settings = _build(layers)
    settings._origins = _origins_of(layers)  # noqa: SLF001  the tree's own reader
    settings._from_env = _from_env([outranking[1], legacy])  # noqa: SLF001  as above
    settings._file = found  # noqa: SLF001  as above
    return settings


def find_file(file: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Say which configuration file is read; None when there is none.

    Raises:
        ConfigurationError: a file was named and does not exist.
    """
    named = file or (Path(environ["SYNCER_CONFIG"]) if environ.get("SYNCER_CONFIG") else None)
    if named is not None:
        if not named.is_file():
            raise ConfigurationError([f"{named}: there is no such file; `syncer init` makes one"])
        return named
    return next((each for each in DEFAULT_FILES if each.is_file()), None)


def _build(layers: Sequence[Layer]) -> Settings:
    class FromLayers(Settings):
        @classmethod
        def settings_customise_sources(
            cls, *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return tuple(LayerSource(cls, layer) for layer in layers)

    unreadable = [fault for layer in layers for fault in layer.faults]
    try:
        read = FromLayers()
    except ValidationError as error:
        faults = _faults_of(error, _origins_of(layers))
        raise ConfigurationError([*unreadable, *faults]) from None
    if unreadable:
        raise ConfigurationError(unreadable)
    return read


def _origins_of(layers: Sequence[Layer]) -> dict[Path_, str]:
    origins: dict[Path_, str] = {}
    for layer in reversed(layers):
        for path, origin in layer.origins.items():
            for known in [known for known in origins if known[: len(path)] == path]:
                if len(known) > len(path) and _replaces_whole(path, layer):
                    del origins[known]
            origins[path] = origin
    return origins


def _replaces_whole(path: Path_, layer: Layer) -> bool:
    """Say whether the layer sets the value at the path itself, rather than something in it."""
    place: Any = layer.values
    for name in path:
        place = place.get(name) if isinstance(place, dict) else None
    return not isinstance(place, dict)


def _from_env(layers: Sequence[Layer]) -> dict[str, frozenset[str]]:
    names: dict[str, set[str]] = {}
    for layer in layers:
        groups = layer.values.get("settings", {})
        for group, values in groups.items() if isinstance(groups, dict) else ():
            names.setdefault(group, set()).update(values if isinstance(values, dict) else ())
    return {group: frozenset(found) for group, found in names.items()}


# -- faults ---------------------------------------------------------------------------------------


def _faults_of(error: ValidationError, origins: Mapping[Path_, str]) -> list[str]:
    faults: dict[str, None] = {}  # a union gives one error a branch, on one place
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        path = _real_path(fault["loc"])
        origin = _origin(path, origins)
        faults[f"{origin}: {_dotted(path)}: {_message(fault['type'], fault['msg'], path)}"] = None
    return sorted(faults, key=_place)


def _place(fault: str) -> tuple[str, int]:
    file, _, rest = fault.partition(":")
    line = rest.partition(":")[0]
    return file, int(line) if line.isdigit() else 0


def _real_path(location: tuple[int | str, ...]) -> Path_:
    """Leave out what pydantic puts in for the branches of ``queueing``."""
    if "queueing" in location:
        return location[: location.index("queueing") + 1]
    return tuple(part for part in location if part != "[key]")


def _origin(path: Path_, origins: Mapping[Path_, str]) -> str:
    for length in range(len(path), 0, -1):
        if path[:length] in origins:
            return origins[path[:length]]
    return "configuration"


def _dotted(path: Path_) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def _message(kind: str, text: str, path: Path_) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(path[-1]), list(names_at(path[:-1])), n=1, cutoff=0.5)
        return "is not a setting" + (f", did you mean {near[0]}?" if near else "")
    if path[-1] == "queueing":
        return "must be all, none, or a list of kinds such as mission and quote"
    if kind == "missing":
        return "is missing"
    if kind == "string_pattern_mismatch":
        return "must be a slug: lowercase letters, digits, - and _, at most 64"
    text = text.removeprefix("Value error, ").replace("Input should", "must")
    return text[:1].lower() + text[1:]


# -- checks that need to know the connectors ------------------------------------------------------


def group_faults(settings: Settings, known: Mapping[str, frozenset[str]]) -> list[str]:
    """List names in settings groups that no connector of the group knows.

    ``known`` gives the setting names of the enabled connectors that use each group; groups of
    connectors that are not enabled are left alone.
    """
    faults = []
    for group, names in known.items():
        for name in sorted(set(settings.groups.get(group, ())) - names):
            near = difflib.get_close_matches(name, sorted(names), n=1)
            hint = f", did you mean {near[0]}?" if near else ""
            faults.append(settings.fault(f"is not a setting{hint}", "settings", group, name))
    return faults
