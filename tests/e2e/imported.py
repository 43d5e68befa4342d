"""What a start of the program imports, for the process from which the tests fork it."""

from __future__ import annotations

import alembic.command  # noqa: F401
import syncer_claims360  # noqa: F401
import uvloop  # noqa: F401

import syncer.bootstrap.host
import syncer.cli.commands.run  # noqa: F401
