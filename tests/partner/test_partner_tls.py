"""TLS: a certificate that nobody vouches for is not accepted, whatever else is allowed."""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncer.domain.errors import PartnerUnavailableError
from syncer.partner.session import PartnerSession
from syncer.testing.serving import LOOPBACK

Open = Callable[..., Awaitable[PartnerSession]]


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "partner")])
    begins_at = datetime(2026, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins_at)
        .not_valid_after(begins_at + timedelta(days=36500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "partner.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    return context


async def test_partner_with_a_self_signed_certificate_gets_no_request(
    self_signed: ssl.SSLContext, open_session: Open, owned: AsyncExitStack
) -> None:
    requests = 0

    async def partner(request: web.Request) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        return web.Response()

    app = web.Application()
    app.router.add_get("/", partner)
    runner = web.AppRunner(app)
    await runner.setup()
    owned.push_async_callback(runner.cleanup)
    await web.TCPSite(runner, LOOPBACK, 0, ssl_context=self_signed).start()
    session = await open_session(f"https://{LOOPBACK}:{runner.addresses[0][1]}")

    with pytest.raises(PartnerUnavailableError, match="TLS certificate"):
        await session.request("GET", "/")

    assert requests == 0
