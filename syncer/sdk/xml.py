"""XML from partners, read by a parser that is locked down, and XML for them.

No document type, no entities but the five of XML itself, no network, and caps on everything that a
small hostile document could blow up. lxml is imported here and nowhere else, and only when the
first document is read or written: it takes longer to load than most commands take to run.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from syncer.domain.errors import PayloadError

if TYPE_CHECKING:
    from lxml import etree

MIB = 1024 * 1024
LARGEST_XML_BYTES = 20 * MIB  # partner contracts, rules for all
LONGEST_TAG_BYTES = MIB  # a tag is read as a whole: 20 MiB of attributes would take 150 MB
DEEPEST = 64
MOST_ELEMENTS = 100_000
MOST_ATTRIBUTES = 1_000
ENCODINGS = ("UTF-8", "ISO-8859-1")

_FED_AT_ONCE_BYTES = 64 * 1024
_LOCKED_DOWN: Mapping[str, Any] = {
    "resolve_entities": "internal",  # none can be declared: a document type stops the parser
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "huge_tree": False,
}
_DECLARATION = re.compile(rb"(?:\xef\xbb\xbf)?<\?xml\s([^>]{0,200}?)\?>")
_ENCODING = re.compile(rb"""\bencoding\s*=\s*["']([A-Za-z][A-Za-z0-9._-]{0,39})["']""")
_LONG_PIECE = re.compile(rb"<[^<]{%d}" % LONGEST_TAG_BYTES)
_TAG = re.compile(rb"""<[^\s!?/](?:[^"'>]++|"[^"]*+"|'[^']*+')*+""")


@dataclass(frozen=True, slots=True, kw_only=True)
class XmlElement:
    """One element. ``text`` is what stands directly in it; comments are left out.

    White space between elements is nobody's text. A name in a namespace is ``{namespace}name``.
    """

    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    children: Sequence[XmlElement] = ()

    def child(self, name: str) -> XmlElement | None:
        """Give the one child of that name; None when there is none.

        Raises:
            PayloadError: there are several.
        """
        found = [each for each in self.children if each.name == name]
        if len(found) > 1:
            raise PayloadError("stands there more than once", path=name)
        return found[0] if found else None

    def as_values(self) -> dict[str, Any]:
        """Give it as nested JSON values with the partner's names.

        What stands there several times is a list. The text of an element that has more than its
        text is ``text``.
        """
        found: dict[str, Any] = dict(self.attributes)
        if self.text.strip():
            found["text"] = self.text
        several: dict[str, list[Any]] = {}
        for child in self.children:
            is_text = not child.attributes and not child.children
            value = child.text if is_text else child.as_values()
            several.setdefault(child.name, []).append(value)
        return found | {name: of[0] if len(of) == 1 else of for name, of in several.items()}


def parse_xml(content: bytes) -> XmlElement:
    """Read a document in UTF-8 or ISO-8859-1, as it declares; without declaration it is UTF-8.

    Raises:
        PayloadError: it is no well-formed XML, in another encoding, too large, too deep, or has a
            document type. The text says what and where, and holds nothing of the document.
    """
    from lxml import etree

    if not content:
        raise PayloadError("is empty")
    if len(content) > LARGEST_XML_BYTES:
        raise PayloadError(f"is larger than {LARGEST_XML_BYTES // MIB} MiB", raw=content)
    try:
        encoding = _declared_encoding(content)
        _refuse_long_tags(content)
        root = _parse(content, encoding)
    except etree.XMLSyntaxError as error:
        raise PayloadError(_in_words(error), raw=content) from None
    except PayloadError as error:
        raise PayloadError(str(error), raw=content) from None
    return root


def write_xml(root: XmlElement, *, encoding: str = "UTF-8") -> bytes:
    """Write a document, an element a line; the same elements always give the same bytes.

    The declaration stands in double quotes, as every partner's description writes it.

    Raises:
        PayloadError: a text holds a character that XML cannot carry.
    """
    from lxml import etree

    try:
        made = _as_lxml(root)
    except ValueError:
        raise PayloadError("holds a character that XML cannot carry", path=root.name) from None
    declaration = f'<?xml version="1.0" encoding="{encoding}"?>\n'.encode("ascii")
    written = etree.tostring(made, encoding=encoding, xml_declaration=False, pretty_print=True)
    return declaration + bytes(written)  # type: ignore[arg-type]


# -- reading --------------------------------------------------------------------------------------


class _Reader:
    """Builds elements from what the parser finds, and stops it at the first thing too much."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget everything; the next document begins."""
        self._open: list[tuple[str, Mapping[str, str], list[str], list[XmlElement]]] = []
        self._count = 0
        self._root: XmlElement | None = None

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        self._count += 1
        if self._count > MOST_ELEMENTS:
            raise PayloadError(f"holds more than {MOST_ELEMENTS} elements")
        if len(self._open) == DEEPEST:
            raise PayloadError(f"is nested more than {DEEPEST} deep")
        if len(attributes) > MOST_ATTRIBUTES:
            raise PayloadError(f"has an element with more than {MOST_ATTRIBUTES} attributes")
        self._open.append((name, dict(attributes), [], []))

    def data(self, text: str) -> None:
        self._open[-1][2].append(text)

    def end(self, _name: str) -> None:
        name, attributes, texts, children = self._open.pop()
        text = "".join(texts)
        if children and not text.strip():
            text = ""
        element = XmlElement(name=name, attributes=attributes, text=text, children=tuple(children))
        if self._open:
            self._open[-1][3].append(element)
        else:
            self._root = element

    def doctype(self, *_: str | None) -> None:
        raise PayloadError("has a document type, which is not read")

    def close(self) -> XmlElement | None:
        return self._root  # asked for after a fault too, which must not be hidden by another one


class _Parsers(threading.local):
    """One parser for each encoding and thread: to make one takes longer than a small document.

    One that met a fault is not used again.
    """

    def __init__(self) -> None:
        self.ready: dict[str, tuple[etree.XMLParser, _Reader]] = {}

    def take(self, encoding: str) -> tuple[etree.XMLParser, _Reader]:
        from lxml import etree

        if encoding in self.ready:
            return self.ready.pop(encoding)
        reader = _Reader()
        target = cast("Any", reader)
        return etree.XMLParser(target=target, encoding=encoding, **_LOCKED_DOWN), reader


_PARSERS = _Parsers()


def _parse(content: bytes, encoding: str) -> XmlElement:
    parser, reader = _PARSERS.take(encoding)
    for start in range(0, len(content), _FED_AT_ONCE_BYTES):
        parser.feed(content[start : start + _FED_AT_ONCE_BYTES])
    root = parser.close()
    assert isinstance(root, XmlElement)
    reader.begin()
    _PARSERS.ready[encoding] = parser, reader
    return root


def _declared_encoding(content: bytes) -> str:
    declaration = _DECLARATION.match(content)
    named = _ENCODING.search(declaration[1]) if declaration else None
    encoding = named[1].decode("ascii").upper() if named else "UTF-8"
    if encoding not in ENCODINGS:
        raise PayloadError(f"declares an encoding that is not read; use {' or '.join(ENCODINGS)}")
    return encoding


def _refuse_long_tags(content: bytes) -> None:
    """Refuse a tag that is too long before the parser sees it; in a tag no ``<`` may stand."""
    for piece in _LONG_PIECE.finditer(content):
        tag = _TAG.match(content, piece.start())
        if tag and len(tag[0]) >= LONGEST_TAG_BYTES:
            raise PayloadError(f"has a tag longer than {LONGEST_TAG_BYTES // MIB} MiB")


def _in_words(error: etree.XMLSyntaxError) -> str:
    from lxml.etree import ErrorTypes as Fault

    words = {
        Fault.ERR_DOCUMENT_EMPTY: "it is empty or does not begin with an element",
        Fault.ERR_TAG_NOT_FINISHED: "it ends too early",
        Fault.ERR_GT_REQUIRED: "it ends too early, or a tag is not closed",
        Fault.ERR_TAG_NAME_MISMATCH: "another tag is closed than was opened",
        Fault.ERR_DOCUMENT_END: "something follows its end",
        Fault.ERR_INVALID_ENCODING: "a byte does not fit the encoding that it declares",
        Fault.ERR_INVALID_CHAR: "a character is not allowed",
        Fault.ERR_UNDECLARED_ENTITY: "an entity is not known",
        Fault.ERR_ATTRIBUTE_REDEFINED: "an attribute is given twice",
    }
    line, column = error.position
    what = words.get(getattr(error, "code", None), "its form is broken")
    return f"is no well-formed XML: {what} (line {line}, column {column})"


# -- writing --------------------------------------------------------------------------------------


def _as_lxml(element: XmlElement) -> etree._Element:
    from lxml import etree

    made = etree.Element(element.name, dict(element.attributes))
    made.text = element.text or None
    made.extend(_as_lxml(child) for child in element.children)
    return made
