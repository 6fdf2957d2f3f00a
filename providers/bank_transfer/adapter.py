"""A scheme of bank transfer behind the provider port.

A payment is not created anywhere: what its payer scans or types is computed here, and nothing is sent. The bank cannot
know of a payment that has not come, so a question about one is answered "pending" until exactly its amount is there
with its reference. All that arrives, whatever its amount and text, comes as a CreditObservation: by notification, in
the bank's list, in its statement; the core puts it where it belongs.

`provider_payment_id` is what finds the payment again without any memory of ours: our id, the account and the number
that its payer was given.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx

from gateway.domain import reference
from gateway.domain.errors import GatewayError
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.reference_in_text import find_in_text
from gateway.domain.refund import RefundStatus
from gateway.ports.capabilities import Capabilities
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    CreatePayment,
    CreditObservation,
    NotFound,
    Observation,
    OutcomeUnknown,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    RefundCommand,
    RefundObservation,
    RefundOutcome,
    RefundRef,
    Rejected,
    RejectionReason,
    Reply,
    SettlementLine,
    SettlementWindow,
    Unsupported,
    Verified,
    WebhookRejected,
)
from providers import reading, signing
from providers.bank_transfer import settlement, wire
from providers.bank_transfer.client import BankClient, segment, unreadable
from providers.bank_transfer.schemes import Scheme
from providers.settings import UnusableSetting, base_url, required, split
from providers.transport import TIMEOUT

_ACK: Mapping[AckResult, int] = {AckResult.RETRY: 503, AckResult.REJECTED: 400}
"""Everything else is 200: the notification is durable, and sending it again would change nothing."""

_ID_SEPARATOR = ":"  # in none of a UUID, an account number and a reference


def settings_of(scheme: Scheme) -> tuple[str, ...]:
    """The settings that the scheme cannot do without: the bank, who we are to it, the secrets, perhaps its zone."""
    names = ("BANK_URL", "CLIENT", "SECRETS", *(() if scheme.time_zone else ("TIME_ZONE",)))
    return tuple(f"GATEWAY_{scheme.name.upper()}_{name}" for name in names)


def statement_dir_of(scheme: Scheme) -> str:
    """The setting for the folder in which statements arrive, for banks that deliver files."""
    return f"GATEWAY_{scheme.name.upper()}_STATEMENT_DIR"


def accounts_of(scheme: Scheme) -> str:
    """The setting for banks that name an account otherwise than payers do: "theirs=ours", separated by commas."""
    return f"GATEWAY_{scheme.name.upper()}_ACCOUNTS"


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the adapter of a scheme from the environment. Raises MissingSettings or UnusableSetting."""

    scheme: Scheme

    def __call__(self, environment: Mapping[str, str], timeout: httpx.Timeout = TIMEOUT) -> "BankTransfer":
        given = required(self.scheme.name, environment, settings_of(self.scheme))
        values, address = list(given.values()), base_url(self.scheme.name, given, settings_of(self.scheme)[0])
        zone = self.scheme.time_zone or values[3]
        folder = environment.get(statement_dir_of(self.scheme), "").strip()
        secrets = split(values[2])
        client = BankClient(address, values[1], secrets[0], timeout)
        books = Books(_zone(self.scheme, zone), Path(folder) if folder else None, _accounts(self.scheme, environment))
        return BankTransfer(self.scheme, client, secrets, books)


@dataclass(frozen=True, slots=True)
class Books:
    """How the bank keeps them: the zone of its day, the folder where its statements arrive, and what it calls accounts
    that payers know by another number (a UEN, a creditor number)."""

    zone: ZoneInfo
    folder: Path | None = None
    accounts: Mapping[str, str] = field(default_factory=dict)

    def ours(self, credit: CreditObservation) -> CreditObservation:
        """With the account as the agency's configuration names it."""
        return replace(credit, account=self.accounts.get(credit.account, credit.account))


class BankTransfer:
    def __init__(self, scheme: Scheme, client: BankClient, secrets: Sequence[str], books: Books) -> None:
        self.name = scheme.name
        self.titles = scheme.titles
        self.capabilities: Capabilities = scheme.capabilities(books.zone.key)
        self._scheme = scheme
        self._client = client
        self._secrets = tuple(secrets)
        self._books = books

    def close(self) -> None:
        self._client.close()

    def create_payment(self, command: CreatePayment) -> PaymentOutcome:
        """Nothing is sent. Raises Unsupported where the scheme cannot carry this amount to this account."""
        payee = command.payee
        if not self.capabilities.takes(command.amount):
            raise Unsupported(f"{self.name} does not carry such an amount", code="unsupported_amount")
        if payee is None or not self._scheme.fits(payee):
            raise Unsupported(f"{self.name} needs {self._scheme.account}", code="unsupported_account")
        try:
            number = self._scheme.number(command)
            action = self._scheme.show(command, payee, number, self._books.zone)
        except (ValueError, GatewayError) as fault:  # a name or a reference that no code can hold
            raise Unsupported(f"{self.name}: {fault}", code="unsupported_payee") from None
        found_by = _ID_SEPARATOR.join((str(command.payment_id), payee.number, number))
        return PaymentOutcome(PaymentStatus.PENDING, provider_payment_id=found_by, next_action=action)

    def query_payment(self, ref: PaymentRef) -> PaymentObservation | NotFound:
        account, number = self._known(ref)
        status, found = PaymentStatus.PENDING, None
        for credit in self._credits(reference=number, since=str(int(ref.created_at.timestamp()))):
            if credit.get("status") not in wire.CREDIT_STATUS:
                status = PaymentStatus.UNKNOWN  # only a word that we know could tell whether the money is there
            elif credit.get("status") == wire.BOOKED and found is None:
                found = _if_it_pays(self._credit(credit), ref, account, number)
        return PaymentObservation(
            status=status if found is None else PaymentStatus.SUCCEEDED,
            occurred_at=datetime.now(UTC) if found is None else found.occurred_at,
            payment_id=ref.payment_id,
            provider_payment_id=ref.provider_payment_id,
            provider_transaction_id=None if found is None else found.provider_transaction_id,
            amount=None if found is None else found.amount,
        )

    def list_credits(self, since: datetime, until: datetime) -> Iterator[CreditObservation]:
        """What was booked in [since, until), also what was taken back later: it has moved."""
        window = {"since": str(int(since.timestamp())), "until": str(int(until.timestamp()))}
        for credit in self._credits(**window):
            yield self._credit(credit)

    def refund(self, command: RefundCommand) -> RefundOutcome:
        """A return of the credit, to wherever it came from: no data of the payer is needed, and none is known."""
        if command.payment.provider_transaction_id is None:
            raise Rejected("no credit is known that could be returned", code="not_refundable")
        returned = self._client.changed(
            "/v1/returns",
            command.idempotency_key,
            {
                "return_id": str(command.refund_id),
                "booking_id": command.payment.provider_transaction_id,
                "amount_minor": command.amount.amount_minor,
                "currency": command.amount.currency,
            },
        )
        try:
            word = reading.text(returned, "status")
            status = wire.RETURN_STATUS.get(word, RefundStatus.UNKNOWN)
            return RefundOutcome(status, reading.text(returned, "id"), reading.optional_text(returned, "code") or word)
        except reading.Unreadable as fault:
            raise unreadable(fault) from None

    def query_refund(self, ref: RefundRef) -> RefundObservation | NotFound:
        if ref.provider_refund_id is None:
            found = self._client.asked("/v1/returns", return_id=str(ref.command.refund_id))
        else:
            found = self._client.asked(f"/v1/returns/{segment(ref.provider_refund_id)}")
        return NotFound() if found is None else _read(found, wire.return_observation)

    def verify(self, request: RawRequest, now: datetime) -> Verified:
        signing.check_signature(request.headers.get(wire.SIGNATURE, ""), self._secrets, request.body, now)
        try:
            event = self._decoded(request.body)
            wire.observations(event)  # whatever is verified can be parsed
            return Verified(reading.text(event, "id"), reading.text(event, "type"), event)
        except reading.Unreadable as fault:
            raise WebhookRejected(RejectionReason.MALFORMED, str(fault)) from None

    def parse(self, verified: Verified) -> Sequence[Observation]:
        seen = [one for one in wire.observations(verified.payload) if self._is_ours(getattr(one, "amount", None))]
        return [self._books.ours(one) if isinstance(one, CreditObservation) else one for one in seen]

    def ack(self, result: AckResult) -> Reply:
        return Reply(_ACK.get(result, 200), json.dumps({"result": result.value}).encode())

    def list_settlements(self, window: SettlementWindow) -> Sequence[BatchRef]:
        """Raises NotSent, RateLimited or OutcomeUnknown."""
        query = {"first": window.first.isoformat(), "last": window.last.isoformat()}
        listed = [_read(statement, settlement.batch_of) for statement in self._pages("/v1/statements", query)]
        folder = self._books.folder
        found = settlement.merged([] if folder is None else settlement.in_folder(folder, window), listed)
        return [batch for batch in found if self._is_ours(batch.total)]

    def read_settlement(self, batch: BatchRef) -> Iterator[SettlementLine]:
        """Raises NotSent, RateLimited or OutcomeUnknown; see settlement.read."""
        folder, zone = self._books.folder, self._books.zone
        arrived = None if folder is None else settlement.from_folder(folder, batch, zone)
        if arrived is None:
            account, statement = settlement.parts_of(batch)
            file = self._client.downloaded(f"/v1/statements/{segment(account)}/{segment(statement)}")
            arrived = settlement.read([file], batch, zone)
        return (self._line(line) for line in arrived if self._is_ours(line.gross))

    def _is_ours(self, amount: Money | None) -> bool:
        """Whether it can be of this scheme: another may share the bank, the client and the folder, and has its own
        currency. An amount that is not stated may be of any."""
        return amount is None or amount.currency == self._scheme.currency

    def _line(self, line: SettlementLine) -> SettlementLine:
        return line if line.credit is None else replace(line, credit=self._books.ours(line.credit))

    def _credit(self, data: Mapping[str, Any]) -> CreditObservation:
        """A credit in an answer. Raises OutcomeUnknown if it cannot be read."""
        return self._books.ours(_read(data, wire.credit_observation))

    def _decoded(self, body: bytes) -> Mapping[str, Any]:
        """A notification in JSON or, if it begins as XML does, a camt.054. Of either, only what concerns us is kept:
        banks name their payers, and nobody here is to know them."""
        if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return wire.camt_event(body, self._books.zone)
        return wire.without_payer(reading.decoded(body))

    def _known(self, ref: PaymentRef) -> tuple[str | None, str]:
        """The account and the number of a payment; if the answer to its creation was lost, no account, and as much of
        the number as follows from the reference."""
        _, _, rest = (ref.provider_payment_id or "").partition(_ID_SEPARATOR)
        account, separator, number = rest.partition(_ID_SEPARATOR)
        return (account, number) if separator else (None, self._scheme.known_by(ref.reference))

    def _credits(self, **query: str) -> Iterator[Mapping[str, Any]]:
        for credit in self._pages("/v1/credits", query):
            if self._is_ours(_read(credit, wire.amount_of)):
                yield credit

    def _pages(self, path: str, query: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        after: str | None = ""
        while after is not None:
            page = self._client.asked(path, **query, **({"after": after} if after else {}))
            if page is None:
                raise OutcomeUnknown(f"the bank does not know {path}", code=wire.NOT_FOUND)
            yield from _read(page, lambda data: reading.listed(data, "data"))
            before, after = after, _read(page, lambda data: reading.optional_text(data, "next"))
            if after == before:
                raise OutcomeUnknown("the list goes in a circle", code="unreadable")


def _if_it_pays(
    credit: CreditObservation, ref: PaymentRef, account: str | None, number: str
) -> CreditObservation | None:
    """The credit, if it pays this payment exactly: its amount, its account, its number."""
    if credit.amount != ref.amount or account not in (None, credit.account):
        return None
    stated = re.sub(r"[\s.-]", "", credit.reference or "").upper()
    if stated == number or (account is None and stated.endswith(number)):
        return credit
    organisation = number[: -reference.BASE_DIGITS] if len(number) == reference.EPN_DIGITS else ""
    found = {one.reference for one in find_in_text(credit.remittance) if one.issuer in ("", organisation)}
    return credit if found == {ref.reference} else None


def _read(data: Mapping[str, Any], by: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Part of an answer. Raises OutcomeUnknown if it cannot be read."""
    try:
        return by(data)
    except reading.Unreadable as fault:
        raise unreadable(fault) from None


def _accounts(scheme: Scheme, environment: Mapping[str, str]) -> Mapping[str, str]:
    setting = accounts_of(scheme)
    given = environment.get(setting, "").strip()
    pairs = [pair.split("=") for pair in split(given)] if given else []
    named = {pair[0].strip(): pair[-1].strip() for pair in pairs}
    if not all(len(pair) == 2 for pair in pairs) or not all((*named, *named.values())) or len(named) < len(pairs):
        raise UnusableSetting(scheme.name, setting, "give each account of the bank once, as theirs=ours")
    return named


def _zone(scheme: Scheme, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        setting = settings_of(scheme)[-1]
        raise UnusableSetting(scheme.name, setting, "give the name of a time zone, such as Europe/Tallinn") from None
