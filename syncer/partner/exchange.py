"""One attempt on the wire: a request, the redirects of its own origin, and an accepted answer."""

from __future__ import annotations

from collections.abc import Collection

import aiohttp
from yarl import URL

from syncer.domain.errors import (
    EgressRefusedError,
    PartnerTimeoutError,
    PartnerUnavailableError,
    SyncerError,
    UnexpectedAnswerError,
)
from syncer.domain.links import LinkKey
from syncer.partner.answers import (
    REDIRECTS,
    TRANSPORT_ERRORS,
    failure_of_status,
    failure_of_transport,
    is_clear_refusal,
    never_left,
)
from syncer.partner.limiter import SHORTEST_WAIT_SECONDS
from syncer.partner.logins import SignedOutError
from syncer.partner.partner import Partner, Permit
from syncer.partner.request import REDIRECTABLE_METHODS, Request, origin_of
from syncer.partner.retry import AttemptFailedError
from syncer.ports.sessions import SendingWatch

_COUNTS_AGAINST_PARTNER = (PartnerTimeoutError, PartnerUnavailableError)


class Exchange:
    """An attempt in progress. After ``open``, whatever it gave, ``close`` must be called."""

    __slots__ = (
        "_accept", "_error", "_link", "_mark", "_permit", "_request", "_response", "_watch",
        "partner",
    )  # fmt: skip

    def __init__(
        self,
        partner: Partner,
        link: LinkKey,
        request: Request,
        accept: Collection[int],
        watch: SendingWatch | None = None,
    ) -> None:
        self.partner = partner
        self._watch = watch if request.is_sending else None
        self._link = link
        self._request = request
        self._accept = accept
        self._permit: Permit | None = None
        self._response: aiohttp.ClientResponse | None = None
        self._mark: object = None
        self._error: SyncerError | None = None

    @property
    def response(self) -> aiohttp.ClientResponse:
        """The answer, once ``open`` gave it."""
        assert self._response is not None, "the exchange is not open"
        return self._response

    async def open(self) -> aiohttp.ClientResponse:
        """Send the request and give the answer, its status accepted and its body unread.

        Raises:
            AttemptFailedError: there was no answer, or it was not accepted.
            RateLimitedError: the link is to be left alone; nothing was sent.
            PartnerUnavailableError: the circuit breaker is open; nothing was sent.
        """
        began_at = self.partner.clock.monotonic()
        response = await self._send(self._request.url, self.partner.timeout_for(self._request))
        if self._is_redirected(response):
            response = await self._follow(response, began_at)
        if self._is_signed_out(response):
            self._took_no_effect()
            error = SignedOutError(f"{self.partner.connector} ended the login.")
            raise AttemptFailedError(error, is_retryable=False)
        if response.status in self._accept:
            return response
        raise self._refused(response)

    def failed(self, error: Exception) -> AttemptFailedError:
        """Say what an exception means that came while the body was read."""
        if isinstance(error, SyncerError):
            failure = AttemptFailedError(error, is_retryable=False)
        else:
            failure = failure_of_transport(error, self.partner.connector)
        self._error = failure.error
        return failure

    def close(self) -> None:
        """Give back the connection and the permit; the first call counts, further ones do not."""
        permit, self._permit = self._permit, None
        if permit is None:
            return
        response, error = self._response, self._error
        if response is not None:
            response.close()
        elif error is None:  # cancelled before there was an answer
            permit.end(failed=None)
            return
        status = response.status if response is not None else 0
        permit.end(failed=status >= 500 or isinstance(error, _COUNTS_AGAINST_PARTNER))
        meter = self.partner.meter
        if meter is not None:
            meter.requested(self.partner.connector, str(status) if error is None else error.code)

    async def _follow(
        self, response: aiohttp.ClientResponse, began_at: float
    ) -> aiohttp.ClientResponse:
        """Go where redirects point to, in what is left of the attempt's time."""
        url, clock, timeout = self._request.url, self.partner.clock, self.partner.timeout
        ends_at = began_at + self.partner.bounds.deadline.total_seconds()
        for _ in range(self.partner.bounds.redirects):
            url = self._next_url(response, url)
            self.close()
            left = max(ends_at - clock.monotonic(), SHORTEST_WAIT_SECONDS)
            response = await self._send(
                url, aiohttp.ClientTimeout(total=left, sock_connect=timeout.sock_connect)
            )
            if not self._is_redirected(response):
                break
        return response

    async def _send(self, url: URL, timeout: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        partner, request = self.partner, self._request
        self._response = self._error = None
        self._permit = permit = await partner.admit(self._link)
        if self._watch is not None:
            self._mark = self._watch.leaving()
        try:
            self._response = await partner.http.request(
                request.method,
                url,
                headers=request.headers,
                data=request.data,
                allow_redirects=False,
                timeout=timeout,
            )
        except TRANSPORT_ERRORS as error:
            if never_left(error):
                self._took_no_effect()
            raise self.failed(error) from None
        if is_clear_refusal(self._response.status):
            self._took_no_effect()
        permit.answered()
        return self._response

    def _took_no_effect(self) -> None:
        if self._watch is not None:
            self._watch.took_no_effect(self._mark)

    def _refused(self, response: aiohttp.ClientResponse) -> AttemptFailedError:
        partner = self.partner
        failure = failure_of_status(response, self._request, partner.connector, partner.clock)
        if failure.retry_after:
            partner.holds.place(self._link, failure.retry_after)
        return failure

    def _is_redirected(self, response: aiohttp.ClientResponse) -> bool:
        return (
            response.status in REDIRECTS
            and response.status not in self._accept
            and self._request.method in REDIRECTABLE_METHODS
            and not self._is_signed_out(response)
        )

    def _is_signed_out(self, response: aiohttp.ClientResponse) -> bool:
        asked = self._request.is_signed_out
        return asked is not None and asked(response.status, response.headers.get("Location"))

    def _next_url(self, response: aiohttp.ClientResponse, url: URL) -> URL:
        """Give the place that an answer points to, which must be of the same origin."""
        try:
            target = url.join(URL(response.headers["Location"])).with_fragment(None)
            is_same = origin_of(target) == origin_of(self._request.url) and not target.user
        except (KeyError, ValueError):
            error = UnexpectedAnswerError(response.status, str(self._request))
            raise AttemptFailedError(error, is_retryable=False) from None
        if not is_same:
            text = f"{self.partner.connector} redirects to another origin; that is not followed."
            raise AttemptFailedError(EgressRefusedError(text), is_retryable=False)
        return target
