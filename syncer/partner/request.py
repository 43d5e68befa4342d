"""What is about to be sent: an address below the base URL, clean headers, an encoded query."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote_plus

from multidict import CIMultiDict
from yarl import URL

from syncer.domain.errors import ConfigurationError, EgressRefusedError, PayloadError
from syncer.partner.multipart import MultipartBody
from syncer.sdk.http import Href, Query

CORRELATION_HEADER = "X-Correlation-Id"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, 9.2.1
REDIRECTABLE_METHODS = frozenset({"GET", "HEAD"})
_FIXED_HEADERS = {"User-Agent": "syncer", "Accept-Encoding": "gzip, deflate"}
_PATH = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_LONGEST_SHOWN_PATH = 200


@dataclass(frozen=True, slots=True)
class Request:
    """One request, ready to be sent as often as the retry policy allows."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes | MultipartBody | None
    is_repeatable: bool
    is_signed_out: Callable[[int, str | None], bool] | None = None

    def carrying(self, headers: Mapping[str, str]) -> Request:
        """Give the same request with what a login sends along."""
        sent = self.headers.copy()
        add_headers(sent, headers)
        return replace(self, headers=sent)

    @property
    def data(self) -> bytes | AsyncIterator[bytes] | None:
        """The body as one attempt sends it."""
        return self.body.chunks() if isinstance(self.body, MultipartBody) else self.body

    @property
    def is_sending(self) -> bool:
        """Whether it may change something at the partner."""
        return self.method not in SAFE_METHODS

    @property
    def body_bytes(self) -> int:
        """How much is sent."""
        if isinstance(self.body, MultipartBody):
            return self.body.size_bytes
        return len(self.body or b"")

    def __str__(self) -> str:
        return f"{self.method} {self.url.raw_path[:_LONGEST_SHOWN_PATH]}"


def base_of(base_url: str) -> str:
    """Give the part of every URL that stands before the connector's path.

    Raises:
        ConfigurationError: the base URL cannot be read.
    """
    try:
        url = URL(base_url)
        text = str(url.origin()) + url.raw_path.rstrip("/")
    except ValueError:
        raise ConfigurationError(["base_url must be an absolute http or https URL"]) from None
    return text


def url_of(base: str, path: str, query: Query | None) -> URL:
    """Put base, path and query together.

    Raises:
        PayloadError: the path is not percent-encoded or climbs, or a value cannot be encoded.
    """
    path = path.removeprefix("/")
    if _PATH.fullmatch(path) is None or _is_climbing(path):
        raise PayloadError("the path of a request must be percent-encoded and must not climb")
    text = f"{base}/{path}"
    if query:
        encoded = _encode(query)
        if encoded:
            text = f"{text}?{encoded}"
    return URL(text, encoded=True)


def url_of_href(base: str, href: Href, query: Query | None) -> URL:
    """Resolve a link that the partner gave, with ``query`` in place of what it says there.

    Raises:
        PayloadError: it is no link, or a value cannot be encoded.
        EgressRefusedError: it leads to another origin.
    """
    try:
        home = URL(f"{base}/", encoded=True)
        url = home.join(URL(href.text)).with_fragment(None)
        is_home = origin_of(url) == origin_of(home) and not (url.user or url.password)
    except ValueError:
        raise PayloadError("a link of the partner cannot be read") from None
    if not is_home:
        raise EgressRefusedError("A link of the partner leads elsewhere; that is not followed.")
    if not query:
        return url
    kept = [
        pair for pair in url.raw_query_string.split("&") if pair and _name_of(pair) not in query
    ]
    return URL(str(url.with_query(None)) + "?" + "&".join([*kept, _encode(query)]), encoded=True)


def origin_of(url: URL) -> tuple[str, str | None, int | None]:
    """Give what two addresses share when they are of the same origin."""
    return url.scheme, url.host, url.port


def _name_of(pair: str) -> str:
    return unquote_plus(pair.partition("=")[0])


def _is_climbing(path: str) -> bool:
    return ("./" in path or path.endswith(".")) and any(
        segment in {".", ".."} for segment in path.split("/")
    )


def _encode(query: Query) -> str:
    try:
        return "&".join(
            f"{_quoted(name)}={_quoted(str(value))}"
            for name, value in query.items()
            if value is not None
        )
    except UnicodeEncodeError:
        raise PayloadError("a value of the query is no valid text") from None


def _quoted(text: str) -> str:
    return text if text.isascii() and text.isalnum() else quote(text, safe="")


def headers_of(auth_headers: Mapping[str, str], correlation_id: str) -> CIMultiDict[str]:
    """Make the headers that every request of a session carries.

    Raises:
        PayloadError: a header cannot be sent as it is; the text names it, never its value.
    """
    headers = CIMultiDict(_FIXED_HEADERS)
    add_headers(headers, auth_headers)
    add_headers(headers, {CORRELATION_HEADER: correlation_id})
    return headers


def add_headers(headers: CIMultiDict[str], more: Mapping[str, str]) -> None:
    """Set headers, checking them first.

    Raises:
        PayloadError: a name is no token, or a value holds CR, LF or another control character.
    """
    for name, value in more.items():
        if _HEADER_NAME.fullmatch(name) is None:
            raise PayloadError("a request header has a name that cannot be sent")
        if _CONTROL.search(value) is not None:
            raise PayloadError(f"the request header {name} holds a control character")
        headers[name] = value
