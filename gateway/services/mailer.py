"""Sends e-mail by the operator's own mail server. Nothing of a message, not even whom it is for, is ever logged."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import parseaddr
from urllib.parse import unquote, urlsplit

TIMEOUT = timedelta(seconds=20)
PORTS = {"smtp": 587, "smtps": 465}
LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})


class UnusableMailServer(ValueError):
    """The message says what is wrong; it holds no password."""


class NotDelivered(Exception):
    """The server did not take the message. `final`: it never will."""

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    content: bytes = field(repr=False)


class Mailer:
    """`url` is smtp://user:password@host:587 (STARTTLS, but on this machine) or smtps://...:465; `sender` an address.

    Raises UnusableMailServer.
    """

    def __init__(self, url: str, sender: str) -> None:
        self._url = urlsplit(url)
        if self._url.scheme not in PORTS or not self._url.hostname:
            raise UnusableMailServer("write the mail server like smtp://user:password@mail.example.gov:587")
        if "@" not in parseaddr(sender)[1] or any(mark in sender for mark in "\r\n"):
            raise UnusableMailServer("the sender must be an address such as receipts@example.gov")
        self._sender = sender

    def send(self, to: str, subject: str, text: str, attachment: Attachment) -> None:
        """Raises NotDelivered. Whether a server that fell silent took the message is not known: it may come twice."""
        message = EmailMessage()
        try:
            message["From"], message["To"], message["Subject"] = self._sender, Address(addr_spec=to), subject
            message.set_content(text)
            message.add_attachment(attachment.content, maintype="application", subtype="pdf", filename=attachment.name)
        except Exception:
            raise NotDelivered("no address", final=True) from None
        try:
            with self._connected() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            raise NotDelivered("recipient refused", final=all(code >= 500 for code in codes)) from None
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            raise NotDelivered(type(error).__name__, final=False) from None

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        host, port = self._url.hostname or "", self._url.port or PORTS[self._url.scheme]
        context, timeout = ssl.create_default_context(), TIMEOUT.total_seconds()
        opened = (
            smtplib.SMTP_SSL(host, port, timeout=timeout, context=context)
            if self._url.scheme == "smtps"
            else smtplib.SMTP(host, port, timeout=timeout)
        )
        with opened as server:
            if self._url.scheme == "smtp" and host not in LOCAL:
                server.starttls(context=context)
            if self._url.username:
                server.login(unquote(self._url.username), unquote(self._url.password or ""))
            yield server
