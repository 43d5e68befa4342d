"""The fields of a registration: complete, no more than declared, and well formed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from syncer.domain.errors import FieldError, InvalidError, json_pointer
from syncer.sdk import Credentials
from syncer.services.settings import field_errors

LONGEST_VALUE = 4096
"""Characters; more than any partner's key, and a bound for what is sealed."""


def completed(
    model: type[Credentials], given: Mapping[str, Any], prefilled: Mapping[str, str]
) -> dict[str, str]:
    """Give the whole field set: what was given, and what is prefilled for the repairer.

    Raises:
        InvalidError: ``credentials_incomplete`` naming each missing field, or
            ``credentials_invalid`` naming each that is not declared, empty, badly formed, or not
            what is prefilled. No value is in the text.
    """
    declared = model.model_fields
    known = {name: value for name, value in prefilled.items() if name in declared}
    values = {**known, **given}
    missing = [name for name in declared if name not in values]
    if missing:
        faults = [_fault(name, "is missing; all fields are needed") for name in missing]
        raise InvalidError("Fields are missing.", faults, code="credentials_incomplete")
    faults = [
        _fault(name, message)
        for name, value in values.items()
        if (message := _message(name, value, declared, known))
    ]
    faults += _refused_by(model, values, {fault.pointer for fault in faults})
    if faults:
        raise InvalidError("Fields are not valid.", faults, code="credentials_invalid")
    return values


def _message(
    name: str, value: Any, declared: Mapping[str, Any], prefilled: Mapping[str, str]
) -> str | None:
    if name not in declared:
        return f"is not a field of this connector; the fields are {', '.join(declared)}"
    if not isinstance(value, str):
        return "must be a text"
    if not value.strip():
        return "must not be empty"
    if len(value) > LONGEST_VALUE:
        return f"must not be longer than {LONGEST_VALUE} characters"
    if not value.isprintable():
        return "must not contain control characters"
    if name in prefilled and value != prefilled[name]:
        return "is prefilled for this repairer with another value; leave it out"
    return None


def _refused_by(
    model: type[Credentials], values: Mapping[str, Any], faulty: set[str]
) -> list[FieldError]:
    try:
        model.model_validate(values)
    except ValidationError as error:
        found = {fault.pointer: fault for fault in field_errors(error)}
        return [fault for pointer, fault in found.items() if pointer not in faulty]
    return []


def _fault(name: str, message: str) -> FieldError:
    return FieldError(pointer=json_pointer(name), message=message)
