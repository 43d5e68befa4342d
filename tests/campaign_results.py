"""What the last campaign came to, for docs/campaign.md."""

from __future__ import annotations

import platform
import sqlite3
import subprocess
import time
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.campaign import COUNTS

ROOT = Path(__file__).parents[1]
MOST = "most "
"""Begins the name of a count of which the largest matters, not the sum."""

TEXT = """\
# The last campaign

`make campaign` runs the tests of crashes, faults, attacks and the model of a pull with counts that
are too large for every day, and writes this page. The counts stand in `tests/campaign.py`.

Last run: {date}, {minutes:.0f} minutes, commit {commit}, Python {python}, SQLite {sqlite},
{machine}. {verdict}

## How often

| what | count |
| --- | ---: |
{counted}

## Tests

| file | passed | failed | seconds |
| --- | ---: | ---: | ---: |
{files}
"""


class Results:
    """Listens to the reports of a run; a plugin of pytest."""

    def __init__(self, page: Path) -> None:
        self.page = page
        self.began_at = time.monotonic()
        self.counted: Counter[str] = Counter()
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.seconds: Counter[str] = Counter()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take a report."""
        file = report.nodeid.partition("::")[0]
        self.seconds[file] += round(report.duration)
        if report.when != "call" and not report.failed:
            return
        self.outcomes[file][report.outcome] += 1
        for name, value in report.user_properties:
            if not isinstance(value, int):
                continue
            if name.startswith(MOST):
                self.counted[name] = max(self.counted[name], value)
            else:
                self.counted[name] += value

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Write the page."""
        verdict = self._verdict()
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            verdict += " It was stopped before its end."
        self.counted["runs of the model of a pull"] = COUNTS.model_runs
        self.counted["most steps in a run of the model"] = COUNTS.model_steps
        self.counted["times as many examples in each fuzz test"] = COUNTS.examples_factor
        text = TEXT.format(
            date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),  # noqa: TID251 - the real day
            minutes=(time.monotonic() - self.began_at) / 60,
            commit=commit(),
            python=platform.python_version(),
            sqlite=sqlite3.sqlite_version,
            machine=f"{platform.system()} {platform.machine()}",
            verdict=verdict,
            counted="\n".join(
                f"| {name} | {self.counted[name]:,} |" for name in sorted(self.counted)
            ),
            files="\n".join(map(self._row, sorted(self.outcomes))),
        )
        self.page.write_text(text)

    def _verdict(self) -> str:
        failed = sum(outcome["failed"] for outcome in self.outcomes.values())
        return f"**{failed} failed.**" if failed else "Nothing failed."

    def _row(self, file: str) -> str:
        outcome = self.outcomes[file]
        return f"| `{file}` | {outcome['passed']} | {outcome['failed']} | {self.seconds[file]} |"


def commit() -> str:
    """Name the commit that is tested."""
    asked = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
