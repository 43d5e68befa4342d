"""The HTTP session that a connector gets for one link."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

import aiohttp
from multidict import CIMultiDict

from syncer.domain.errors import SyncerError
from syncer.domain.links import LinkKey
from syncer.partner.answers import (
    TRANSPORT_ERRORS,
    bounded_chunks,
    check_announced,
    read_body,
)
from syncer.partner.echoes import Echoes
from syncer.partner.exchange import Exchange
from syncer.partner.multipart import MultipartBody
from syncer.partner.partner import Partner
from syncer.partner.request import SAFE_METHODS, Request, add_headers, headers_of, url_of
from syncer.partner.retry import AttemptFailedError
from syncer.sdk.http import OK, Part, Query, Response


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
    """Requests to one partner on behalf of one link; made for one pass, check or download."""

    __slots__ = ("_auth_headers", "_correlation_id", "_echoes", "_headers", "_link", "_partner")

    def __init__(
        self,
        partner: Partner,
        link: LinkKey,
        auth_headers: Mapping[str, str],
        correlation_id: str,
    ) -> None:
        self._partner = partner
        self._link = link
        self._auth_headers = auth_headers
        self._correlation_id = correlation_id
        self._echoes = Echoes(auth_headers.values())
        self._headers: CIMultiDict[str] | None = None

    async def request(
        self,
        method: str,
        path: str,
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
        began_at = self._partner.clock.monotonic()
        try:
            return await self._ask(request, accept)
        except AttemptFailedError as failure:
            if not failure.is_retryable or not request.is_repeatable:
                raise failure.error from None
            first = failure
        return await self._partner.retry.go_on(
            lambda: self._ask(request, accept), first, began_at=began_at
        )

    @asynccontextmanager
    async def download(
        self, path: str, *, query: Query | None = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[PartnerDownload]:
        """GET a file as a stream; what fails once the content has begun is not repeated."""
        request = self._prepare("GET", path, query, headers, None, repeatable=True)
        began_at = self._partner.clock.monotonic()
        try:
            exchange = await self._open(request)
        except AttemptFailedError as failure:
            if not failure.is_retryable:
                raise failure.error from None
            exchange = await self._partner.retry.go_on(
                lambda: self._open(request), failure, began_at=began_at
            )
        try:
            response = exchange.response
            yield PartnerDownload(exchange, response, self._headers_of(response))
        finally:
            exchange.close()

    async def _ask(self, request: Request, accept: Collection[int]) -> Response:
        exchange = Exchange(self._partner, self._link, request, accept)
        try:
            response = await exchange.open()
            try:
                body = await read_body(response, self._partner.bounds, self._partner.clock)
            except (*TRANSPORT_ERRORS, SyncerError) as error:
                raise exchange.failed(error) from None
            return Response(
                status=response.status,
                headers=self._headers_of(response),
                body=self._echoes.cut_from_body(body),
            )
        finally:
            exchange.close()

    async def _open(self, request: Request) -> Exchange:
        exchange = Exchange(self._partner, self._link, request, OK)
        try:
            response = await exchange.open()
            try:
                check_announced(response, self._partner.bounds.download_bytes)
            except SyncerError as error:
                raise exchange.failed(error) from None
        except BaseException:
            exchange.close()
            raise
        return exchange

    def _prepare(
        self,
        method: str,
        path: str,
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
        url = url_of(self._partner.base, path, query)
        return Request(method, url, sent, body, repeatable or method in SAFE_METHODS)

    def _headers_of(self, response: aiohttp.ClientResponse) -> dict[str, str]:
        cut = self._echoes.cut_from_text
        return {name.lower(): cut(value) for name, value in response.headers.items()}
