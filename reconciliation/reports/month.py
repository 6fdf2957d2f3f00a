"""The facts of a month: what came in on which account, what of it was kept, paid back and paid out, whom it belongs to,
and what is not explained yet.

An account that money comes in on is a rail: `in_transit:{provider}`, or `bank:{account}` of the agency. Every figure is
the ledger's own, added up by the account at the other end of each transfer; amounts towards us are positive. So a
rail's opening balance and its columns are its closing balance, and every account's movement is what the trial balance
of the last day has more than that of the day before the first. That is checked, and told line by line.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.engine import Row

from gateway.domain.agency import Agency
from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.errors import Conflict
from gateway.domain.ledger import PAYER_CREDIT, RECEIVABLE, UNIDENTIFIED_RECEIPTS
from gateway.store import catalogue, ledger, months
from gateway.store.database import Transaction
from reconciliation.reports.facts import Facts, with_sha256
from reconciliation.reports.run import aged

log = structlog.get_logger()

RAILS = ("in_transit", "bank")
COLUMNS: Mapping[str, str] = {
    "receivable": "collected",
    "payer_credit": "collected",
    "unidentified_receipts": "unidentified",
    "refunds_payable": "refunds",
    "provider_fees": "fees",
    "bank_charges": "fees",
    "disputes": "chargebacks",
    "in_transit": "payouts",
    "bank": "payouts",
}
"""What a transfer between a rail and an account is, by the first word of that account's code."""

FIGURES = ("collected", "unidentified", "refunds", "fees", "chargebacks", "payouts", "other")


class BooksDoNotTie(Conflict):
    """The ledger's movements and its trial balances contradict each other; nothing may be reported before that is
    explained."""

    code = "books_do_not_tie"


@dataclass(frozen=True, slots=True)
class Month:
    """The first and last business date."""

    first: date
    last: date

    @classmethod
    def of(cls, day: date) -> "Month":
        """The month that `day` is in."""
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - timedelta(days=1))

    def __str__(self) -> str:
        return f"{self.first:%Y-%m}"


def month_facts(tx: Transaction, month: Month, agency_id: UUID | None) -> Facts:
    """Of one agency, or of all. Raises BooksDoNotTie. `tx` is one that sees a single moment."""
    movements = months.movements(tx, agency_id, month.first, month.last)
    days, rails, tied = _books(tx, month, agency_id, movements)
    open_ones = months.open_discrepancies(tx, agency_id, month.last)
    agencies = {agency.id: agency for agency in catalogue.all_agencies(tx)}
    facts: Facts = {
        "month": str(month),
        "agency": agencies[agency_id].code if agency_id else None,
        "days": days,
        "rails": rails,
        "revenue": _revenue(tx, month, agency_id, movements, rails, {a.code: a for a in agencies.values()}),
        "runs": _runs(tx, month, open_ones) if agency_id is None else [],
        "ageing": aged(open_ones),
        "tie_out": tied,
    }
    return with_sha256(facts)


def rails_and_days(tx: Transaction, span: Month, agency_id: UUID | None) -> tuple[list[Facts], list[Facts]]:
    """Each rail over any span of days, and what moved on it day by day, as the report of a month has them. Raises
    BooksDoNotTie.

    It reads the sums of the ledger's snapshots, not every transfer, so that a page can show them.
    """
    days, rails, _ = _books(tx, span, agency_id, months.flows(tx, agency_id, span.first, span.last))
    return rails, days


def _books(
    tx: Transaction, span: Month, agency_id: UUID | None, movements: Sequence[Row[Any]]
) -> tuple[list[Facts], list[Facts], list[Facts]]:
    """What moved on each rail day by day, each rail, and how all ties. Raises BooksDoNotTie."""
    balances = _balances(tx, span, agency_id)
    tied = _tied(movements, balances)
    days = _days(movements)
    return days, _rails(days, balances), tied


def _balances(tx: Transaction, month: Month, agency_id: UUID | None) -> dict[tuple[str, str], dict[str, int]]:
    """Debit and credit turnover before the month and at its end, by account (with its agency) and currency."""
    found: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for currency in months.currencies(tx, agency_id):
        for when, on in (("before", month.first - timedelta(days=1)), ("after", month.last)):
            for row in ledger.turnover(tx, currency, on, agency_id=agency_id):
                found[row.code, currency][f"debit_{when}"] = int(row.debit_minor)
                found[row.code, currency][f"credit_{when}"] = int(row.credit_minor)
    return found


def _tied(movements: Sequence[Row[Any]], balances: Mapping[tuple[str, str], Mapping[str, int]]) -> list[Facts]:
    """A line for each account: what it had, what moved, what it has, and what the trial balance says. Raises
    BooksDoNotTie if they differ by one unit anywhere."""
    moved: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in movements:
        for side, code in enumerate((row.debit, row.credit)):
            moved[f"{row.agency}/{code}", row.currency][side] += int(row.amount_minor)
    lines = []
    for account, currency in sorted(moved.keys() | balances.keys()):
        debit, credit = moved.get((account, currency), (0, 0))
        balance = balances.get((account, currency), {})
        before = balance.get("debit_before", 0) - balance.get("credit_before", 0)
        after = balance.get("debit_after", 0) - balance.get("credit_after", 0)
        line = {
            "account": account,
            "currency": currency,
            "opening_minor": before,
            "debit_minor": debit,
            "credit_minor": credit,
            "closing_minor": before + debit - credit,
            "trial_balance_minor": after,
            "difference_minor": after - (before + debit - credit),
        }
        gross = balance.get("debit_after", 0) - balance.get("debit_before", 0)
        if line["difference_minor"] or gross != debit:
            log.error("books do not tie", account=account, currency=currency)
            raise BooksDoNotTie(f"What moved on {account} in {currency} is not what the trial balances differ by.")
        lines.append(line)
    return lines


def _days(movements: Iterable[Row[Any]]) -> list[Facts]:
    """What moved on each rail and day."""
    sums: dict[tuple[date, str, str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for row in movements:
        for rail, other, sign in ((row.debit, row.credit, 1), (row.credit, row.debit, -1)):
            if rail.partition(":")[0] in RAILS:
                column = COLUMNS.get(other.partition(":")[0], "other")
                sums[row.business_date, row.agency, rail, row.currency][column] += sign * int(row.amount_minor)
    return [
        {"business_date": day.isoformat(), "agency": agency, "account": rail, "currency": currency}
        | {f"{name}_minor": minor for name, minor in figures.items()}
        for (day, agency, rail, currency), figures in sorted(sums.items())
    ]


def _rails(days: Sequence[Facts], balances: Mapping[tuple[str, str], Mapping[str, int]]) -> list[Facts]:
    """Each rail over the month, from its opening to its closing balance; those that have neither are left out."""
    moved: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(FIGURES, 0))
    for day in days:
        for name in FIGURES:
            moved[f"{day['agency']}/{day['account']}", day["currency"]][name] += day[f"{name}_minor"]
    of_rails = {key for key in balances if key[0].partition("/")[2].partition(":")[0] in RAILS}
    rails = []
    for code, currency in sorted(moved.keys() | of_rails):
        agency, _, account = code.partition("/")
        balance = balances.get((code, currency), {})
        opening = balance.get("debit_before", 0) - balance.get("credit_before", 0)
        figures = moved[code, currency]
        closing = opening + sum(figures.values())
        if opening or closing or any(figures.values()):
            about = {"agency": agency, "account": account, "currency": currency, "opening_minor": opening}
            by_name = {f"{name}_minor": figures[name] for name in FIGURES}
            rails.append(about | by_name | {"closing_minor": closing})
    return rails


def _revenue(
    tx: Transaction,
    month: Month,
    agency_id: UUID | None,
    movements: Iterable[Row[Any]],
    rails: Iterable[Facts],
    agencies: Mapping[str, Agency],
) -> list[Facts]:
    """By revenue code: what was charged and taken off again, and what of the money that came in is for it.

    `collected_minor` of all accounts of an agency is what its rails collected less refunds, and what was assigned of
    the receipts that nobody had identified; what no invoice explains is its `other`.
    """
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    rest: dict[tuple[str, str], int] = defaultdict(int)
    for row in movements:
        for side, code in enumerate((row.credit, row.debit)):
            if code.startswith("fees:"):
                sums[row.agency, code, row.currency][side] += int(row.amount_minor)
        if row.debit == UNIDENTIFIED_RECEIPTS and row.credit in (RECEIVABLE, PAYER_CREDIT):
            rest[row.agency, row.currency] += int(row.amount_minor)
    for row in months.remittance(tx, agency_id, month.first, month.last):
        sums[row.agency, row.account, row.currency][2] += int(row.amount_minor)
        rest[row.agency, row.currency] -= int(row.amount_minor)
    for rail in rails:
        rest[rail["agency"], rail["currency"]] += rail["collected_minor"] + rail["refunds_minor"]
    for (agency, currency), minor in rest.items():
        if minor:
            sums[agency, "other", currency][2] += minor
    return [
        {
            "agency": agency,
            "treasury_account": agencies[agency].bank_account,
            "account": account,
            "currency": currency,
            "charged_minor": charged,
            "taken_off_minor": taken_off,
            "collected_minor": collected,
        }
        for (agency, account, currency), (charged, taken_off, collected) in sorted(sums.items())
    ]


def _runs(tx: Transaction, month: Month, open_ones: Iterable[Row[Any]]) -> list[Facts]:
    """The runs of the month, and what of their days is open and no matter of timing; a row for each currency of it."""
    unexplained: dict[tuple[date, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))
    for row in open_ones:
        if row.kind != DiscrepancyKind.TIMING:
            sums = unexplained[row.business_date, row.provider][row.currency]
            sums[0] += row.number
            sums[1] += int(row.amount_minor)
    rows = []
    for run in months.runs(tx, month.first, month.last):
        about = {"business_date": run.business_date.isoformat(), "provider": run.provider, "status": run.status}
        about["run"] = str(run.id)
        of_day = unexplained.get((run.business_date, run.provider)) or {run.totals.get("currency"): [0, 0]}
        for currency, (number, minor) in sorted(of_day.items(), key=str):
            rows.append(about | {"open": number, "currency": currency, "unexplained_minor": minor})
    return rows
