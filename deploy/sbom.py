"""Write the CycloneDX list of what runs in production: `python deploy/sbom.py TOOL PYTHON FILE`.

TOOL is cyclonedx-py, PYTHON the interpreter of an environment that holds what runs and nothing
else. What the tool says about itself changes with its release and is left out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

UNDECLARED = {"pysqlite3": "Zlib"}
"""Licences that a package names in its licence file only."""


def main(tool: str, python: str, file: str) -> None:
    """Ask the tool, and write the list in an order that is the same every time."""
    asked = [tool, "environment", "--pyproject", "pyproject.toml", "--output-reproducible", python]
    made = subprocess.run(asked, capture_output=True, check=True)  # noqa: S603 - of the Makefile
    listed = json.loads(made.stdout)
    del listed["metadata"]["tools"]
    for part in listed["components"]:
        name_licence(part)
    text = json.dumps(listed, indent=1, sort_keys=True, ensure_ascii=False)
    Path(file).write_text(text + "\n", encoding="utf-8")


def name_licence(part: dict[str, Any]) -> None:
    """Add the licence to a part whose package does not declare one in its metadata."""
    if "licenses" not in part and part["name"] in UNDECLARED:
        part["licenses"] = [{"license": {"id": UNDECLARED[part["name"]]}}]


if __name__ == "__main__":
    main(*sys.argv[1:])
