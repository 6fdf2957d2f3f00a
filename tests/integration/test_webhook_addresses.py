"""Webhooks go to the public internet and nowhere inside, to the very address that was checked, over TLS to its name."""

import asyncio
import dataclasses
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.domain.errors import Invalid
from gateway.services import send_webhook
from gateway.services.deliver_events import deliver_events
from gateway.services.public_address import check_webhook_url, is_public
from gateway.services.register_webhook_endpoint import register_webhook_endpoint
from gateway.services.runtime import Caller, Runtime
from gateway.services.send_webhook import Attempt, Message, Sender
from tests.integration.portal import portal_server

NAME = "hooks.portal.example"


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",  # noqa: S104 - refused here, not listened on
        "10.1.2.3",
        "100.64.0.1",
        "127.0.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "192.168.1.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fc00::1",
        "fe80::1",
        "fe80::1%eth0",
        "ff02::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "2002:7f00:1::",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
    ],
)
def test_an_inner_address_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "203.162.4.190", "2001:4860:4860::8888", "::ffff:8.8.8.8"])
def test_an_address_of_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.gov.vn/hooks",
        "ftp://portal.gov.vn/",
        "portal.gov.vn",
        "https://",
        "https:///hooks",
        "https://localhost/",
        "https://LOCALHOST./",
        "https://db.internal/",
        "https://postgres/",
        "https://127.0.0.1/",
        "https://127.1/",
        "https://2130706433/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:password@portal.gov.vn/",
        "https://portal.gov.vn/#fragment",
        "https://portal.gov.vn:0/",
        "https://portal.gov.vn:99999/",
        "https://portal.gov.vn/" + "x" * 2000,
        "https://[::1/",
        "https://portal.gov.vn\n/",
        "",
    ],
)
def test_a_url_that_leads_inside_or_nowhere_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_webhook_url(url, allow_private=False)
    assert set(refused.value.fields) == {"url"}


@pytest.mark.parametrize("url", ["https://portal.gov.vn/hooks?x=1", "https://portal.gov.vn:8443/", "https://8.8.8.8/"])
def test_a_public_url_is_taken(url: str) -> None:
    assert check_webhook_url(url, allow_private=False) == url


def test_only_where_it_is_allowed_may_a_webhook_stay_inside() -> None:
    assert check_webhook_url("http://127.0.0.1:9000/", allow_private=True) == "http://127.0.0.1:9000/"


def test_a_name_that_came_to_lead_inside_is_not_called(runtime: Runtime, agency: UUID, portal: Caller) -> None:
    """It was registered where that is allowed, as if the name had led elsewhere then."""
    allowing = dataclasses.replace(runtime, allow_private_webhooks=True)
    with portal_server() as site:
        with runtime.db.transaction() as tx:
            register_webhook_endpoint(tx, allowing, portal, f"http://localhost:{site.port}/", [])
        with runtime.db.transaction() as tx:
            tx.emit("invoice.paid", agency, {})
        assert deliver_events(runtime)["failed"] == 1
        assert site.received == []


def send(url: str, *, allow_private: bool = True) -> Attempt:
    async def work() -> Attempt:
        async with Sender(allow_private=allow_private) as sender:
            return await sender.send(Message(url, {"webhook-id": "1"}, b"{}"))

    return asyncio.run(work())


def names(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let NAME lead to each of the answers in turn; tells what was asked."""
    asked, real = [], socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host != NAME:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[len(asked) - 1]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


def test_the_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    with portal_server() as site:
        asked = names(monkeypatch, ["127.0.0.1"], ["203.0.113.9"])
        assert send(f"http://{NAME}:{site.port}/hooks").http_status == 204
        assert asked == [NAME]
        assert site.received[0].headers["host"] == f"{NAME}:{site.port}"


def test_one_inner_address_among_public_ones_is_one_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, ["8.8.8.8", "127.0.0.1"])
    attempt = send(f"https://{NAME}/", allow_private=False)
    assert attempt.http_status is None
    assert "not on the public internet" in attempt.error


def test_the_next_address_is_tried_if_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with portal_server() as site:
        names(monkeypatch, ["127.0.0.9", "127.0.0.1"])
        assert send(f"http://{NAME}:{site.port}/").http_status == 204


def test_a_redirect_is_not_followed() -> None:
    with portal_server() as site:
        site.answer = lambda _: 302
        attempt = send(site.url)
        assert (attempt.http_status, attempt.error, attempt.succeeded) == (302, "answered 302", False)
        assert len(site.received) == 1


def certificate(name: str, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    """A certificate for `name` that vouches for itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, hashes.SHA256())


@pytest.fixture
def tls_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ssl.SSLContext]:
    """A server's TLS with a certificate for a name, which this machine is made to trust."""

    def make(name: str) -> ssl.SSLContext:
        key, path = ec.generate_private_key(ec.SECP256R1()), tmp_path / "site.pem"
        public = certificate(name, key).public_bytes(serialization.Encoding.PEM)
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(public + private)
        (tmp_path / "trusted.pem").write_bytes(public)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
        send_webhook._tls.cache_clear()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    return make


def test_the_certificate_must_be_that_of_the_name(
    monkeypatch: pytest.MonkeyPatch, tls_for: Callable[[str], ssl.SSLContext]
) -> None:
    with portal_server(tls_for(NAME)) as site:
        names(monkeypatch, ["127.0.0.1"])
        assert send(f"https://{NAME}:{site.port}/").http_status == 204
        attempt = send(f"https://127.0.0.1:{site.port}/")
        assert (attempt.http_status, attempt.error) == (None, "its certificate is not to be trusted")
        assert len(site.received) == 1


def test_an_unknown_authority_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, tls_for: Callable[[str], ssl.SSLContext]
) -> None:
    with portal_server(tls_for(NAME)) as site:
        monkeypatch.delenv("SSL_CERT_FILE")
        send_webhook._tls.cache_clear()
        names(monkeypatch, ["127.0.0.1"])
        assert send(f"https://{NAME}:{site.port}/").error == "its certificate is not to be trusted"
        assert site.received == []


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http://127.0.0.1:1/", "no answer: ConnectError"),
        ("http://nobody.localhost:1/", "no answer: ConnectError|the name has no address"),
    ],
)
def test_who_cannot_be_reached_is_an_answer_too(url: str, error: str) -> None:
    attempt = send(url)
    assert attempt.http_status is None
    assert attempt.error in error.split("|")
    assert not attempt.succeeded
