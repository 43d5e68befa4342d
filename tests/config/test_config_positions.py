"""Lines of keys, against every way in which TOML can write them."""

from __future__ import annotations

import tomllib

from hypothesis import given
from hypothesis import strategies as st

from syncer.config.positions import lines_of

_TEXT = '''\
a = "x # no comment" # comment
"b.c".d = 1
[t]
e.f = \'\'\'
g = 1
\'\'\'
h = [ # list
  1,
  { i = "]", j = [2] },
]
[[u]]
k = """ \\""" """
[[u]]
k = 1979-05-27T07:32:00Z
[u.v]
w = true
'''


def test_every_way_to_write_a_key_is_found() -> None:
    lines = lines_of(_TEXT)

    assert tomllib.loads(_TEXT)
    assert (
        lines.items()
        >= {
            ("a",): 1,
            ("b.c", "d"): 2,
            ("t", "e", "f"): 4,
            ("t", "h", 1, "j"): 9,
            ("u", 0, "k"): 12,
            ("u", 1, "k"): 14,
            ("u", 1, "v", "w"): 16,
        }.items()
    )


@given(
    st.dictionaries(
        st.text("ab.-_ é", min_size=1),
        st.one_of(st.integers(), st.booleans(), st.text("\"'\\#]},= \nx")),
    )
)
def test_any_flat_table_has_a_line_for_every_key(table: dict[str, object]) -> None:
    text = "".join(f"{_quoted(name)} = {_quoted(value)}\n" for name, value in table.items())

    lines = lines_of(text)

    assert {path[0]: line for path, line in lines.items()} == {
        name: number for number, name in enumerate(tomllib.loads(text), start=1)
    }


def _quoted(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
