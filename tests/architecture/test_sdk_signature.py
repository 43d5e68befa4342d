"""What connectors rely on: a change of the SDK must be seen, and meant.

After a change that is meant, ``python tests/architecture/test_sdk_signature.py`` writes it anew.
Raise ``SDK_VERSION`` when a connector written before would no longer run.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from pydantic import BaseModel

from syncer import sdk

RECORDED = Path(__file__).with_name("sdk_signature.txt")


def _lines() -> Iterator[str]:
    for name in sorted(sdk.__all__):
        value = getattr(sdk, name)
        if inspect.isclass(value):
            yield from _class_lines(name, value)
        elif inspect.isfunction(value):
            yield f"{name}{inspect.signature(value)}"
        else:
            yield f"{name} = {value if isinstance(value, int) else type(value).__name__}"


def _class_lines(name: str, class_: type) -> Iterator[str]:
    yield f"class {name}({', '.join(base.__name__ for base in class_.__bases__)})"
    if issubclass(class_, Enum):
        yield from (f"  {member.name} = {member.value}" for member in class_)
    elif dataclasses.is_dataclass(class_):
        yield from (f"  {field.name}: {field.type}" for field in dataclasses.fields(class_))
    elif issubclass(class_, BaseModel):
        yield from (f"  {field}" for field in sorted(class_.model_fields))
    for member, value in sorted(vars(class_).items()):
        if not member.startswith("_") and inspect.isfunction(value):
            yield f"  {member}{inspect.signature(value)}"


def test_sdk_is_as_it_was_written_down() -> None:
    recorded = RECORDED.read_text(encoding="utf-8").splitlines()

    assert list(_lines()) == recorded


if __name__ == "__main__":
    RECORDED.write_text("\n".join(_lines()) + "\n", encoding="utf-8")
