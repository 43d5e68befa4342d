"""The HTTP session that a connector gets for one link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import aiohttp
from multidict import CIMultiDict

from syncer.domain.errors import NotFoundError, SyncerError, UnexpectedAnswerError
from syncer.domain.links import LinkKey
from syncer.partner.answers import (
    TRANSPORT_ERRORS,
    bounded_chunks,
    check_announced,
    read_body,
)
from syncer.partner.echoes import Echoes
from syncer.partner.exchange import Exchange
from syncer.partner.logins import Door, Kept, cookies_of
from syncer.partner.multipart import MultipartBody
from syncer.partner.partner import Partner
from syncer.partner.problems import read_problem
from syncer.partner.request import (
    SAFE_METHODS,
    Request,
    add_headers,
    headers_of,
    url_of,
    url_of_href,
)
from syncer.partner.retry import AttemptFailedError
from syncer.ports.sessions import SendingWatch, SignIn
from syncer.sdk.http import OK, Href, Part, Query, Response
from syncer.sdk.login import Login


class PartnerDownload:
    """An answer that is streamed."""

    def __init__(
        self, exchange: Exchange, response: aiohttp.ClientResponse, headers: Mapping[str, str]
    ) -> None:
        self._exchange = exchange
        self._response = response
        self.headers = headers

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the decompressed content, piece by piece.

        Raises:
            PayloadError: the content is larger, or inflates more, than allowed.
            PartnerTimeoutError: the deadline passed, or the content comes too slowly.
            PartnerUnavailableError: the connection broke off.
        """
        bounds, clock = self._exchange.partner.bounds, self._exchange.partner.clock
        pieces = bounded_chunks(self._response, bounds.download_bytes, bounds, clock)
        try:
            async for piece in pieces:
                yield piece
        except (*TRANSPORT_ERRORS, SyncerError) as error:
            raise self._exchange.failed(error).error from None


class PartnerSession:
    """Requests to one partner on behalf of one link; made for one pass, check or download.

    With ``sign_in`` its requests carry the link's login. ``gives_cookies`` is for the requests that
    log in: their answers give the cookies that they set.
    """

    __slots__ = (
        "_auth_headers",
        "_correlation_id",
        "_door",
        "_echoes",
        "_gives_cookies",
        "_headers",
        "_link",
        "_partner",
        "_watch",
    )

    def __init__(
        self,
        partner: Partner,
        link: LinkKey,
        auth_headers: Mapping[str, str],
        correlation_id: str,
        *,
        sign_in: SignIn | None = None,
        gives_cookies: bool = False,
        secrets: Iterable[str] = (),
        watch: SendingWatch | None = None,
    ) -> None:
        self._partner = partner
        self._watch = watch
        self._link = link
        self._auth_headers = auth_headers
        self._correlation_id = correlation_id
        self._echoes = Echoes([*auth_headers.values(), *secrets])
        self._gives_cookies = gives_cookies
        self._headers: CIMultiDict[str] | None = None
        self._door = self._door_of(sign_in) if sign_in is not None else None

    def _door_of(self, sign_in: SignIn) -> Door:
        partner, link = self._partner, self._link
        bare = PartnerSession(
            partner,
            link,
            self._auth_headers,
            self._correlation_id,
            gives_cookies=True,
            secrets=sign_in.secrets,
        )
        return Door(partner.logins.of(link, sign_in.generation), sign_in, bare, partner.clock)

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
        """Make one request and read the whole answer; see ``HttpSession`` for the errors."""
        sent = MultipartBody(parts) if parts is not None else body
        request = self._prepare(method, path, query, headers, sent, repeatable=repeatable)
        if self._door is None:
            return await self._made(request, accept, None)
        return await self._door.through(partial(self._made, request, accept))

    async def login(self) -> Login:
        """Give the present login, after logging in when there is none."""
        if self._door is None:
            raise NotFoundError("This connector does not log in.")
        return (await self._door.login()).login

    async def _made(self, request: Request, accept: Collection[int], kept: Kept | None) -> Response:
        """Make a request as often as the retry policy allows."""
        if kept is not None:
            request = request.carrying(kept.headers)
        began_at = self._partner.clock.monotonic()
        try:
            return await self._ask(request, accept, kept)
        except AttemptFailedError as failure:
            if not failure.is_retryable or not request.is_repeatable:
                raise failure.error from None
            first = failure
        return await self._partner.retry.go_on(
            lambda: self._ask(request, accept, kept), first, began_at=began_at
        )

    @asynccontextmanager
    async def download(
        self,
        path: str | Href,
        *,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[PartnerDownload]:
        """GET a file as a stream; what fails once the content has begun is not repeated."""
        request = self._prepare("GET", path, query, headers, None, repeatable=True)
        if self._door is None:
            exchange = await self._opened(request, None)
        else:
            exchange = await self._door.through(partial(self._opened, request))
        try:
            response = exchange.response
            yield PartnerDownload(exchange, response, self._headers_of(response))
        finally:
            exchange.close()

    async def _opened(self, request: Request, kept: Kept | None) -> Exchange:
        """Open a download as often as the retry policy allows."""
        if kept is not None:
            request = request.carrying(kept.headers)
        began_at = self._partner.clock.monotonic()
        try:
            return await self._open(request, kept)
        except AttemptFailedError as failure:
            if not failure.is_retryable:
                raise failure.error from None
            first = failure
        return await self._partner.retry.go_on(
            lambda: self._open(request, kept), first, began_at=began_at
        )

    async def _ask(self, request: Request, accept: Collection[int], kept: Kept | None) -> Response:
        exchange = Exchange(self._partner, self._link, request, accept, self._watch)
        try:
            response = await self._answered(exchange, request, kept)
            try:
                body = await read_body(response, self._partner.bounds, self._partner.clock)
            except (*TRANSPORT_ERRORS, SyncerError) as error:
                raise exchange.failed(error) from None
            self._accepted(response, kept)
            if kept is not None:
                body = kept.echoes.cut_from_body(body)
            return Response(
                status=response.status,
                headers=self._headers_of(response, kept),
                body=self._echoes.cut_from_body(body),
                cookies=cookies_of(_set_cookies(response)) if self._gives_cookies else {},
            )
        finally:
            exchange.close()

    async def _answered(
        self, exchange: Exchange, request: Request, kept: Kept | None
    ) -> aiohttp.ClientResponse:
        """Open an exchange; a refusal of what was sent says why in the partner's own words."""
        try:
            return await exchange.open()
        except AttemptFailedError as failure:
            error = failure.error
            if request.is_sending and isinstance(error, UnexpectedAnswerError):
                cut = [self._echoes.cut_from_body]
                cut += [kept.echoes.cut_from_body] if kept is not None else []
                problem = await read_problem(exchange.response, cut)
                error.partner_code, error.partner_text = problem
            raise

    async def _open(self, request: Request, kept: Kept | None) -> Exchange:
        exchange = Exchange(self._partner, self._link, request, OK)
        try:
            response = await exchange.open()
            self._accepted(response, kept)
            try:
                check_announced(response, self._partner.bounds.download_bytes)
            except SyncerError as error:
                raise exchange.failed(error) from None
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _accepted(self, response: aiohttp.ClientResponse, kept: Kept | None) -> None:
        if kept is not None and self._door is not None:
            kept.accepted(_set_cookies(response), self._door.sign_in.secrets)

    def _prepare(
        self,
        method: str,
        path: str | Href,
        query: Query | None,
        headers: Mapping[str, str] | None,
        body: bytes | MultipartBody | None,
        *,
        repeatable: bool,
    ) -> Request:
        if self._headers is None:
            self._headers = headers_of(self._auth_headers, self._correlation_id)
        sent = self._headers
        if headers or isinstance(body, MultipartBody):
            sent = sent.copy()
            add_headers(sent, headers or {})
        if isinstance(body, MultipartBody):
            sent["Content-Type"] = body.content_type
            sent["Content-Length"] = str(body.size_bytes)
        method = method.upper()
        base = self._partner.base
        return Request(
            method,
            url_of_href(base, path, query) if isinstance(path, Href) else url_of(base, path, query),
            sent,
            body,
            repeatable or method in SAFE_METHODS,
            self._door.sign_in.is_signed_out if self._door is not None else None,
        )

    def _headers_of(
        self, response: aiohttp.ClientResponse, kept: Kept | None = None
    ) -> dict[str, str]:
        cut = self._echoes.cut_from_text
        headers = {name.lower(): cut(value) for name, value in response.headers.items()}
        if kept is not None:
            cut = kept.echoes.cut_from_text
            headers = {name: cut(value) for name, value in headers.items()}
        return headers


def _set_cookies(response: aiohttp.ClientResponse) -> Sequence[str]:
    return response.headers.getall("Set-Cookie", ())
