"""Receipts by e-mail, through a real mail server that takes, refuses and falls silent."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import text

from gateway.domain.fees import Channel
from gateway.pages.receipts import receipt_pdf
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.issue_receipts import issue_receipts
from gateway.services.mail_receipts import mail_receipts
from gateway.services.mailer import Mailer, UnusableMailServer
from gateway.store import receipts
from gateway.store.embedded import DatabaseUrls
from tests.integration.world import World, a_world
from tests.ports import free_port

SENDER = "Kho bạc <receipts@treasury.example>"


@dataclass
class PostOffice:
    """What the mail server got; `answer` is what it says to the next messages."""

    answer: str = "250 OK"
    got: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the library's name
        if self.answer.startswith("250"):
            parsed: Any = message_from_bytes(envelope.content, policy=default)
            self.got.append(parsed)
        return self.answer

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if self.answer.startswith("550"):
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def office() -> Iterator[tuple[PostOffice, str]]:
    handler = PostOffice()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, f"smtp://127.0.0.1:{controller.port}"
    controller.stop()


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path, office: tuple[PostOffice, str]) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        made.runtime = replace(made.runtime, mailer=Mailer(office[1], SENDER))
        yield made


def owe(world: World, **payer: str) -> None:
    wanted = InvoiceRequest("vn-passport-new", {}, Channel.COUNTER, "G22", {"name": "Nguyễn Thị Thử", **payer})
    with world.runtime.db.transaction() as tx:
        invoice = issue_invoice(tx, world.runtime.vault, world.portal, wanted)
        receipts.add_due(tx, invoice.id, invoice.agency_id, invoice.total_minor, invoice.currency)
    issue_receipts(world.runtime)


def mails(world: World) -> list[Any]:
    with world.runtime.db.read() as tx:
        return [tuple(row) for row in tx.all(text("SELECT outcome, tries FROM receipt_mails ORDER BY receipt_id"))]


def test_who_left_an_address_gets_the_receipt_once(world: World, office: tuple[PostOffice, str]) -> None:
    owe(world, email="lan@example.vn")
    assert mail_receipts(world.runtime, receipt_pdf) == 1
    assert mail_receipts(world.runtime, receipt_pdf) == 0
    (message,) = office[0].got
    assert message["To"] == "lan@example.vn"
    assert message["Subject"] == "Biên lai 00000001 / Receipt 00000001"
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == "bien-lai-00000001.pdf"
    assert attached.get_content().startswith(b"%PDF-")
    assert mails(world) == [("sent", 1)]


def test_who_left_none_gets_none(world: World, office: tuple[PostOffice, str]) -> None:
    owe(world)
    mail_receipts(world.runtime, receipt_pdf)
    assert office[0].got == []
    assert mails(world) == [("no_address", 1)]


def test_a_server_that_cannot_now_is_tried_again_and_at_last_given_up(
    world: World, office: tuple[PostOffice, str]
) -> None:
    owe(world, email="lan@example.vn")
    office[0].answer = "451 later"
    assert mail_receipts(world.runtime, receipt_pdf) == 1
    assert mail_receipts(world.runtime, receipt_pdf) == 0
    world.clock.ahead += timedelta(minutes=4)
    assert mail_receipts(world.runtime, receipt_pdf) == 1
    assert mails(world) == [(None, 2)]
    world.clock.ahead += timedelta(days=3)
    assert mail_receipts(world.runtime, receipt_pdf) == 1
    assert mails(world) == [("given_up", 3)]


def test_an_address_that_the_server_refuses_is_not_tried_again(
    world: World, office: tuple[PostOffice, str], capsys: pytest.CaptureFixture[str]
) -> None:
    owe(world, email="nobody@example.vn")
    office[0].answer = "550 no such user"
    mail_receipts(world.runtime, receipt_pdf)
    assert mails(world) == [("refused", 1)]
    assert "nobody@example.vn" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "address",
    [
        "lan@example.vn\r\nBcc: thief@example.com",
        "a@b.example, c@d.example",
        "all: a@b.example, c@d.example;",
        "a@",
        "<",
    ],
)
def test_what_is_not_one_address_is_none(world: World, office: tuple[PostOffice, str], address: str) -> None:
    owe(world, email=address)
    mail_receipts(world.runtime, receipt_pdf)
    assert office[0].got == []
    assert mails(world) == [("refused", 1)]


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("http://mail", "a@b.example"),
        ("smtp://", "a@b.example"),
        ("smtp://mail", "nobody"),
        ("smtp://m", "a@b\nBcc: c"),
    ],
)
def test_a_server_that_is_none_stops_the_start(url: str, sender: str) -> None:
    with pytest.raises(UnusableMailServer):
        Mailer(url, sender)
