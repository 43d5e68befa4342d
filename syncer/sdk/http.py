"""The HTTP session as a connector sees it; the host's own is in ``syncer/partner``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol, TypeVar
from urllib.parse import quote

import msgspec

from syncer.domain.errors import PayloadError
from syncer.sdk.delivery import OutgoingFile
from syncer.sdk.login import Login

T = TypeVar("T")
Query = Mapping[str, str | int | None]
OK = frozenset({200})


@dataclass(frozen=True, slots=True, kw_only=True)
class PartnerLimits:
    """What the partner allows one link, with the place where it says so.

    At most ``requests`` begin in any window of ``period``, refused ones included; at most
    ``concurrent`` are under way. ``partner_concurrent`` caps all links of the partner together.
    """

    requests: int | None = None
    period: timedelta = timedelta(seconds=1)
    concurrent: int = 4
    partner_concurrent: int | None = None
    source: str


@dataclass(frozen=True, slots=True)
class Href:
    """A link as the partner gave it: relative or absolute, possibly with a query of its own.

    A relative one is resolved against ``base_url`` (RFC 3986: one that begins with ``/`` against
    its origin). One that leads to another origin is refused before anything is sent.
    """

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A whole answer; ``body`` is decompressed. Header names are lowercase.

    ``cookies`` are those that the answer set, by name; given while logging in and never else.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cookies: Mapping[str, str] = field(default_factory=dict, repr=False)

    def decode(self, model: type[T]) -> T:
        """Decode the JSON body.

        Raises:
            PayloadError: when it is no JSON of that shape; names the field, never a value.
        """
        try:
            return msgspec.json.decode(self.body, type=model)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            text = f"the answer cannot be read: {error}"
            raise PayloadError(text, raw=self.body) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body, sent in the order given.

    ``content`` is text or bytes, or a file that is streamed. ``filename`` goes as raw UTF-8.
    """

    name: str
    content: bytes | OutgoingFile
    content_type: str | None = None
    filename: str | None = None


class Download(Protocol):
    """An answer that is streamed; sizes and deadlines are bounded by the host."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of the answer; names are lowercase."""

    def chunks(self) -> AsyncIterator[bytes]:
        """Yield the decompressed content, piece by piece."""


class HttpSession(Protocol):
    """Requests to one partner on behalf of one link.

    ``path`` is relative to the configured ``base_url`` and already percent-encoded (``path_of``),
    or an ``Href`` that the partner gave. The connector's ``auth_headers``, what a login gave and
    the correlation id are added by the host. Retries, limits, ``Retry-After``, redirects and the
    circuit breaker are the host's: a connector must not retry.
    """

    async def request(
        self,
        method: str,
        path: str | Href,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        parts: Sequence[Part] | None = None,
        accept: Collection[int] = OK,
        repeatable: bool = False,
    ) -> Response:
        """Make one request and read the whole answer.

        ``accept`` names the statuses that are answers; any other becomes an error. Query values of
        None are left out; with an ``Href`` they take the place of those of the same name in it.
        ``body`` or ``parts`` (multipart/form-data, streamed) is what is sent.
        ``repeatable`` says that this sending is idempotent by the partner's contract, so that the
        host may repeat it as it repeats a GET; all other sendings are made once.

        Raises:
            CredentialsRejectedError: 401 or 403; with a login, when a new one changed nothing.
            RateLimitedError: 429, or 503 with a ``Retry-After`` too long to wait for in place.
            PartnerUnavailableError: connection failure, 5xx, or the circuit breaker is open.
            PartnerTimeoutError: 408, or no whole answer within the deadline.
            UnexpectedAnswerError: a status that is neither accepted nor one of the above.
            PayloadError: the body is larger than allowed, or the request cannot be sent as it is
                (path not percent-encoded, control character in a header).
            EgressRefusedError: a link or redirect to another origin, or an address that is not
                public.
        """
        ...

    async def login(self) -> Login:
        """Give the present login, after logging in when there is none.

        Raises:
            CredentialsRejectedError: the partner refused the login.
            NotFoundError: the connector does not log in.
        """
        ...

    def download(
        self,
        path: str | Href,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AbstractAsyncContextManager[Download]:
        """GET a file as a stream; raises as ``request`` does, and while the chunks are read."""
        ...


def path_of(template: str, *values: str) -> str:
    """Put values into a path, one for each ``{}``, percent-encoded so that none escapes.

    ``/`` is encoded, and a value that is only dots cannot climb.
    """
    return template.format(*(_segment(value) for value in values))


def _segment(value: str) -> str:
    encoded = quote(value, safe="")
    return encoded.replace(".", "%2E") if encoded.strip(".") == "" else encoded
