"""What a connector class must declare before the host works with it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic.errors import PydanticUserError

from syncer.domain.completeness import faults_of_expected
from syncer.sdk import (
    SDK_VERSION,
    Connector,
    Credentials,
    ExpectedDocument,
    Kind,
    Lifecycle,
    PartnerLimits,
    Settings,
    Transport,
)

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_MISSING = object()

Check = Callable[[Any], bool]


def fault_of(candidate: object, name: str) -> str | None:
    """Say in one readable line why the class cannot be used, None when it can."""
    if not (inspect.isclass(candidate) and issubclass(candidate, Connector)):
        return f"it registered {candidate!r}, which is no Connector class"
    version = getattr(candidate, "sdk_version", None)
    if version != SDK_VERSION:
        return f"it is written for SDK version {version!r}; this host has {SDK_VERSION}"
    return (
        _attribute_fault(candidate)
        or _name_fault(candidate.name, name)
        or _abstract_fault(candidate)
        or _credentials_fault(candidate.credentials, candidate.transports)
        or _settings_fault(candidate.settings)
        or _folder_fault(candidate)
    )


def _attribute_fault(connector: type[Connector[Any, Any]]) -> str | None:
    for attribute, (check, wanted) in _ATTRIBUTES.items():
        value = getattr(connector, attribute, _MISSING)
        if value is _MISSING:
            return f"its class declares no {attribute}"
        if not check(value):
            return f"its {attribute} must be {wanted}"
    return None


def _name_fault(declared: str, entry_point: str) -> str | None:
    if declared != entry_point:
        return f"it calls itself {declared!r}, but its entry point is {entry_point!r}"
    if not SLUG.match(declared):
        return f"its name {declared!r} is no slug (a-z, 0-9, _ and -, at most 64)"
    return None


def _abstract_fault(connector: type[Connector[Any, Any]]) -> str | None:
    missing = sorted(connector.__abstractmethods__)
    return f"it does not define {', '.join(missing)}" if missing else None


def _credentials_fault(model: type[Credentials], transports: frozenset[Transport]) -> str | None:
    if not model.model_fields and Transport.HTTP in transports:
        return "its credentials declare no field"
    optional = [name for name, field in model.model_fields.items() if not field.is_required()]
    if optional:
        return f"its credentials have fields with a default: {', '.join(optional)}"
    return _schema_fault(model, "credentials")


def _settings_fault(model: type[Settings]) -> str | None:
    needed = [name for name, field in model.model_fields.items() if field.is_required()]
    if needed:
        return f"its settings have fields without a default: {', '.join(needed)}"
    return _schema_fault(model, "settings")


def _folder_fault(connector: type[Connector[Any, Any]]) -> str | None:
    exchanges = Transport.FOLDER in connector.transports
    if exchanges and connector.folder_of is Connector.folder_of:
        return "it exchanges files, but does not define folder_of"
    return None


def _schema_fault(model: type[Credentials | Settings], what: str) -> str | None:
    try:
        model.model_json_schema()
    except PydanticUserError as error:
        return f"its {what} have no JSON Schema: {error.message}"
    return None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_set_of(type_: type[Any]) -> Check:
    return lambda value: (
        isinstance(value, frozenset) and all(isinstance(item, type_) for item in value)
    )


def _is_subclass(base: type[Any]) -> Check:
    return lambda value: inspect.isclass(value) and issubclass(value, base)


def _is_length(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_lifecycle(value: object) -> bool:
    return value is None or isinstance(value, Lifecycle)


def _are_document_rules(value: object) -> bool:
    return isinstance(value, Mapping) and all(
        _is_text(claim_type)
        and all(isinstance(one, ExpectedDocument) for one in documents)
        and not faults_of_expected(documents)
        for claim_type, documents in value.items()
    )


_ATTRIBUTES: Mapping[str, tuple[Check, str]] = {
    "name": (_is_text, "a text"),
    "title": (_is_text, "a text"),
    "version": (_is_text, "a text"),
    "wire_format": (lambda value: value in {"vendor", "profile"}, "'vendor' or 'profile'"),
    "kinds": (_is_set_of(Kind), "a frozenset of Kind"),
    "credentials": (_is_subclass(Credentials), "a subclass of Credentials"),
    "transports": (_is_set_of(Transport), "a frozenset of Transport"),
    "lifecycle": (_is_lifecycle, "a Lifecycle or None"),
    "settings": (_is_subclass(Settings), "a subclass of Settings"),
    "settings_group": (lambda value: value is None or _is_text(value), "a text or None"),
    "supersedes": (_is_set_of(str), "a frozenset of names"),
    "pulls": (lambda value: isinstance(value, bool), "true or false"),
    "limits": (lambda value: isinstance(value, PartnerLimits), "a PartnerLimits"),
    "reference_max_length": (_is_length, "a whole number above 0"),
    "document_rules": (_are_document_rules, "expected documents by type of claim, each id once"),
}
