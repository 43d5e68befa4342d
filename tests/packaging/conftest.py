"""A small Debian of its own, for the tests that carry out what the files and pages say."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.rehearsal import debian

SUITE = "trixie"


@pytest.fixture(scope="session")
def fresh_debian() -> Iterator[Path]:
    """The root file system of a Debian; copied, never changed."""
    assert shutil.which("debootstrap"), "this needs root, and: apt-get install debootstrap"
    with tempfile.TemporaryDirectory(prefix="syncer-debian-") as folder:
        yield debian(Path(folder) / "base", SUITE)


@pytest.fixture
def workshop() -> Iterator[Path]:
    """A folder that goes at once: file systems of a few hundred MB are not kept for looking at."""
    with tempfile.TemporaryDirectory(prefix="syncer-rehearsal-") as folder:
        yield Path(folder)
