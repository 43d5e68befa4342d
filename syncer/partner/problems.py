"""What a partner says of a request that it refused, in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import aiohttp
import msgspec

from syncer.partner.answers import TRANSPORT_ERRORS

LARGEST_PROBLEM_BYTES = 16_384
LONGEST_TEXT = 500
LONGEST_CODE = 100
PATIENCE_SECONDS = 5.0
_TEXTS = ("detail", "message", "title", "error_description", "error")

Problem = tuple[str | None, str | None]


async def read_problem(
    response: aiohttp.ClientResponse, cuts: Sequence[Callable[[bytes], bytes]]
) -> Problem:
    """Read code and text of a problem body (RFC 9457), as far as there is one; never fails.

    ``cuts`` take our secrets out. The text is on one line and bounded; of a body that is not JSON
    nothing is said.
    """
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            body = await _read_some(response)
        for cut in cuts:
            body = cut(body)
        problem = msgspec.json.decode(body)
    except (*TRANSPORT_ERRORS, msgspec.DecodeError, RecursionError):
        return None, None
    return problem_of(problem)


def problem_of(problem: Any) -> Problem:
    """Give code and text of a decoded problem body."""
    if not isinstance(problem, dict):
        return None, None
    code = _line(problem.get("code"), LONGEST_CODE)
    texts = (_line(problem.get(name), LONGEST_TEXT) for name in _TEXTS)
    return code, next((text for text in texts if text), None)


async def _read_some(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    while len(body) <= LARGEST_PROBLEM_BYTES:
        chunk = await response.content.readany()
        if not chunk:
            break
        body += chunk
    return body[:LARGEST_PROBLEM_BYTES]


def _line(value: Any, longest: int) -> str | None:
    if not isinstance(value, str):
        return None
    words = "".join(sign if sign.isprintable() else " " for sign in value[: 2 * longest]).split()
    return " ".join(words)[:longest] or None
