"""The program in a process of its own beside a played Claims360, and what breaks it."""

from __future__ import annotations

from tests.e2e.conftest import partner, running, service, shop

__all__ = ["partner", "running", "service", "shop"]
