"""The schemes, as data: what each pays in, what its payer is shown, and what a banking app reads of that.

Limits are those of the rails where they are public; the bank's contract may set lower ones. Lifetimes are how long a
payer is given, not how long a transfer takes: what arrives later is known by its reference all the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.domain import reference
from gateway.domain.money import Money, from_major
from gateway.domain.national_references import hyphenated
from gateway.ports.capabilities import Capabilities, Flow, Need, SettlementBy
from gateway.ports.provider import CreatePayment, NextAction, Payee, ShowQr, ShowTransfer
from providers.bank_transfer import emvco, epc, paynow, slip, vietqr
from providers.plain_text import plain


@dataclass(frozen=True, slots=True)
class Transfer:
    """What a banking app understands of a code or a slip. `amount` is None where the payer fills it in; `structured`
    says that the reference travels apart from the payer's own words."""

    account: str
    amount: Money | None
    reference: str
    structured: bool
    expires_on: date | None = None


Fits = Callable[[Payee], bool]
Number = Callable[[CreatePayment], str]
Known = Callable[[str], str]
Show = Callable[[CreatePayment, Payee, str, ZoneInfo], NextAction]


@dataclass(frozen=True, slots=True)
class Scheme:
    """`account` says in words what `fits` asks of a payee; `number` is the reference in the habit of the country,
    `known_by` as much of it as follows from the canonical reference alone.
    `read` understands what `show` shows, as strictly as a banking app; `check` is what it asks of what is typed.
    A blank `time_zone` is a setting, as the scheme spans several. `notifies` is how the simulated bank tells."""

    name: str
    titles: Mapping[str, str]
    currency: str
    flow: Flow
    account: str
    fits: Fits
    number: Number
    known_by: Known
    show: Show
    read: Callable[[str], Transfer]
    check: Callable[[str], str]
    structured: bool
    lifetime: timedelta
    time_zone: str = ""
    maximum_minor: int | None = None
    notifies: str = "json"

    def capabilities(self, time_zone: str) -> Capabilities:
        highest = {} if self.maximum_minor is None else {self.currency: self.maximum_minor}
        return Capabilities(
            needs=(Need.BANK_APP,),
            currencies=frozenset({self.currency}),
            flow=self.flow,
            maximum_minor=highest,
            idempotency_window=RETURNS_REMEMBERED,
            payment_lifetime=self.lifetime,
            lands_in_bank=True,
            settlement=SettlementBy.API,
            settlement_lag_days=1,
            time_zone=time_zone,
        )


RETURNS_REMEMBERED = timedelta(days=90)
"""How long the bank recognises a repeated return (docs/bank-api.md)."""

_INSTANT, _SLIP = timedelta(days=1), timedelta(days=7)


def _rf(command: CreatePayment) -> str:
    return command.reference


def _fik(command: CreatePayment) -> str:
    return _fik_of(command.reference)


def _fik_of(canonical: str) -> str:
    return reference.fik71(reference.base_of(canonical))


def _epn(command: CreatePayment) -> str:
    """As the gateway writes it for the agency, whose organisation it begins with."""
    return slip.checked_epn(command.references.get("epn", ""))


def _without_organisation(canonical: str) -> str:
    organisation = "0" * slip.ORGANISATION_DIGITS
    return reference.epn(reference.base_of(canonical), organisation).removeprefix(organisation)


def _major(amount: Money) -> str:
    """ "12.50", with all the decimals of the currency, or "150000" where it has none."""
    return f"{amount.major():f}"


def _qr(command: CreatePayment, payee: Payee, number: str, payload: str) -> ShowQr:
    return ShowQr(
        payload=payload,
        reference=number,
        account=payee.number,
        account_name=payee.name,
        amount=command.amount,
        expires_at=command.expires_at,
    )


def _transfer(command: CreatePayment, payee: Payee, number: str, slip_line: str) -> ShowTransfer:
    return ShowTransfer(
        reference=number,
        account=payee.number,
        account_name=payee.name,
        amount=command.amount,
        expires_at=command.expires_at,
        slip_line=slip_line,
    )


def _show_vietqr(command: CreatePayment, payee: Payee, number: str, _: ZoneInfo) -> NextAction:
    code = vietqr.VietQr(payee.bank, payee.number, _major(command.amount), number)
    return _qr(command, payee, number, vietqr.build(code))


def _read_vietqr(payload: str) -> Transfer:
    code = vietqr.parse(payload)
    amount = None if code.amount is None else Money(int(code.amount), "VND")
    return Transfer(code.account, amount, code.purpose or "", structured=False)


def _show_paynow(command: CreatePayment, payee: Payee, number: str, zone: ZoneInfo) -> NextAction:
    code = paynow.PayNow(
        uen=payee.number,
        name=plain(payee.name, emvco.NAME_MAX) or payee.number,
        amount=_major(command.amount),
        reference=number,
        expires_on=command.expires_at.astimezone(zone).date(),
    )
    return _qr(command, payee, number, paynow.build(code))


def _read_paynow(payload: str) -> Transfer:
    code = paynow.parse(payload)
    return Transfer(code.uen, _money(code.amount, "SGD"), code.reference, structured=False, expires_on=code.expires_on)


def _show_epc(command: CreatePayment, payee: Payee, number: str, _: ZoneInfo) -> NextAction:
    code = epc.Epc(payee.name[: epc.NAME_MAX], payee.number, _major(command.amount), reference=number, bic=payee.bank)
    return _qr(command, payee, number, epc.build(code))


def _read_epc(payload: str) -> Transfer:
    code = epc.parse(payload)
    return Transfer(code.iban, _money(code.amount, "EUR"), code.reference or code.text, bool(code.reference))


def _show_fik(command: CreatePayment, payee: Payee, number: str, _: ZoneInfo) -> NextAction:
    return _transfer(command, payee, number, str(slip.FikLine(number, payee.number)))


def _read_fik(line: str) -> Transfer:
    read = slip.read_fik_line(line)
    return Transfer(read.creditor, None, read.number, structured=True)


def _show_epn(command: CreatePayment, payee: Payee, number: str, _: ZoneInfo) -> NextAction:
    return _transfer(command, payee, number, hyphenated(number))


def _read_epn(line: str) -> Transfer:
    return Transfer("", None, slip.checked_epn(line), structured=True)


def _any(text: str) -> str:
    return text


SCHEMES: Mapping[str, Scheme] = {
    scheme.name: scheme
    for scheme in (
        Scheme(
            name="vietqr",
            titles={"vi": "Chuyển khoản VietQR", "en": "Bank transfer (VietQR)"},
            currency="VND",
            flow=Flow.QR,
            account="a bank BIN of 6 digits and an account of at most 19 characters",
            fits=lambda payee: vietqr.fits(payee.bank, payee.number),
            number=_rf,
            known_by=_any,
            show=_show_vietqr,
            read=_read_vietqr,
            check=_any,
            structured=False,
            lifetime=_INSTANT,
            time_zone="Asia/Ho_Chi_Minh",
            maximum_minor=499_999_999,  # a NAPAS fast transfer is below 500 million
        ),
        Scheme(
            name="paynow",
            titles={"vi": "Chuyển khoản PayNow", "en": "PayNow"},
            currency="SGD",
            flow=Flow.QR,
            account="a UEN of 9 to 13 characters",
            fits=lambda payee: paynow.fits(payee.number),
            number=_rf,
            known_by=_any,
            show=_show_paynow,
            read=_read_paynow,
            check=_any,
            structured=False,
            lifetime=_INSTANT,
            time_zone="Asia/Singapore",
            maximum_minor=20_000_000,  # FAST carries at most S$200,000
        ),
        Scheme(
            name="sepa",
            titles={"vi": "Chuyển khoản SEPA", "en": "SEPA bank transfer"},
            currency="EUR",
            flow=Flow.QR,
            account="an IBAN with right check digits and, if any, a BIC",
            fits=lambda payee: epc.fits(payee.number, payee.bank),
            number=_rf,
            known_by=_any,
            show=_show_epc,
            read=_read_epc,
            check=_any,
            structured=True,
            lifetime=_SLIP,
            maximum_minor=99_999_999_999,  # the code's largest amount
            notifies="camt.054",
        ),
        Scheme(
            name="fik",
            titles={"vi": "Chuyển khoản bằng phiếu FIK", "en": "Payment slip (FIK)", "da": "Indbetalingskort (FIK)"},
            currency="DKK",
            flow=Flow.TRANSFER,
            account="a creditor number of 8 digits",
            fits=lambda payee: slip.is_creditor(payee.number),
            number=_fik,
            known_by=_fik_of,
            show=_show_fik,
            read=_read_fik,
            check=slip.checked_fik,
            structured=True,
            lifetime=_SLIP,
            time_zone="Europe/Copenhagen",
            notifies="camt.054",
        ),
        Scheme(
            name="epn",
            titles={"vi": "Số nộp điện tử (Hàn Quốc)", "en": "Electronic payment number", "ko": "전자납부번호"},
            currency="KRW",
            flow=Flow.TRANSFER,
            account="an account of an agency whose references are Korean numbers",
            fits=lambda payee: bool(payee.number),
            number=_epn,
            known_by=_without_organisation,
            show=_show_epn,
            read=_read_epn,
            check=slip.checked_epn,
            structured=True,
            lifetime=_SLIP,
            time_zone="Asia/Seoul",
        ),
    )
}


def _money(amount: str | None, currency: str) -> Money | None:
    return None if amount is None else from_major(amount, currency)


def expired(transfer: Transfer, now: datetime, time_zone: str) -> bool:
    """Whether a banking app would refuse it for its age."""
    return transfer.expires_on is not None and now.astimezone(ZoneInfo(time_zone)).date() > transfer.expires_on
