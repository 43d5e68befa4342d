"""Real pictures for the played partner's photos: a mosaic of grey tiles, other for each seed."""

from __future__ import annotations

import hashlib
import struct
import zlib

WIDTH, HEIGHT = 64, 48
_TILE = 8
_TILES = (WIDTH // _TILE) * (HEIGHT // _TILE)
_DC_CATEGORIES = bytes(range(12))  # sizes of a difference in bits; each has a code of four bits


def jpeg(seed: str) -> bytes:
    """Make a baseline JPEG (ITU-T T.81) whose blocks hold nothing but their mean grey."""
    tables = bytes([0, *[_TILE] * 64])
    frame = struct.pack(">BHHB3B", 8, HEIGHT, WIDTH, 1, 1, 0x11, 0)
    dc_codes = bytes([0x00, 0, 0, 0, 12, *[0] * 12]) + _DC_CATEGORIES
    ac_codes = bytes([0x10, 1, *[0] * 15, 0])  # end of block only: the code "0"
    scan = bytes([1, 1, 0x00, 0, 63, 0])
    return b"".join(
        [
            b"\xff\xd8",
            _segment(0xE0, b"JFIF\0\1\1\0" + struct.pack(">HHBB", 1, 1, 0, 0)),
            _segment(0xDB, tables),
            _segment(0xC0, frame),
            _segment(0xC4, dc_codes),
            _segment(0xC4, ac_codes),
            _segment(0xDA, scan),
            _entropy_coded(_greys(seed)),
            b"\xff\xd9",
        ]
    )


def png(seed: str) -> bytes:
    """Make a PNG of 8-bit grey (RFC 2083)."""
    greys, across = _greys(seed), WIDTH // _TILE
    rows = [
        b"\0" + b"".join(bytes([grey]) * _TILE for grey in greys[at : at + across])
        for at in range(0, _TILES, across)
        for _ in range(_TILE)
    ]
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(b"".join(rows))),
            _chunk(b"IEND", b""),
        ]
    )


def _greys(seed: str) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(_TILES)


def _segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _entropy_coded(greys: bytes) -> bytes:
    bits, previous = [], 0
    for grey in greys:
        mean = grey - 128
        bits.append(_difference(mean - previous) + "0")
        previous = mean
    text = "".join(bits)
    text += "1" * (-len(text) % 8)
    packed = int(text, 2).to_bytes(len(text) // 8, "big")
    return packed.replace(b"\xff", b"\xff\0")


def _difference(value: int) -> str:
    size = abs(value).bit_length()
    if size == 0:
        return f"{size:04b}"
    return f"{size:04b}{value if value > 0 else value + (1 << size) - 1:0{size}b}"
