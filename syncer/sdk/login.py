"""What a login gives, at partners that want a session instead of headers that never change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What is sent with every request from a login on, until the partner ends it.

    ``cookies`` follow the partner: when an answer sets one of them anew, the new value is sent.
    ``facts`` is what the connector keeps of the answer, such as links. Headers and cookies count as
    secrets: they are kept out of logs, and cut out of answers.
    """

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)
    facts: Any = field(default=None, repr=False)
