"""What a run comes to: both sides by currency, what was found, and what of it is on the provider's account.

By currency, for there is no sum across currencies. The figures at the top are those of the run's main currency, which
is the one that most of its lines and entries are in.

    ledger_minor     what we say moved through the provider, matched or due by this day
    statement_minor  what the provider says it settled, before its fees
    matched_minor    what both say
    in_transit       the provider's account in the ledger at the end of the day: `balance_minor` is what it still owes
                     us; `unsettled_minor` of it is not in any settlement, each item with its discrepancy;
                     `settled_minor` is settled and on its way to the bank. Where the money comes straight to the
                     agency's bank account, only what the statement does not have is in transit
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind, DiscrepancyStatus
from gateway.domain.ledger import in_transit
from gateway.domain.reconciliation import RunStatus
from gateway.store import ledger, reconciliation
from gateway.store.database import Transaction
from reconciliation.findings import Context
from reconciliation.matching.engine import Matching, Totals


def totals_of(tx: Transaction, context: Context, matching: Matching) -> dict[str, Any]:
    """As they are kept with the run and told by the API. What this transaction posted counts."""
    found = found_of(tx, context.run_id)
    currencies = matching.totals()
    main = max(currencies, key=_size, default=None)
    return {
        "currency": main.currency if main else None,
        "ledger_minor": main.ledger_minor if main else 0,
        "statement_minor": main.statement_minor if main else 0,
        "matched": sum(each.matched for each in currencies),
        "by_rule": matching.matched_by_rule(),
        **found,
        "by_currency": [_currency(tx, context, each) for each in currencies],
    }


def status_of(totals: Mapping[str, Any]) -> RunStatus:
    """Balanced if nothing is open but what is a matter of timing."""
    open_kinds = set(totals["open"]) - {DiscrepancyKind.TIMING.value}
    return RunStatus.EXCEPTIONS if open_kinds else RunStatus.BALANCED


def found_of(tx: Transaction, run_id: UUID) -> dict[str, dict[str, int]]:
    """How many discrepancies the run found, and how many of them are open, by kind."""
    tx.flush()
    counts = reconciliation.counts_of_run(tx, run_id)
    kinds: Counter[str] = Counter()
    for row in counts:
        kinds[row.kind] += row.number
    still = {row.kind: row.number for row in counts if row.status == DiscrepancyStatus.OPEN}
    return {"discrepancies": dict(sorted(kinds.items())), "open": still}


def balance_in_transit(tx: Transaction, providers: Iterable[str], currency: str, day: date) -> int:
    """What these providers hold at the end of `day`, by the ledger."""
    accounts = frozenset(map(in_transit, providers))
    rows = [row for row in ledger.turnover(tx, currency, day) if row.code.partition("/")[2] in accounts]
    return sum(int(row.debit_minor) - int(row.credit_minor) for row in rows)


def _currency(tx: Transaction, context: Context, totals: Totals) -> dict[str, Any]:
    balance = totals.unsettled_minor
    if not context.lands_in_bank:
        balance = balance_in_transit(tx, [context.provider], totals.currency, context.day)
    return {
        "currency": totals.currency,
        "ledger_minor": totals.ledger_minor,
        "ledger_entries": totals.ledger_entries,
        "statement_minor": totals.statement_minor,
        "statement_lines": totals.statement_lines,
        "matched_minor": totals.matched_minor,
        "matched": totals.matched,
        "in_transit": {
            "balance_minor": balance,
            "unsettled_minor": totals.unsettled_minor,
            "settled_minor": balance - totals.unsettled_minor,
        },
    }


def _size(totals: Totals) -> tuple[int, str]:
    return totals.ledger_entries + totals.statement_lines, totals.currency
