"""Reading and writing XML: what is read, what is refused in which words, and at what cost."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncer.sdk import PayloadError, XmlElement, parse_xml, write_xml
from tests.campaign import COUNTS
from tests.sdk.hostile_xml import HOSTILE, MIB

ROOT = Path(__file__).parents[2]
MANY = settings(max_examples=100 * COUNTS.examples_factor, database=None)
COST = """
import resource
from syncer.sdk import PayloadError, parse_xml
from tests.sdk.hostile_xml import HOSTILE

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

parse_xml(b"<a/>")
for name, (make, _) in HOSTILE.items():
    document = make()
    before = peak()
    try:
        parse_xml(document)
    except PayloadError as error:
        error.__traceback__ = None
    print(f"{name}: {(peak() - before) / 1024:.0f}")
"""

TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)
NAMES = st.sampled_from(["message", "claim", "from", "x-y"])


def elements() -> st.SearchStrategy[XmlElement]:
    attributes = st.dictionaries(NAMES, TEXTS, max_size=3)
    leaves = st.builds(XmlElement, name=NAMES, attributes=attributes, text=TEXTS)
    return st.recursive(
        leaves,
        lambda below: st.builds(
            XmlElement,
            name=NAMES,
            attributes=attributes,
            children=st.lists(below, min_size=1, max_size=3).map(tuple),
        ),
        max_leaves=5,
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_document_is_refused_in_clear_words(name: str) -> None:
    make, words = HOSTILE[name]
    document = make()

    with pytest.raises(PayloadError) as refused:
        parse_xml(document)

    assert words in str(refused.value)
    assert refused.value.raw == document
    assert "secret" not in str(refused.value)


def test_no_hostile_document_takes_much_memory() -> None:
    run = [sys.executable, "-c", COST]

    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)

    grown = dict(line.rsplit(": ", 1) for line in done.stdout.splitlines())
    assert grown.keys() == HOSTILE.keys()
    assert {name for name, mib in grown.items() if int(mib) >= 50} == set()


def test_elements_attributes_and_texts_are_read() -> None:
    read = parse_xml(
        b"""<?xml version="1.0"?>
        <!-- not read --><m id='1'>
          <claim n="A&amp;B"/>  <label> L&#233;a <![CDATA[<b>]]></label><?pi?>
        </m>"""
    )

    assert read == XmlElement(
        name="m",
        attributes={"id": "1"},
        children=(
            XmlElement(name="claim", attributes={"n": "A&B"}),
            XmlElement(name="label", text=" Léa <b>"),
        ),
    )


@pytest.mark.parametrize(
    "document",
    [
        "<a>é</a>".encode(),
        b"\xef\xbb\xbf" + "<a>é</a>".encode(),
        '<?xml version="1.0" encoding="utf-8"?><a>é</a>'.encode(),
        "<?xml version='1.0' encoding='iso-8859-1'?><a>é</a>".encode("latin-1"),
        '<?xml version="1.0" encoding="ISO-8859-1" standalone="yes"?><a>é</a>'.encode("latin-1"),
    ],
    ids=["plain", "with a mark", "UTF-8", "ISO-8859-1 in lower case", "ISO-8859-1"],
)
def test_both_encodings_are_read_as_declared(document: bytes) -> None:
    assert parse_xml(document).text == "é"


def test_a_large_text_is_read() -> None:
    assert len(parse_xml(b"<a>" + b"x" * 9 * MIB + b"</a>").text) == 9 * MIB


def test_a_child_that_stands_twice_is_refused_by_name() -> None:
    root = parse_xml(b"<m><claim/><label/><claim/></m>")

    assert root.child("label") == XmlElement(name="label")
    assert root.child("text") is None
    with pytest.raises(PayloadError, match="claim: stands there more than once"):
        root.child("claim")


@MANY
@given(root=elements(), encoding=st.sampled_from(["UTF-8", "ISO-8859-1"]))
def test_what_is_written_is_read_again(root: XmlElement, encoding: str) -> None:
    written = write_xml(root, encoding=encoding)

    assert parse_xml(written) == root
    assert write_xml(root, encoding=encoding) == written
    assert written.startswith(b'<?xml version="1.0" encoding="%b"?>\n' % encoding.encode())


def test_a_character_that_xml_cannot_carry_is_not_written() -> None:
    with pytest.raises(PayloadError, match="cannot carry"):
        write_xml(XmlElement(name="a", text="\x01"))


@MANY
@given(st.binary(max_size=200) | st.text(alphabet="<>/a='&;!?[]x -", max_size=80).map(str.encode))
def test_junk_is_read_or_refused(document: bytes) -> None:
    try:
        root = parse_xml(document)
    except PayloadError:
        return
    assert root.name
