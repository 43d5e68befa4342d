"""The papers of the demo's dossier: small, but what they claim to be."""

from __future__ import annotations

import hashlib
import struct
import zlib

_WIDTH, _HEIGHT, _TILE = 96, 64, 16


def pdf(title: str, *lines: str) -> bytes:
    """Make a document of one A4 page with a title and some lines (ISO 32000-1, 7.5)."""
    text = [f"BT /F1 18 Tf 72 760 Td ({_escaped(title)}) Tj ET"]
    text += [
        f"BT /F1 11 Tf 72 {728 - 16 * n} Td ({_escaped(line)}) Tj ET"
        for n, line in enumerate(lines)
    ]
    page = "\n".join(text).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(page), page),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        b"<< /Font << /F1 5 0 R >> >>",
    ]
    return _file_of(objects)


def photo(seed: str) -> bytes:
    """Make a PNG of coloured tiles, other ones for each seed (RFC 2083)."""
    across, down = _WIDTH // _TILE, _HEIGHT // _TILE
    colours = hashlib.shake_256(seed.encode()).digest(across * down * 3)
    rows = []
    for y in range(_HEIGHT):
        at = y // _TILE * across * 3
        tiles = (colours[at + 3 * n : at + 3 * n + 3] * _TILE for n in range(across))
        rows.append(b"\0" + b"".join(tiles))
    header = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _file_of(objects: list[bytes]) -> bytes:
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    size = len(objects) + 1
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n" % (size, len(body))
    return body + head + table + trailer + b"%%EOF\n"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _chunk(name: bytes, content: bytes) -> bytes:
    length, check = struct.pack(">I", len(content)), struct.pack(">I", zlib.crc32(name + content))
    return length + name + content + check
