"""How text filters compare: without case and accents."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Fold a text for comparing: no case, no accents, compatibility forms made plain."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
