"""Documents that partners must not be able to hurt us with, and the words they are refused in."""

from __future__ import annotations

from collections.abc import Callable

MIB = 1024 * 1024

LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))

HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "is empty"),
    "white space": (lambda: b" \n ", "it is empty"),
    "no XML": (lambda: b'{"id": 1}', "it is empty"),
    "half a document": (lambda: b"<message><from insur", "no well-formed XML"),
    "an element left open": (lambda: b"<message><from/>", "it ends too early"),
    "two documents": (lambda: b"<a/><b/>", "something follows its end"),
    "crossed tags": (lambda: b"<a><b></a></b>", "another tag is closed"),
    "a NUL": (lambda: b"<a>\0</a>", "a character is not allowed"),
    "a NUL as reference": (lambda: b"<a>&#0;</a>", "a character is not allowed"),
    "a lone surrogate": (lambda: b"<a>&#xD800;</a>", "a character is not allowed"),
    "a doubled attribute": (lambda: b"<a b='1' b='2'/>", "an attribute is given twice"),
    "an unknown entity": (lambda: b"<a>&secret;</a>", "an entity is not known"),
    "bytes that are not UTF-8": (lambda: "<a>é</a>".encode("latin-1"), "does not fit the encoding"),
    "UTF-16": (lambda: "<a/>".encode("utf-16"), "no well-formed XML"),
    "declared as UTF-16": (
        lambda: b'<?xml version="1.0" encoding="UTF-16"?><a/>',
        "declares an encoding that is not read",
    ),
    "declared as UTF-7": (
        lambda: b'<?xml version="1.0" encoding="utf-7"?><a>+ADw-b/+AD4-</a>',
        "declares an encoding that is not read",
    ),
    "a document type": (lambda: b"<!DOCTYPE a><a/>", "document type"),
    "a file of ours": (
        lambda: b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        "document type",
    ),
    "an address to fetch": (
        lambda: b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        "document type",
    ),
    "billion laughs": (
        lambda: b'<!DOCTYPE a [<!ENTITY l0 "lol">%s]><a>&l9;</a>' % LAUGHS.encode(),
        "document type",
    ),
    "quadratic blow-up": (
        lambda: b'<!DOCTYPE a [<!ENTITY x "%s">]><a>%s</a>' % (b"x" * 50_000, b"&x;" * 50_000),
        "document type",
    ),
    "200,000 deep": (lambda: b"<a>" * 200_000, "nested more than 64 deep"),
    "4,000,000 elements": (lambda: b"<a>" + b"<b/>" * 4_000_000 + b"</a>", "100000 elements"),
    "a million attributes": (
        lambda: b"<a " + b" ".join(b'a%d=">"' % n for n in range(1_000_000)) + b"/>",
        "a tag longer than 1 MiB",
    ),
    "5,000 attributes": (
        lambda: b"<a " + b" ".join(b'a%d=""' % n for n in range(5_000)) + b"/>",
        "more than 1000 attributes",
    ),
    "a long attribute": (lambda: b"<a b='" + b"x" * 19 * MIB + b"'/>", "a tag longer than 1 MiB"),
    "a long text": (lambda: b"<a>" + b"x" * 21 * MIB + b"</a>", "larger than 20 MiB"),
}
