"""What the finance officer reads: the trial balance, an account's balance, the entries.

Debits and credits are gross turnover: all that was ever debited to an account up to a day, and all that was credited.
Every transfer is in both columns once, so the totals of both are equal; if they are not, the ledger is broken.
`balance_minor` is the difference as the account's kind counts it: debit less credit for assets and expenses, credit
less debit for liabilities and income.
"""

from datetime import date
from typing import Any

from sqlalchemy.engine import Row

from gateway.domain.errors import Invalid, NotFound
from gateway.domain.ledger import AccountKind, kind_of
from gateway.services.cursors import decode_cursor, encode_cursor, invalid_cursor
from gateway.services.runtime import Caller
from gateway.store import ledger
from gateway.store.database import Transaction

DEBIT_KINDS = {AccountKind.ASSET, AccountKind.EXPENSE}
CURSOR = "ledger_entries"


class AccountNotFound(NotFound):
    code = "account_not_found"


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


def _find(tx: Transaction, caller: Caller, account: str) -> list[int]:
    agency_code, slash, code = account.partition("/")
    if not slash:
        raise Invalid("An account is named with its agency.", fields={"account": 'looks like "vn-moj/receivable"'})
    found = ledger.find_account(tx, agency_code, code, caller.agency_id)
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
