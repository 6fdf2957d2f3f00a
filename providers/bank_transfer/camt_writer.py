"""The bank's ISO 20022 messages, as the simulated bank writes them: camt.053.001.08 and camt.054.001.08.

In an entry that gives a credit back or takes it back, TxId is the booking that it undoes, and InstrId the merchant's
id of a return; its AcctSvcrRef is a booking of its own. That is how the reader of these knows what belongs together.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.sax.saxutils import escape

from gateway.domain.money import Money

_NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.{number}.001.08"
_FAMILY = {"credit": "RCDT/ESCT", "return": "ICDT/RRTN", "reversal": "RCDT/RPCR", "charge": "MDOP/CHRG"}


@dataclass(frozen=True, slots=True)
class Booking:
    """One entry. `amount` is signed: money towards the account is positive. `name` is that of the entry on the paper,
    `id` that of the booking; `undoes` the booking that it gives or takes back."""

    name: str
    id: str
    kind: str
    amount: Money
    at: datetime
    booked: bool = True
    undoes: str = ""
    instruction: str = ""
    reference: str = ""
    text: str = ""
    payer: str = ""
    payer_account: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One account's statement: from `opening` over `bookings` to `closing`."""

    id: str
    account: str
    day: date
    opening: Money
    closing: Money
    bookings: Sequence[Booking]


def statement(page: Page, now: datetime) -> bytes:
    """A camt.053 of one account."""
    balances = _balance("OPBD", page.opening, page.day) + _balance("CLBD", page.closing, page.day)
    head = f"<Id>{escape(page.id)}</Id><CreDtTm>{now.isoformat()}</CreDtTm>{_account(page.account)}{balances}"
    return _message("053", "BkToCstmrStmt", "Stmt", page.id, now, head + _entries(page.bookings))


def notification(message_id: str, account: str, bookings: Iterable[Booking], now: datetime) -> bytes:
    """A camt.054 of one account."""
    head = f"<Id>{escape(message_id)}</Id><CreDtTm>{now.isoformat()}</CreDtTm>{_account(account)}"
    return _message("054", "BkToCstmrDbtCdtNtfctn", "Ntfctn", message_id, now, head + _entries(bookings))


def _message(number: str, message: str, account: str, message_id: str, now: datetime, content: str) -> bytes:
    namespace = _NAMESPACE.format(number=number)
    header = f"<GrpHdr><MsgId>{escape(message_id)}</MsgId><CreDtTm>{now.isoformat()}</CreDtTm></GrpHdr>"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="{namespace}"><{message}>{header}'
        f"<{account}>{content}</{account}></{message}></Document>\n"
    ).encode()


def _account(account: str) -> str:
    """An IBAN begins with its country; whatever else an account is known by is another id."""
    is_iban = len(account) > 14 and account[:2].isalpha()
    inner = f"<IBAN>{escape(account)}</IBAN>" if is_iban else f"<Othr><Id>{escape(account)}</Id></Othr>"
    return f"<Acct><Id>{inner}</Id></Acct>"


def _balance(code: str, amount: Money, day: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(amount)}"
        f"<Dt><Dt>{day.isoformat()}</Dt></Dt></Bal>"
    )


def _entries(bookings: Iterable[Booking]) -> str:
    return "".join(_entry(booking) for booking in bookings)


def _entry(booking: Booking) -> str:
    family, sub_family = _FAMILY[booking.kind].split("/")
    code = f"<Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly>"
    return (
        f"<Ntry><NtryRef>{escape(booking.name)}</NtryRef>{_amount(booking.amount)}"
        f"<RvslInd>{'true' if booking.kind == 'reversal' else 'false'}</RvslInd>"
        f"<Sts><Cd>{'BOOK' if booking.booked else 'PDNG'}</Cd></Sts>"
        f"<BookgDt><DtTm>{booking.at.isoformat()}</DtTm></BookgDt><ValDt><Dt>{booking.at.date().isoformat()}</Dt></ValDt>"
        f"<AcctSvcrRef>{escape(booking.id)}</AcctSvcrRef>"
        f"<BkTxCd><Domn><Cd>PMNT</Cd>{code}</Domn></BkTxCd>"
        f"<NtryDtls><TxDtls>{_details(booking)}</TxDtls></NtryDtls></Ntry>"
    )


def _details(booking: Booking) -> str:
    references = (
        f"<AcctSvcrRef>{escape(booking.id)}</AcctSvcrRef>"
        + _optional("InstrId", booking.instruction)
        + "<EndToEndId>NOTPROVIDED</EndToEndId>"
        + _optional("TxId", booking.undoes)
    )
    party = f"<Nm>{escape(booking.payer)}</Nm>" if booking.payer else ""
    parties = (
        f"<RltdPties><Dbtr><Pty>{party}</Pty></Dbtr><DbtrAcct><Id><Othr><Id>{escape(booking.payer_account)}</Id></Othr>"
        "</Id></DbtrAcct></RltdPties>"
        if party
        else ""
    )
    structured = f"<Strd><CdtrRefInf><Ref>{escape(booking.reference)}</Ref></CdtrRefInf></Strd>"
    remittance = _optional("Ustrd", booking.text) + (structured if booking.reference else "")
    return f"<Refs>{references}</Refs>{parties}" + (f"<RmtInf>{remittance}</RmtInf>" if remittance else "")


def _amount(amount: Money) -> str:
    direction = "DBIT" if amount.amount_minor < 0 else "CRDT"
    major = f"{abs(amount.major()):f}"
    return f'<Amt Ccy="{amount.currency}">{major}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'


def _optional(name: str, text: str) -> str:
    return f"<{name}>{escape(text)}</{name}>" if text else ""
