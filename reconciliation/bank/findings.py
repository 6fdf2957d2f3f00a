"""From what a bank's statement says of payouts to what is written down: the key, the money in question, the evidence.

The key names the payout and the difference, or the line, so that the run of the next day finds the same discrepancy
again; another difference is another one, about which nobody has decided yet. All of them are found again by every run
until they are explained or decided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.store.reconciliation import NewDiscrepancy
from reconciliation.bank.account import BankAccount
from reconciliation.bank.payout_shares import left_to_come
from reconciliation.bank.sides import Line, OpenPayout, by_name, shares_of

K = DiscrepancyKind

CARRIED = (K.TIMING, K.PAYOUT_MISSING, K.PAYOUT_SHORT, K.PAYOUT_OVER, K.MISSING_IN_GATEWAY)

AT_BANK = "at_bank"
DEBIT_AT_BANK = "debit_at_bank"
CHARGE_AT_BANK = "charge_at_bank"
SEVERAL_PAYOUTS = "several_payouts"
TAKEN_BACK = "taken_back"


def payout_not_there(
    account: BankAccount,
    run_id: UUID,
    payout: OpenPayout,
    *,
    late: bool,
    taken_back: Sequence[tuple[Line, Line]] = (),
) -> NewDiscrepancy:
    """It has not come: a matter of timing until it is due, and missing afterwards. One that came and was taken back, of
    which the two lines are shown, is missing at once."""
    kind = K.PAYOUT_MISSING if late or taken_back else K.TIMING
    found = _of_payouts(account, run_id, kind, [payout], (), payout.payout.net.amount_minor)
    if not taken_back:
        return found
    lines = [line_json(line) for pair in taken_back for line in pair]
    on = max(by.booked_on for _, by in taken_back).isoformat()
    return replace(found, evidence=found.evidence | {"why": TAKEN_BACK, "taken_back": lines, "taken_back_on": on})


def payout_differs(
    account: BankAccount, run_id: UUID, payouts: Sequence[OpenPayout], lines: Sequence[Line], over_minor: int
) -> NewDiscrepancy:
    """It came, and not as much as it is worth: `over_minor` more, or less if that is negative."""
    kind = K.PAYOUT_OVER if over_minor > 0 else K.PAYOUT_SHORT
    return _of_payouts(account, run_id, kind, payouts, lines, over_minor)


def line_not_known(account: BankAccount, run_id: UUID, line: Line, named: Sequence[OpenPayout] = ()) -> NewDiscrepancy:
    """Nobody here knows what the bank booked there; `named` are payouts that it names among others."""
    debit = CHARGE_AT_BANK if line.is_charge else DEBIT_AT_BANK
    why = SEVERAL_PAYOUTS if named else AT_BANK if line.amount.amount_minor > 0 else debit
    return NewDiscrepancy(
        key=f"{K.MISSING_IN_GATEWAY}:{account.source}:line:{line.id}",
        kind=K.MISSING_IN_GATEWAY,
        provider=account.source,
        agency_id=account.holder.id if account.holder else None,
        business_date=line.booked_on,
        run_id=run_id,
        payment_id=None,
        refund_id=None,
        amount_minor=line.amount.amount_minor,
        currency=line.amount.currency,
        evidence={
            "why": why,
            "account": account.number,
            "provider_transaction_id": line.reference or f"{line.statement}/{line.number}",
            "reported_minor": line.amount.amount_minor,
            "reported_currency": line.amount.currency,
            "bank": [line_json(line)],
            "payouts": [payout_json(payout) for payout in named],
            **_words_say(line),
        },
    )


def _words_say(line: Line) -> dict[str, Any]:
    """What the bank's words name that is known, whether it is open or not, and whether it calls it a reversal."""
    names: dict[str, Any] = {"names": sorted(line.names)} if line.names else {}
    return names | ({"reversal": True} if line.reversal else {})


def _of_payouts(
    account: BankAccount,
    run_id: UUID,
    kind: DiscrepancyKind,
    payouts: Sequence[OpenPayout],
    lines: Sequence[Line],
    amount_minor: int,
) -> NewDiscrepancy:
    first = payouts[0].payout
    agencies = {agency for payout in payouts for agency in payout.shares()}
    came: Mapping[str, Any] = {}
    if lines:
        reported = sum(line.amount.amount_minor for line in lines)
        came = {"reported_minor": reported, "reported_currency": first.net.currency}
    return NewDiscrepancy(
        key=f"{kind}:{account.source}:{first.id}:{amount_minor}",
        kind=kind,
        provider=account.source,
        agency_id=next(iter(agencies)) if len(agencies) == 1 else None,
        business_date=max(payout.payout.settled_on for payout in payouts),
        run_id=run_id,
        payment_id=None,
        refund_id=None,
        amount_minor=amount_minor,
        currency=first.net.currency,
        evidence={
            "why": AT_BANK,
            "account": account.number,
            "paid_by": first.provider,
            "provider_transaction_id": " ".join(payout.name for payout in payouts),
            "due_on": max(payout.payout.due_on for payout in payouts).isoformat(),
            "expected_minor": sum(payout.payout.net.amount_minor for payout in payouts),
            "expected_currency": first.net.currency,
            "payouts": [payout_json(payout) for payout in payouts],
            "bank": [line_json(line) for line in lines],
            "shares": _shares(account, payouts, lines),
            **came,
        },
    )


def _shares(account: BankAccount, payouts: Sequence[OpenPayout], lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Whose the difference is, to the unit as it is booked; without an `agency`: nobody's that is known."""
    expected = sum(payout.payout.net.amount_minor for payout in payouts)
    came = sum(line.amount.amount_minor for line in lines)
    left = left_to_come(by_name(shares_of(payouts)), expected, came)
    currency = payouts[0].payout.net.currency
    return [
        {"agency": account.codes.get(agency), "provider": provider, "left_minor": minor, "currency": currency}
        for (provider, agency), minor in sorted(left.items())
    ]


def payout_json(payout: OpenPayout) -> dict[str, Any]:
    return {
        "provider": payout.payout.provider,
        "payout": payout.name,
        "batches": [part.batch_id for part in payout.parts],
        "net_minor": payout.payout.net.amount_minor,
        "currency": payout.payout.net.currency,
        "settled_on": payout.payout.settled_on.isoformat(),
        "due_on": payout.payout.due_on.isoformat(),
    }


def line_json(line: Line) -> dict[str, Any]:
    return {
        "statement": line.statement,
        "line": line.number,
        "booked_on": line.booked_on.isoformat(),
        "amount_minor": line.amount.amount_minor,
        "currency": line.amount.currency,
        "reference": line.reference,
        "code": line.code,
    }
