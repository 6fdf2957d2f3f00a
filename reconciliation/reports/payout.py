"""The report of a payout: what its lines come to by kind, what the provider states, and what the bank has of it.

gross - fees = net, where the gross of refunds and chargebacks is negative.
"""

from datetime import date

from gateway.domain.errors import NotFound
from gateway.domain.money import Money
from gateway.store import bank_reports, payouts
from gateway.store.database import Transaction
from reconciliation.reports.document import Cell, Chart, Column, Document, Table, Type
from reconciliation.reports.facts import Facts, with_sha256
from reconciliation.reports.words import word

_AMOUNT, _COUNT = Type.AMOUNT, Type.COUNT
_CURRENCY = Column("currency", width=6)
KINDS = (
    Column("kind", width=24),
    Column("lines", _COUNT, 10),
    _CURRENCY,
    Column("gross", _AMOUNT),
    Column("fee", _AMOUNT),
    Column("net", _AMOUNT),
)
BATCHES = (
    Column("batch", width=30),
    Column("business_date", Type.DAY, 12),
    Column("lines", _COUNT, 10),
    _CURRENCY,
    Column("stated", _AMOUNT),
)
BANK_CREDITS = (
    Column("account", width=30),
    Column("business_date", Type.DAY, 12),
    Column("transaction", width=30),
    _CURRENCY,
    Column("amount", _AMOUNT),
)


class PayoutNotFound(NotFound):
    code = "payout_not_found"


def payout_facts(tx: Transaction, provider: str, payout: str) -> Facts:
    """Raises PayoutNotFound. Amounts are minor units."""
    batches = payouts.batches_of_payout(tx, provider, payout)
    if not batches:
        raise PayoutNotFound(f"{provider} has settled no payout {payout} here. Its id stands in the day's report.")
    kinds = [
        {
            "kind": row.kind,
            "lines": row.lines,
            "currency": row.currency,
            "gross_minor": int(row.gross_minor),
            "fee_minor": int(row.fee_minor),
            "net_minor": int(row.gross_minor) - int(row.fee_minor),
        }
        for row in payouts.kinds_of_payout(tx, provider, payout)
    ]
    facts: Facts = {
        "provider": provider,
        "payout": payout,
        "business_date": batches[-1].business_date.isoformat(),
        "kinds": kinds,
        "batches": [
            {
                "batch": row.batch_id,
                "business_date": row.business_date.isoformat(),
                "lines": row.lines,
                "currency": row.total_currency,
                "stated_minor": row.total_minor,
                "sha256": row.sha256.hex(),
            }
            for row in batches
        ],
        "bank_credits": bank_credits_of(tx, provider, payout),
    }
    return with_sha256(facts)


def bank_credits_of(tx: Transaction, provider: str, payout: str) -> list[Facts]:
    """The bookings of bank statements that were matched with the payout; each may bring others too."""
    return [
        {
            "account": row.account,
            "business_date": row.booked_on.isoformat(),
            "transaction": row.bank_reference,
            "currency": row.currency,
            "amount_minor": row.amount_minor,
        }
        for row in bank_reports.lines_of_payout(tx, provider, payout)
    ]


def payout_document(facts: Facts, language: str) -> Document:
    about = {"provider": facts["provider"], "payout": facts["payout"]}
    nets: dict[str, int] = {}
    for row in facts["kinds"]:
        nets[row["currency"]] = nets.get(row["currency"], 0) + row["net_minor"]
    figures: list[tuple[str, Cell]] = [(word(name, language), value) for name, value in about.items()]
    figures += [(word("net", language), Money(net, currency)) for currency, net in sorted(nets.items())]
    name = word("payout_kinds", language)
    bars = {currency: [row for row in facts["kinds"] if row["currency"] == currency] for currency in sorted(nets)}
    return Document(
        title=f"{word('payout_report', language)}: {facts['provider']}, {facts['payout']}",
        language=language,
        day=date.fromisoformat(facts["business_date"]),
        figures=figures,
        tables=(
            Table("payout_kinds", KINDS, [_kind_row(row, language) for row in facts["kinds"]]),
            Table("payout_batches", BATCHES, [_batch_row(row) for row in facts["batches"]]),
            Table("bank_credits", BANK_CREDITS, [_credit_row(row) for row in facts["bank_credits"]]),
        ),
        charts=[
            Chart(
                f"{name} ({currency})",
                f"{name}.",
                [(word(row["kind"], language), Money(row["net_minor"], currency)) for row in rows],
            )
            for currency, rows in bars.items()
        ],
        sha256=facts["sha256"],
    )


def _kind_row(row: Facts, language: str) -> list[Cell]:
    amounts = [Money(row[f"{name}_minor"], row["currency"]) for name in ("gross", "fee", "net")]
    return [word(row["kind"], language), row["lines"], row["currency"], *amounts]


def _batch_row(row: Facts) -> list[Cell]:
    stated = None if row["stated_minor"] is None else Money(row["stated_minor"], row["currency"])
    return [row["batch"], date.fromisoformat(row["business_date"]), row["lines"], row["currency"], stated]


def _credit_row(row: Facts) -> list[Cell]:
    day, amount = date.fromisoformat(row["business_date"]), Money(row["amount_minor"], row["currency"])
    return [row["account"], day, row["transaction"], row["currency"], amount]
