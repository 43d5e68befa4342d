"""Telling a file's type from its first bytes; names and announced types are not trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping

_SIGNATURES: Mapping[str, Callable[[bytes], bool]] = {
    "image/jpeg": lambda head: head.startswith(b"\xff\xd8\xff"),
    "image/png": lambda head: head.startswith(b"\x89PNG\r\n\x1a\n"),
    "image/gif": lambda head: head.startswith((b"GIF87a", b"GIF89a")),
    "image/webp": lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP",
    "image/tiff": lambda head: head.startswith((b"II*\x00", b"MM\x00*")),
    "image/heic": lambda head: head[4:12] in {b"ftypheic", b"ftypheix", b"ftypmif1"},
    "application/pdf": lambda head: head.startswith(b"%PDF-"),
}
KEPT_TYPES: Mapping[str, str] = {
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/gif": "gif",
    "image/webp": "webp",
    "image/tiff": "tiff",
    "image/heic": "heic",
    "application/pdf": "pdf",
}
"""The types that are kept, each with the ending of its files."""
_SAME = {"image/jpg": "image/jpeg", "image/pjpeg": "image/jpeg", "image/heif": "image/heic"}


def sniff(head: bytes) -> str | None:
    """Name the type of a content by its first bytes; None when it is not one that we take.

    Source: the formats' own signatures; the list is what claims are documented with.
    """
    return next((name for name, fits in _SIGNATURES.items() if fits(head)), None)


def agrees(announced: str | None, sniffed: str) -> bool:
    """Say whether an announced media type is the sniffed one; octets announce nothing."""
    plain = (announced or "").partition(";")[0].strip().lower()
    if plain in {"", "application/octet-stream", "binary/octet-stream"}:
        return True
    return _SAME.get(plain, plain) == sniffed
