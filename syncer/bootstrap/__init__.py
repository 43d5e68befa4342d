"""The only wiring: builds everything from the settings, and owns start and stop order."""

from syncer.bootstrap.host import Host, running
from syncer.bootstrap.signals import run_until_signal

__all__ = ["Host", "run_until_signal", "running"]
