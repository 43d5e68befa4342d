"""The sources of settings: command line, environment, secret files, TOML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from syncer.config.positions import lines_of
from syncer.config.tree import Path_, Settings

PREFIX = "SYNCER_"
_NOT_SETTINGS = frozenset({"CONFIG", "SECRETS_DIR", "CRASH_AT"})
_ORCHESTRATOR = ("SERVICE_", "PORT_", "PORT")  # made by Kubernetes for a service of our name
_LEGACY = {"INFORMEX_QUEING": "queueing", "INFORMEX_EXCLUDES": "excludes"}
_LEGACY_GROUP = "informex"
_FILE_PATHS = (
    ("data_dir",),
    ("server", "socket"),
    ("store", "blobs"),
    ("vault", "key_file"),
    ("vault", "retired_key_files"),
    ("planning", "webhook_secret_file"),
    ("mail", "password_file"),
)


@dataclass(slots=True)
class Layer:
    """Values of one source with the origin of each; ``faults`` is what could not be read."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[Path_, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def put(self, path: Iterable[str], value: Any, origin: str) -> None:
        """Set a value deep in the tree."""
        *parents, last = path
        place = self.values
        for name in parents:
            inner = place.get(name)
            place[name] = place = inner if isinstance(inner, dict) else {}
        place[last] = value
        self.origins[*parents, last] = origin


class LayerSource(PydanticBaseSettingsSource):
    """Hands a layer to pydantic-settings, which lays the layers over each other."""

    def __init__(self, settings_cls: type[BaseSettings], layer: Layer) -> None:
        super().__init__(settings_cls)
        self._layer = layer

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Give one top-level value."""
        del field  # values are decoded already
        return self._layer.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Give all values."""
        return self._layer.values


# -- command line ---------------------------------------------------------------------------------


def from_command_line(assignments: Mapping[str, str]) -> Layer:
    """Read ``--set server.port=8361`` and the options that stand for a setting."""
    layer = Layer()
    for dotted, text in assignments.items():
        path = tuple(dotted.split("."))
        layer.put(path, decode(path, text), "command line")
    return layer


# -- environment and secret files -----------------------------------------------------------------


def from_environment(environ: Mapping[str, str]) -> Layer:
    """Read ``SYNCER_SERVER__PORT=8361``; names are not case-sensitive."""
    layer = Layer()
    for name, text in sorted(environ.items()):
        path = _path_of(name)
        if path is not None:
            layer.put(path, decode(path, text), f"environment {name}")
    return layer


def from_legacy_names(environ: Mapping[str, str]) -> Layer:
    """Read INFORMEX_QUEING and INFORMEX_EXCLUDES, as installations of the old link have them."""
    layer = Layer()
    for name, setting in _LEGACY.items():
        text = environ.get(name, "").strip()
        if not text:
            continue
        path = ("settings", _LEGACY_GROUP, setting)
        value = _kinds(text) if setting == "queueing" else _json_or_text(text)
        if setting == "excludes" and not isinstance(value, list):
            layer.faults.append(f"environment {name}: must be a JSON array of rules")
        else:
            layer.put(path, value, f"environment {name}")
    return layer


def from_secret_files(folder: Path) -> Layer:
    """Read files named like environment names; their content less the last newline is the value."""
    layer = Layer()
    if not folder.is_dir():
        return layer
    for file in sorted(folder.iterdir()):
        path = _path_of(file.name)
        if path is None or not file.is_file():
            continue
        try:
            text = file.read_text(encoding="utf-8").removesuffix("\n")
        except (OSError, UnicodeDecodeError):
            layer.faults.append(f"{file}: cannot be read as UTF-8 text")
        else:
            layer.put(path, decode(path, text), str(file))
    return layer


def _path_of(name: str) -> tuple[str, ...] | None:
    if not name.upper().startswith(PREFIX):
        return None
    rest = name[len(PREFIX) :]
    if rest.upper() in _NOT_SETTINGS or rest.upper().startswith(_ORCHESTRATOR):
        return None
    return tuple(part.lower() for part in rest.split("__"))


# -- TOML -----------------------------------------------------------------------------------------


def from_toml(file: Path) -> Layer:
    """Read the configuration file; relative paths in it start from its folder."""
    layer = Layer()
    try:
        text = file.read_text(encoding="utf-8")
        layer.values = tomllib.loads(text)
    except OSError as error:
        layer.faults.append(f"{file}: cannot be read: {error.strerror}")
        return layer
    except UnicodeDecodeError:
        layer.faults.append(f"{file}: is not UTF-8 text")
        return layer
    except tomllib.TOMLDecodeError as error:
        layer.faults.append(_syntax_fault(file, str(error)))
        return layer
    layer.origins = {path: f"{file}:{line}" for path, line in lines_of(text).items()}
    _anchor_paths(layer.values, file.absolute().parent)
    return layer


def _syntax_fault(file: Path, text: str) -> str:
    message, _, place = text.partition(" (at line ")
    line = place.split(",")[0] if place else "1"
    return f"{file}:{line}: {message}"


def _anchor_paths(values: dict[str, Any], folder: Path) -> None:
    for *parents, last in _FILE_PATHS:
        place: Any = values
        for name in parents:
            place = place.get(name) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            continue
        value = place.get(last)
        if isinstance(value, str):
            place[last] = _anchored(value, folder)
        elif isinstance(value, list):
            place[last] = [_anchored(each, folder) for each in value]


def _anchored(value: Any, folder: Path) -> Any:
    if not isinstance(value, str) or not value or "://" in value:
        return value
    return str(folder / value)


# -- values written as text -----------------------------------------------------------------------


def decode(path: tuple[str, ...], text: str) -> Any:
    """Turn a text into the kind of value that the setting takes; what does not fit stays text."""
    annotation = annotation_at(path)
    if annotation is None:
        return _kinds(text) if path[-1] == "queueing" else _json_or_text(text)
    if get_origin(annotation) is list:
        value = _json_or_text(text)
        return value if isinstance(value, list) else _comma_separated(text)
    if path[-1] == "queueing":
        return _kinds(text)
    if get_origin(annotation) is dict or _is_model(annotation):
        return _json_or_text(text)
    return text


def _kinds(text: str) -> Any:
    plain = text.strip()
    if plain.lower() in {"all", "none"}:
        return plain.lower()
    value = _json_or_text(plain)
    return value if isinstance(value, list) else _comma_separated(plain.lower())


def _comma_separated(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _json_or_text(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# -- the tree's shape -----------------------------------------------------------------------------


def annotation_at(path: Path_) -> Any:
    """Give the type of the setting at a path; None where the tree does not know it."""
    place: Any = Settings
    for name in path:
        place = _step(place, name)
        if place is None:
            return None
    return place


def names_at(path: Path_) -> Iterator[str]:
    """List the names that may stand in the table at a path."""
    place = annotation_at(path) if path else Settings
    if _is_model(place):
        for name, info in place.model_fields.items():
            yield info.alias or name


def _step(place: Any, name: str | int) -> Any:
    if _is_model(place):
        for field_name, info in place.model_fields.items():
            if (info.alias or field_name) == name:
                return _bare(info.annotation)
        return None
    origin, arguments = get_origin(place), get_args(place)
    if origin is dict:
        return _bare(arguments[1])
    return _bare(arguments[0]) if origin is list else None


def _bare(annotation: Any) -> Any:
    """Take the type out of ``Annotated``."""
    return get_args(annotation)[0] if hasattr(annotation, "__metadata__") else annotation


def _is_model(place: Any) -> bool:
    return isinstance(place, type) and issubclass(place, BaseModel)
