"""Virtual environments of the floor and the peers, made on demand from pinned requirements."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
CACHE = HERE.parent / ".benchmarks"


class NotInstalledError(Exception):
    """A peer's environment could not be made; the text says why."""


def python_of(peer: str) -> Path:
    """Give the interpreter of a peer's environment, made when it is missing or out of date.

    Raises:
        NotInstalledError: its requirements cannot be installed here.
    """
    requirements = HERE / "peers" / peer / "requirements.txt"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    folder = CACHE / peer
    stamp, python = folder / "installed", folder / "bin" / "python"
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"Setting up the environment of {peer}", flush=True)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    done = subprocess.run(
        [*pip, "--require-hashes", "-r", str(requirements)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise NotInstalledError(done.stderr.strip().splitlines()[-1])
    stamp.write_text(wanted)
    return python


def version_of(python: Path, distribution: str) -> str:
    """Give the version of a distribution in an environment."""
    code = f"from importlib.metadata import version; print(version({distribution!r}))"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
