"""PostgreSQL: how connections are opened, what guards the credentials, what its errors mean."""

from __future__ import annotations


def refusals() -> list[str]:
    return []
