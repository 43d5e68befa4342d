"""Mail as values: addresses that are safe to write to, languages, and names of files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath

LONGEST_ADDRESS = 254
"""Characters. Source: RFC 5321, section 4.5.3.1.3 (a path of 256 with its angle brackets)."""
LONGEST_NAME = 120
"""Characters of a file's name; more is cut before its extension."""

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_UNSAFE = re.compile(r'[\\/:*?"<>|]')


class Language(StrEnum):
    """Languages that mails are written in."""

    FRENCH = "fr"
    DUTCH = "nl"
    ITALIAN = "it"
    ENGLISH = "en"


def language_of(text: str | None) -> Language | None:
    """Read a language as people and platforms write it (``fr``, ``nl-BE``, ``it_IT``, ``French``).

    None for one that no mail is written in.
    """
    word = re.split(r"[-_ ]", (text or "").strip().casefold(), maxsplit=1)[0]
    if word in _SPELLINGS:
        return _SPELLINGS[word]
    return Language(word) if word in set(Language) else None


_SPELLINGS = {
    "french": Language.FRENCH,
    "français": Language.FRENCH,
    "francais": Language.FRENCH,
    "fra": Language.FRENCH,
    "fre": Language.FRENCH,
    "dutch": Language.DUTCH,
    "nederlands": Language.DUTCH,
    "nld": Language.DUTCH,
    "dut": Language.DUTCH,
    "italian": Language.ITALIAN,
    "italiano": Language.ITALIAN,
    "ita": Language.ITALIAN,
    "english": Language.ENGLISH,
    "eng": Language.ENGLISH,
}


def is_address(text: str) -> bool:
    """Say whether a text is one plain mail address; a host without a dot is one too."""
    local, at, domain = text.rpartition("@")
    if not at or len(text) > LONGEST_ADDRESS or len(local) > 64:
        return False
    labels = domain.split(".")
    return _LOCAL.fullmatch(local) is not None and all(map(_LABEL.fullmatch, labels))


def one_line(text: str) -> str:
    """Give a text without line ends and control characters, for a header."""
    return " ".join(_printable(text).split())


def plain_text(text: str) -> str:
    """Give a text of several lines without other control characters."""
    return "\n".join(_printable(line).rstrip() for line in text.splitlines())


def _printable(text: str) -> str:
    spaced = re.sub(r"[\t\r\n\v\f]+", " ", text)
    return "".join(
        each for each in spaced if each.isprintable() or unicodedata.category(each) == "Zs"
    )


def safe_names(names: Iterable[str]) -> list[str]:
    """Give names under which files can be saved anywhere: no paths, no controls, none twice."""
    taken: set[str] = set()
    safe = []
    for name in names:
        plain = _safe(name)
        chosen, number = plain, 2
        while chosen.casefold() in taken:
            path = PurePosixPath(plain)
            chosen, number = f"{path.stem} ({number}){path.suffix}", number + 1
        taken.add(chosen.casefold())
        safe.append(chosen)
    return safe


def _safe(name: str) -> str:
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", name))[-1]
    plain = _UNSAFE.sub("_", one_line(last)).strip(" .")
    if len(plain) > LONGEST_NAME:
        suffix = PurePosixPath(plain).suffix[:10]
        plain = plain[: LONGEST_NAME - len(suffix)].rstrip(" .") + suffix
    return plain or "document"
