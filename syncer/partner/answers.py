"""What an answer means: its body within bounds, and the error for each status and failure."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import aiohttp

from syncer.domain.errors import (
    CredentialsRejectedError,
    EgressRefusedError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    PayloadError,
    RateLimitedError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.partner.bounds import Bounds
from syncer.partner.egress import DeniedAddressError
from syncer.partner.holds import LONGEST_PAUSE_SECONDS
from syncer.partner.request import Request
from syncer.partner.retry import AttemptFailedError, parse_retry_after
from syncer.ports.ambient import Clock

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504})
_ASKS_TO_WAIT = frozenset({429, 503})
_REFUSES_CREDENTIALS = frozenset({401, 403})
TRANSPORT_ERRORS = (aiohttp.ClientError, OSError, ValueError, RuntimeError)
"""What aiohttp lets escape; the last two for broken answers, odd host names, a closed session."""
_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})
_JSON = re.compile(rb"\s*[\[{]")
_FAILURES: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "its name cannot be resolved"),
    (aiohttp.ClientConnectorCertificateError, "its TLS certificate is not valid"),
    (aiohttp.ClientSSLError, "TLS could not be agreed on"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientPayloadError, "its answer broke off"),
    (aiohttp.ServerDisconnectedError, "it closed the connection"),
    (aiohttp.ClientResponseError, "its answer cannot be read"),
)


# -- statuses -------------------------------------------------------------------------------------


def failure_of_status(
    response: aiohttp.ClientResponse, request: Request, connector: str, clock: Clock
) -> AttemptFailedError:
    """Say what a status that was not accepted means."""
    status = response.status
    if status not in _RETRYABLE:
        return AttemptFailedError(_final_error(status, request, connector), is_retryable=False)
    wait = parse_retry_after(response.headers, clock.now())
    retry_at = clock.now() + timedelta(seconds=wait) if wait is not None else None
    is_long = wait is not None and wait > LONGEST_PAUSE_SECONDS
    text = f"{connector} answered with HTTP status {status}."
    failure: SyncerError
    if status == 429 or (is_long and status in _ASKS_TO_WAIT):
        failure = RateLimitedError(text, retry_at=retry_at)
    elif status == 408:
        failure = PartnerTimeoutError(text, retry_at=retry_at)
    else:
        failure = PartnerUnavailableError(text, retry_at=retry_at)
    return AttemptFailedError(failure, is_retryable=not is_long, retry_after=wait)


def _final_error(status: int, request: Request, connector: str) -> SyncerError:
    if status in _REFUSES_CREDENTIALS:
        return CredentialsRejectedError(f"{connector} refused the credentials (HTTP {status}).")
    if status >= 500:
        return PartnerUnavailableError(f"{connector} answered with HTTP status {status}.")
    return UnexpectedAnswerError(status, str(request))


def is_clear_refusal(status: int) -> bool:
    """Say whether what was sent surely took no effect at the partner that answers so.

    408 says that the partner did not wait to the end, which it may have reached nevertheless.
    """
    return (400 <= status < 500 and status != 408) or status == 503


# -- failures without a status --------------------------------------------------------------------


def failure_of_transport(error: Exception, connector: str) -> AttemptFailedError:
    """Say what an exception of the transport means; its text may hold secrets and is dropped."""
    if isinstance(error, TimeoutError):
        text = f"{connector} did not answer within the deadline."
        return AttemptFailedError(PartnerTimeoutError(text), is_retryable=True)
    if _is_denied(error):
        text = f"The egress policy forbids the address of {connector}: it is not a public one."
        return AttemptFailedError(EgressRefusedError(text), is_retryable=False)
    reason = next((text for kind, text in _FAILURES if isinstance(error, kind)), "connection lost")
    unavailable = PartnerUnavailableError(f"{connector} could not be asked: {reason}.")
    return AttemptFailedError(unavailable, is_retryable=True)


def never_left(error: Exception) -> bool:
    """Say whether a failure came before anything could be sent: name, connection or TLS."""
    kinds = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL)
    return isinstance(error, (*kinds, aiohttp.ClientSSLError))


def _is_denied(error: Exception) -> bool:
    """Say whether our policy refused the address, or aiohttp its spelling (``127.1``)."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return isinstance(error.os_error, DeniedAddressError)
    return isinstance(error, aiohttp.InvalidURL)


# -- bodies ---------------------------------------------------------------------------------------


async def read_body(response: aiohttp.ClientResponse, bounds: Bounds, clock: Clock) -> bytes:
    """Read a whole body, decompressed.

    Raises:
        PayloadError: it is larger, or inflates more, than allowed, or is JSON of too many values.
        PartnerTimeoutError: it comes too slowly.
    """
    body = await _read_whole(response, bounds, clock)
    if len(body) > bounds.body_values and _JSON.match(body) is not None:
        _check_values(body, bounds.body_values)
    return body


def _check_values(body: bytes, most: int) -> None:
    """Refuse JSON of so many values that taking it apart would keep everybody else waiting."""
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > most:
        raise PayloadError(f"the answer holds more than {most} values")


async def _read_whole(response: aiohttp.ClientResponse, bounds: Bounds, clock: Clock) -> bytes:
    check_announced(response, bounds.body_bytes)
    content = response.content
    first = await content.readany()
    if content.at_eof() and len(first) <= bounds.inflation_from_bytes:
        return first
    chunks = [first]
    async for chunk in bounded_chunks(response, bounds.body_bytes, bounds, clock, first=first):
        chunks.append(chunk)  # noqa: PERF401  an asynchronous comprehension hides the bound
    return b"".join(chunks)


def check_announced(response: aiohttp.ClientResponse, most_bytes: int) -> None:
    """Refuse an answer by its headers alone.

    Raises:
        PayloadError: it announces more than allowed, or an encoding that was not asked for.
    """
    length = response.content_length
    if length is not None and length > most_bytes and not response.content.at_eof():
        raise _too_large(most_bytes)
    encoding = response.headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() not in _ENCODINGS:
        raise PayloadError("the answer is compressed in a way that was not asked for")


async def bounded_chunks(
    response: aiohttp.ClientResponse,
    most_bytes: int,
    bounds: Bounds,
    clock: Clock,
    *,
    first: bytes = b"",
) -> AsyncIterator[bytes]:
    """Yield the body that follows ``first``, stopping at the first bound that is passed.

    Raises:
        PayloadError: it is larger, or inflates more, than allowed.
        PartnerTimeoutError: it comes too slowly.
    """
    waited, read = 0.0, len(first)
    content = response.content
    while True:
        _check_size(read, content.total_raw_bytes, most_bytes, bounds)
        asked_at = clock.monotonic()
        chunk = await content.readany()
        if not chunk:
            return
        waited += clock.monotonic() - asked_at
        read += len(chunk)
        if waited > bounds.slow_after.total_seconds():
            _check_speed(read, waited, bounds)
        _check_size(read, content.total_raw_bytes, most_bytes, bounds)
        yield chunk


def _check_size(read: int, received: int, most_bytes: int, bounds: Bounds) -> None:
    if read > most_bytes:
        raise _too_large(most_bytes)
    if read > bounds.inflation_from_bytes and read > received * bounds.most_inflation:
        raise PayloadError(f"the answer inflates more than {bounds.most_inflation} times")


def _check_speed(read: int, waited: float, bounds: Bounds) -> None:
    if read < waited * bounds.slowest_bytes_per_second:
        raise PartnerTimeoutError("The answer comes too slowly and was given up.")


def _too_large(most_bytes: int) -> PayloadError:
    return PayloadError(f"the answer is larger than {most_bytes} bytes")
