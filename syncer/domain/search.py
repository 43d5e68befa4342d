"""How text filters compare: without case and accents."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import filterfalse

_REMEMBERED = 4096
"""Names of insurers, sites and makes come again with every record."""


def fold(text: str) -> str:
    """Fold a text for comparing: no case, no accents, compatibility forms made plain.

    Source: Unicode 17, section 3.13, D147 (compatibility caseless match).
    """
    return text.lower() if text.isascii() else _fold(text)


@lru_cache(_REMEMBERED)
def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    folded = unicodedata.normalize("NFKD", decomposed.casefold())
    return "".join(filterfalse(unicodedata.combining, folded))
