"""Handing a message to a real SMTP server, and what each way of failing means for it."""

from __future__ import annotations

import os
import tracemalloc
from dataclasses import replace
from email.headerregistry import Address
from typing import Literal

import pytest

from syncer.dispatch.ambient import SystemClock
from syncer.domain.errors import (
    AnswerLostError,
    DeliveryRejectedError,
    MailNotConfiguredError,
    PartnerUnavailableError,
    SyncerError,
)
from syncer.mail import Room
from syncer.mail.mime import MimeMessage
from tests.mail.post import PASSWORD, Certificate, Serve, file_of, message, room


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_message_arrives_over_tls_after_a_login(
    serve: Serve, certificate: Certificate, security: Literal["starttls", "tls"]
) -> None:
    post = await serve(security)
    content = os.urandom(200_003)

    answer = await room(post, certificate, security=security).send(
        message(file_of(content, pieces=7))
    )

    (taken,) = post.taken
    assert answer == "kept"
    assert post.logins == [True]
    assert taken["To"] == "claims@insurer.example"
    assert taken["From"] == "Carrosserie Leroy é <garage@example.org>"
    assert taken["Message-ID"] == "<0193-delivery@example.org>"
    assert taken["Subject"] == "Dossier é"
    text, html = taken.get_body(("plain",)), taken.get_body(("html",))
    assert text is not None
    assert text.get_content().replace("\r\n", "\n") == "Voilà.\n.\n..x\n"
    assert html is not None
    assert html.get_content().strip() == "<p>Voilà.</p>"
    (part,) = taken.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("report.pdf", "application/pdf")
    assert part.get_payload(decode=True) == content
    assert max(map(len, post.raw[0].split(b"\r\n"))) < 999


async def test_message_without_files_is_text_and_html(
    serve: Serve, certificate: Certificate
) -> None:
    post = await serve()

    await room(post, certificate).send(message())

    assert post.taken[0].get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("place", ["mail_from", "rcpt_to", "data"])
async def test_refusal_for_good_carries_the_servers_words(
    serve: Serve, certificate: Certificate, place: str
) -> None:
    post = await serve()
    setattr(post, place, f"550 5.7.1 no such person, {PASSWORD}" + "x" * 2_000)

    with pytest.raises(DeliveryRejectedError, match=r"550 5\.7\.1 no such person") as refused:
        await room(post, certificate).send(message())

    assert refused.value.partner_code == "550"
    assert PASSWORD not in str(refused.value)
    assert len(str(refused.value)) < 400


@pytest.mark.parametrize("place", ["mail_from", "rcpt_to", "data"])
async def test_refusal_for_now_is_tried_again(
    serve: Serve, certificate: Certificate, place: str
) -> None:
    post = await serve()
    setattr(post, place, "451 4.7.1 greylisted")

    with pytest.raises(PartnerUnavailableError, match=r"451 4\.7\.1 greylisted"):
        await room(post, certificate).send(message())


async def test_break_after_the_data_leaves_doubt(serve: Serve, certificate: Certificate) -> None:
    post = await serve()
    post.hangs_up = True

    with pytest.raises(AnswerLostError):
        await room(post, certificate).send(message())

    assert len(post.taken) == 1


async def test_file_that_is_shorter_than_announced_hands_nothing_over(
    serve: Serve, certificate: Certificate
) -> None:
    post = await serve()
    whole = file_of(b"1234567890")
    short = message(replace(whole, size_bytes=11))

    with pytest.raises(SyncerError, match="not as long"):
        await room(post, certificate).send(short)

    assert post.taken == []


async def test_certificate_that_nobody_vouches_for_gets_no_login(
    serve: Serve, certificate: Certificate
) -> None:
    post = await serve()
    office = room(post, None)

    with pytest.raises(PartnerUnavailableError, match="certificate is not trusted"):
        await office.send(message())

    assert post.logins == []
    assert office.trouble is not None


async def test_server_without_starttls_gets_nothing(serve: Serve, certificate: Certificate) -> None:
    post = await serve("none")

    with pytest.raises(PartnerUnavailableError, match="does not offer STARTTLS"):
        await room(post, certificate).send(message())

    assert (post.logins, post.taken) == ([], [])


async def test_refused_login_is_not_tried_again_at_once(
    serve: Serve, certificate: Certificate
) -> None:
    post = await serve()
    office = room(post, certificate, password="wrong-password")

    for _ in range(2):
        with pytest.raises(PartnerUnavailableError, match=r"refused the login \(535\)"):
            await office.send(message())

    assert post.logins == [False]
    assert post.connections == 1


async def test_trouble_is_over_when_the_server_can_be_used_again(
    serve: Serve, certificate: Certificate
) -> None:
    post = await serve()
    port, post.port = post.port, 1
    office = room(post, certificate)
    with pytest.raises(PartnerUnavailableError, match="cannot be reached"):
        await office.send(message())
    assert office.trouble == "The mail server cannot be reached."
    post.port = port

    office = room(post, certificate)
    await office.send(message())

    assert office.trouble is None


async def test_probe_finds_out_and_sends_nothing(serve: Serve, certificate: Certificate) -> None:
    post = await serve()
    wary, office = room(post, None), room(post, certificate)

    await wary.probe()
    await office.probe()

    assert wary.trouble is not None
    assert (office.trouble, post.taken, post.logins) == (None, [], [True])


async def test_password_may_hold_any_character(serve: Serve, certificate: Certificate) -> None:
    post = await serve()
    post.password = "pässwörd €"

    await room(post, certificate, password=post.password).send(message())

    assert post.logins == [True]


async def test_nothing_can_be_put_into_headers(serve: Serve, certificate: Certificate) -> None:
    post = await serve()
    evil = "a\r\nBcc: everybody@example.org\r\n\r\nx"

    await room(post, certificate).send(
        message(file_of(b"x", name=f'../../{evil}".pdf'), subject=evil)
    )

    (taken,) = post.taken
    assert taken["Bcc"] is None
    assert taken["Subject"] == "a Bcc: everybody@example.org x"
    (part,) = taken.iter_attachments()
    assert part.get_filename() == "a Bcc_ everybody@example.org x_.pdf"


async def test_large_attachment_needs_no_memory_of_its_own() -> None:
    large = message(file_of(bytes(4_000_000), pieces=60))
    mime = MimeMessage(large, sender=Address(addr_spec="a@example.org"), at=SystemClock().now())
    tracemalloc.start()
    try:
        size = sum([len(chunk) async for chunk in mime.chunks()])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size > 5_400_000
    assert peak < 1_000_000


async def test_without_a_server_nothing_is_sent() -> None:
    office = Room(None, clock=SystemClock())

    with pytest.raises(MailNotConfiguredError):
        await office.send(message())

    assert not office.is_configured
