from __future__ import annotations

import subprocess
import sys

import pytest

PROBE = """
import ctypes, resource
from syncer.vault import harden_process
harden_process()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is of Linux")
def test_a_hardened_process_leaves_no_core_and_is_not_dumpable() -> None:
    probe = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, check=True)

    assert probe.stdout.decode().split("\n")[0] == "(0, 0) 0"
