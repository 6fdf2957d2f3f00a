"""What the finance officer reads: the trial balance, an account's balance, the entries.

Debits and credits are gross turnover: all that was ever debited to an account up to a day, and all that was credited.
Every transfer is in both columns once, so the totals of both are equal; if they are not, the ledger is broken.
`balance_minor` is the difference as the account's kind counts it: debit less credit for assets and expenses, credit
less debit for liabilities and income.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.ledger import AccountKind, kind_of
from gateway.services.browse import code_of_agency
from gateway.services.cursors import ID_MAX, decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.store import ledger, seals
from gateway.store.database import Transaction

DEBIT_KINDS = {AccountKind.ASSET, AccountKind.EXPENSE}
CURSOR = "ledger_entries"


class AccountNotFound(NotFound):
    code = "account_not_found"


class EntryNotFound(NotFound):
    code = "entry_not_found"


def trial_balance(tx: Transaction, caller: Caller, currency: str, on: date) -> dict[str, Any]:
    """Every account of the caller's agency, or of all, with its turnover up to the end of the business date `on`."""
    accounts = [_account(row) for row in ledger.turnover(tx, currency, on, agency_id=caller.agency_id)]
    return {
        "currency": currency,
        "on": on,
        "accounts": accounts,
        "total_debit_minor": sum(account["debit_minor"] for account in accounts),
        "total_credit_minor": sum(account["credit_minor"] for account in accounts),
    }


def account_balance(tx: Transaction, caller: Caller, account: str, currency: str, on: date) -> dict[str, Any]:
    """The line of the trial balance for `account` ("vn-moj/receivable"). Raises AccountNotFound."""
    rows = ledger.turnover(tx, currency, on, agency_id=caller.agency_id, code=account)
    if rows:
        return _account(rows[0])
    _find(tx, caller, account)
    kind = kind_of(account.partition("/")[2])
    return {"code": account, "kind": kind, "debit_minor": 0, "credit_minor": 0, "balance_minor": 0}


def entries(
    tx: Transaction,
    caller: Caller,
    *,
    account: str | None = None,
    first: date | None = None,
    last: date | None = None,
    after: str | None = None,
    limit: int = 50,
) -> dict[str, Any]:
    """A page of entries by business date, both dates inclusive: {"data": [...], "next": cursor or None}.

    An entry has all its transfers, also when it is listed for one `account`. Raises AccountNotFound, or Invalid for a
    cursor that is none.
    """
    span = ledger.Span(first or ledger.FIRST_DAY, last or ledger.LAST_DAY, _position(after))
    if account is None:
        ids = ledger.entry_ids(tx, span, caller.agency_id, limit + 1)
    else:
        ids = ledger.entry_ids_of(tx, _find(tx, caller, account), span, limit + 1)
    found = [row._asdict() for row in ledger.entries(tx, ids[:limit])]
    return {"data": found, "next": _cursor(found[-1]) if len(ids) > limit else None}


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as it changes one account: debit less credit, or the other way round, as the account's kind counts."""

    entry: Mapping[str, Any]
    change_minor: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A page of an account's entries with the running balance; `next` is the cursor of the page after it."""

    kind: AccountKind
    opening_minor: int
    lines: Sequence[Line]
    next: str | None


def statement(
    tx: Transaction,
    caller: Caller,
    account: str,
    currency: str,
    *,
    first: date | None = None,
    last: date | None = None,
    after: str | None = None,
    limit: int = 50,
) -> Statement:
    """By business date, both dates inclusive. What is posted later for an earlier day moves the balances after it.

    Raises AccountNotFound, or Invalid for a cursor that is none.
    """
    (account_id,) = _find(tx, caller, account, currency)
    seen_day, seen_id = _position(after)
    span = ledger.Span(first or ledger.FIRST_DAY, last or ledger.LAST_DAY, (seen_day, seen_id))
    ids = ledger.entry_ids_of(tx, [account_id], span, limit + 1)
    kind = kind_of(account.partition("/")[2])
    sign = 1 if kind in DEBIT_KINDS else -1
    before = (seen_day, seen_id) if seen_day >= span.first else (span.first, 0)
    opening_minor = balance = sign * _net_up_to(tx, account, currency, account_id, *before)
    lines = []
    for row in ledger.entries(tx, ids[:limit]):
        change = sign * sum(
            transfer["amount_minor"] * ((transfer["debit"] == account) - (transfer["credit"] == account))
            for transfer in row.transfers
            if transfer["currency"] == currency
        )
        balance += change
        lines.append(Line(row._asdict(), change, balance))
    return Statement(kind, opening_minor, lines, _cursor(dict(lines[-1].entry)) if len(ids) > limit else None)


def entry(tx: Transaction, caller: Caller, entry_id: int) -> dict[str, Any]:
    """With all its transfers. Raises EntryNotFound."""
    found = ledger.entries(tx, [entry_id]) if entry_id <= ID_MAX else []
    if not found or (caller.agency_id and code_of_agency(tx, caller.agency_id) != found[0].agency):
        raise EntryNotFound(f"There is no ledger entry {entry_id}.")
    return found[0]._asdict()


def last_seal(tx: Transaction) -> Row[Any] | None:
    """The newest seal of the ledger and the audit trail; None before the first night."""
    return seals.last_seal(tx)


def _net_up_to(tx: Transaction, account: str, currency: str, account_id: int, day: date, entry_id: int) -> int:
    """Debits less credits of all days before this one, and of this one up to the entry."""
    if day == ledger.FIRST_DAY:
        return 0
    before = ledger.turnover(tx, currency, day - timedelta(days=1), code=account)
    net = sum(int(row.debit_minor) - int(row.credit_minor) for row in before)
    return net + (ledger.net_of_day(tx, account_id, day, entry_id) if entry_id else 0)


def _account(row: Row[Any]) -> dict[str, Any]:
    debit_minor, credit_minor = int(row.debit_minor), int(row.credit_minor)
    net_minor = debit_minor - credit_minor
    return {
        "code": row.code,
        "kind": row.kind,
        "debit_minor": debit_minor,
        "credit_minor": credit_minor,
        "balance_minor": net_minor if row.kind in DEBIT_KINDS else -net_minor,
    }


def _find(tx: Transaction, caller: Caller, account: str, currency: str | None = None) -> list[int]:
    agency_code, slash, code = account.partition("/")
    if not slash:
        raise Invalid("An account is named with its agency.", fields={"account": 'looks like "vn-moj/receivable"'})
    found = ledger.find_account(tx, agency_code, code, caller.agency_id, currency)
    if not found:
        raise AccountNotFound(f"There is no account {account!r}.")
    return found


def _position(after: str | None) -> tuple[date, int]:
    if after is None:
        return ledger.FIRST_DAY, 0
    day, entry_id = decode_cursor(CURSOR, after, str, int)
    try:
        return date.fromisoformat(day), entry_id
    except ValueError:
        raise invalid_cursor() from None


def _cursor(entry: dict[str, Any]) -> str:
    return encode_cursor(CURSOR, entry["business_date"].isoformat(), entry["id"])
