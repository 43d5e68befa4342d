"""Which SQLite this process uses: that of the package pysqlite3 where it is installed.

Interpreters link the SQLite of their system, which is often one with the WAL-reset race; the
package brings a later one. All parts of a process must use the same: two copies of SQLite that open
one file take away each other's locks (sqlite.org, How To Corrupt, 2.2.1). So the package takes the
place of ``sqlite3`` for the whole process, and only while nobody has imported that yet.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Final

_STANDARD: Final = "sqlite3"
_PACKAGE: Final = "pysqlite3"


def _take_package() -> None:
    if _STANDARD in sys.modules or find_spec(_PACKAGE) is None:
        return
    package = import_module(_PACKAGE)
    sys.modules[_STANDARD] = package
    sys.modules[f"{_STANDARD}.dbapi2"] = package.dbapi2


_take_package()
