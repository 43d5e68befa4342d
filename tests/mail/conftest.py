"""A real SMTP server on loopback, with TLS and login."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from syncer.testing import FakeClock
from tests.mail.desk import Desk
from tests.mail.post import HOST, Certificate, Post, Serve
from tests.stores import opened_store


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    begins_at = datetime(2026, 1, 1, tzinfo=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins_at)
        .not_valid_after(begins_at + timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = signed.public_bytes(serialization.Encoding.PEM)
    pem: Path = tmp_path_factory.mktemp("mail") / "server.pem"
    pem.write_bytes(private + public)
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return Certificate(server, ssl.create_default_context(cadata=public.decode()))


@pytest.fixture
async def serve(certificate: Certificate) -> AsyncIterator[Serve]:
    """Serve ``security`` as the server does it; gives what it takes."""
    async with AsyncExitStack() as stack:

        async def start(security: str = "starttls", *, login: bool = True) -> Post:
            post = Post()

            def make() -> SMTP:
                post.connections += 1
                return SMTP(
                    post,
                    hostname=HOST,
                    tls_context=certificate.server if security == "starttls" else None,
                    require_starttls=security == "starttls",
                    authenticator=post.authenticate,
                    auth_required=login and security != "tls",  # aiosmtpd does not know its own TLS
                    auth_require_tls=security != "tls",
                    data_size_limit=60_000_000,
                    loop=asyncio.get_running_loop(),
                )

            server = await asyncio.get_running_loop().create_server(
                make, "127.0.0.1", 0, ssl=certificate.server if security == "tls" else None
            )
            stack.callback(server.close)
            post.port = server.sockets[0].getsockname()[1]
            return post

        yield start
        await asyncio.sleep(0)


@pytest.fixture
async def desk(serve: Serve, tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    post = await serve("none", login=False)
    async with opened_store(tmp_path / "syncer.db", clock) as store:
        opened = Desk(store=store, clock=clock, post=post)
        await opened.furnish()
        yield opened
