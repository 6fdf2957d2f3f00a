"""What a broken connection means, against a server that breaks it in every way."""

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from gateway.ports.provider import NotSent, OutcomeUnknown, ProviderError, RateLimited
from providers.plain_text import plain
from providers.settings import MissingSettings, required, split
from providers.transport import Transport
from tests.ports import free_port

QUICK = httpx.Timeout(connect=5, read=0.3, write=5, pool=5)


class RawServer:
    """Answers every connection with these bytes, then closes it; None never answers."""

    def __init__(self) -> None:
        self.answer: bytes | None = b""
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/"
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._stopped.is_set():
                    return
                connection.recv(65_536)
                if self.answer is None:
                    self._stopped.wait(2)
                else:
                    connection.sendall(self.answer)

    def stop(self) -> None:
        self._stopped.set()
        socket.create_connection(self._socket.getsockname()).close()
        self._thread.join()
        self._socket.close()


@pytest.fixture
def server() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.stop()


@pytest.fixture
def transport() -> Iterator[Transport]:
    transport = Transport(QUICK)
    yield transport
    transport.close()


def answer(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    length = f"content-length: {len(body)}"
    return "\r\n".join([f"HTTP/1.1 {status}", length, "connection: close", *headers, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("sent_back", "error"),
    [
        (None, OutcomeUnknown),
        (b"", OutcomeUnknown),
        (b"\x00\x01 not HTTP", OutcomeUnknown),
        (b"HTTP/1.1 200 OK\r\n", OutcomeUnknown),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it", OutcomeUnknown),
        (answer("200 OK", b"not gzip", "content-encoding: gzip"), OutcomeUnknown),
        (answer("500 Internal Server Error"), OutcomeUnknown),
        (answer("502 Bad Gateway"), OutcomeUnknown),
        (answer("503 Service Unavailable"), OutcomeUnknown),
        (answer("504 Gateway Timeout"), OutcomeUnknown),
        (answer("429 Too Many Requests"), RateLimited),
    ],
)
def test_what_breaks_after_sending_is_unknown(
    server: RawServer, transport: Transport, sent_back: bytes | None, error: type[ProviderError]
) -> None:
    server.answer = sent_back
    with pytest.raises(ProviderError) as raised:
        transport.send("POST", server.url, {"authorization": "Bearer planted"}, b"body")
    assert type(raised.value) is error
    assert raised.value.__context__ is None  # what it replaces would hold our headers


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:{port}/", "https://127.0.0.1:{port}/", "ftp://127.0.0.1/", "http://[::1", "nowhere"]
)
def test_what_never_left_us_was_not_sent(transport: Transport, url: str) -> None:
    with pytest.raises(NotSent) as raised:
        transport.send("POST", url.format(port=free_port()), {}, b"body")
    assert raised.value.__context__ is None


def test_a_server_that_speaks_no_tls_was_sent_nothing(server: RawServer, transport: Transport) -> None:
    server.answer = answer("200 OK")
    with pytest.raises(NotSent):
        transport.send("POST", server.url.replace("http://", "https://"), {}, b"body")


@pytest.mark.parametrize("status", ["200 OK", "302 Found", "404 Not Found", "422 Unprocessable"])
def test_any_other_answer_is_for_the_adapter_to_read(server: RawServer, transport: Transport, status: str) -> None:
    server.answer = answer(status, b'{"id": 1}', "location: http://127.0.0.1:9/")
    received = transport.send("GET", server.url, {})
    assert (received.status, received.json()) == (int(status[:3]), {"id": 1})
    assert "id" not in repr(received)


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b"null", b'{"a": Infinity}', b"\xff"])
def test_an_answer_that_is_no_object_is_unknown(server: RawServer, transport: Transport, body: bytes) -> None:
    server.answer = answer("200 OK", body)
    with pytest.raises(OutcomeUnknown):
        transport.send("GET", server.url, {}).json()


def test_titles_lose_what_encoders_disagree_on() -> None:
    assert plain("Lệ phí cấp hộ chiếu: RF18 (mới) & <b>Đường</b>") == "Le phi cap ho chieu: RF18 moi bDuongb"
    assert plain("a" * 300) == "a" * 120


def test_all_missing_and_blank_settings_are_named_at_once() -> None:
    with pytest.raises(MissingSettings, match="set A, B, C "):
        required("somebody", {"B": "  ", "C": "one,,two", "D": "fine"}, ["A", "B", "C", "D"])
    assert required("somebody", {"D": " fine "}, ["D"]) == {"D": "fine"}
    assert split("one, two") == ("one", "two")
