"""One SQLite for all tests of a process; property tests fail for what they find only.

And what Python compiles is kept: the tests start some hundred processes of the program.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import syncer.store  # noqa: F401 - chooses the SQLite before a test imports sqlite3
from tests.campaign_results import Results

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # noqa: TID251 - for the processes of the tests
sys.dont_write_bytecode = False

settings.register_profile(
    "busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("busy machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Say where a campaign writes its page."""
    parser.addoption("--results", type=Path, help="page to write the results of a campaign to")


def pytest_configure(config: pytest.Config) -> None:
    """Have a campaign write down what it came to; workers only run the tests."""
    page: Path | None = config.getoption("results")
    if page is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(page))
