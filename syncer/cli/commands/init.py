"""`syncer init`: a configuration to start from, its data folder and its root key."""

from __future__ import annotations

import json
from importlib.metadata import entry_points
from importlib.resources import files
from pathlib import Path

import click

from syncer.cli.invocation import Invocation, command
from syncer.cli.output import plain
from syncer.cli.root import root
from syncer.domain.errors import ConflictError

CONNECTORS = "syncer.connectors"


@command(root, "init")
@click.argument(
    "folder", default=".", type=click.Path(path_type=Path, file_okay=False), metavar="[FOLDER]"
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Data folder; default: data in FOLDER.",
)
@click.option(
    "--key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Root key, made unless it is there; default: syncer.key in FOLDER.",
)
def init(
    invocation: Invocation, folder: Path, data_dir: Path | None, key_file: Path | None
) -> None:
    """Write a commented configuration, make the data folder and the root key."""
    config = invocation.file or folder / "syncer.toml"
    if config.exists():
        raise ConflictError(
            "configuration_exists", f"{config} exists already; nothing was changed."
        )
    data = (data_dir or folder / "data").absolute()
    key = (key_file or folder / "syncer.key").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    is_new_key = not key.exists()
    if is_new_key:
        from syncer.vault import create_key_file

        create_key_file(key)
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(_starter(data, key), encoding="utf-8")
    made = {"config": str(config), "data_dir": str(data), "key_file": str(key)}
    invocation.output.show(
        {**made, "key_made": is_new_key},
        f"Configuration  {plain(str(config))}",
        f"Data folder    {plain(str(data))}",
        f"Root key       {plain(str(key))}" + ("" if is_new_key else " (was there)"),
        "",
        "Next:",
        f"  1. Enable a connector and name your repairers in {plain(str(config))}.",
        "  2. Back up the root key, apart from the data folder. Without it credentials are lost.",
        f"  3. syncer run --config {plain(str(config))}",
        f"  4. syncer credentials put --repairer R --connector C --config {plain(str(config))}",
    )


def _starter(data: Path, key: Path) -> str:
    template = (files("syncer.cli") / "starter.toml").read_text(encoding="utf-8")
    names = sorted({point.name for point in entry_points(group=CONNECTORS)})
    tables = "".join(
        f'# [connectors.{name}]\n# enabled = true\n# base_url = "https://..."\n\n' for name in names
    )
    return template.format(data_dir=_quoted(data), key_file=_quoted(key), connectors=tables or "\n")


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)  # JSON's strings are TOML's basic strings
