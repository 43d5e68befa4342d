"""What a caller may ask of a thing's present state before it is changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Precondition = Callable[[Mapping[str, Any]], None]
"""Looks at the thing as the API shows it now and raises ``StaleError`` if the caller saw another.

It runs inside the write, so nothing can change in between.
"""
