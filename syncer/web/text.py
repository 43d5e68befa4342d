"""Text that no store can keep alike: refused at the door, so that every store behaves the same."""

from __future__ import annotations


def text_fault(text: str) -> str | None:
    """Say what is wrong with a text, None when nothing is."""
    if "\0" in text:
        return "must not contain a NUL character"
    try:
        text.encode()
    except UnicodeEncodeError:
        return "must not contain lone surrogates"
    return None
