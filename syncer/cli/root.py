"""The command group that all commands hang on."""

from __future__ import annotations

from importlib.metadata import version

import click

from syncer.cli.commands import Words
from syncer.cli.invocation import shared_options

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


@click.group(cls=Words, context_settings=_SETTINGS)
@click.version_option(version("syncer"), message="%(version)s")
@shared_options
def root() -> None:
    """Keep a planning system in step with insurers', estimators' and claims platforms.

    Start with `syncer demo`, or with `syncer init` and `syncer run`. `syncer doctor` says what is
    wrong and what to do.

    Exit codes: 0 done, 1 a bug, 2 wrong usage, 3 configuration, 4 service not reachable, 5 the
    partner refused the credentials, 6 partly failed, 7 refused, 75 try later.
    """


@root.group()
def credentials() -> None:
    """Register a link's credentials once, look whether they are there, reset them."""


@root.group()
def connector() -> None:
    """Look at the installed connectors."""


@root.group()
def key() -> None:
    """Make and rotate the root key that seals credentials."""


@root.group()
def audit() -> None:
    """Check the audit trail."""
