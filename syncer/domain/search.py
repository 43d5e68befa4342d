"""How text filters compare: without case and accents."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Fold a text for comparing: no case, no accents, compatibility forms made plain.

    Source: Unicode 17, section 3.13, D147 (compatibility caseless match).
    """
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    folded = unicodedata.normalize("NFKD", decomposed.casefold())
    return "".join(sign for sign in folded if not unicodedata.combining(sign))
