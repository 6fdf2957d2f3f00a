"""What accounts, discrepancies and refunds are called in plain words, on the pages of whoever shows them."""

from collections.abc import Mapping

from gateway.services.surface import N_

ACCOUNTS: Mapping[str, str] = {
    "receivable": N_("Owed by payers"),
    "in_transit": N_("Under way at a provider"),
    "bank": N_("At the bank"),
    "bank_charges": N_("Charges of the bank"),
    "disputes": N_("Contested by payers' banks"),
    "provider_claims": N_("Claimed back from providers"),
    "fees": N_("State revenue"),
    "payer_credit": N_("Kept for payers"),
    "unidentified_receipts": N_("Received, not yet identified"),
    "refunds_payable": N_("To be paid back"),
    "provider_fees": N_("Fees that providers kept"),
    "write_offs": N_("Written off"),
}
DISCREPANCY_KINDS: Mapping[str, str] = {
    "missing_in_gateway": N_("Not in our ledger"),
    "missing_at_provider": N_("Not reported by the provider"),
    "amount_mismatch": N_("Different amount"),
    "currency_mismatch": N_("Different currency"),
    "status_mismatch": N_("Different status"),
    "duplicate_at_provider": N_("Reported twice by the provider"),
    "duplicate_payment": N_("Paid twice"),
    "fee_mismatch": N_("Different provider fee"),
    "payout_short": N_("Paid out too little"),
    "payout_over": N_("Paid out too much"),
    "payout_missing": N_("Payout has not arrived"),
    "unidentified_receipt": N_("Money from an unknown payer"),
    "refund_unknown": N_("Refund with an unknown end"),
    "timing": N_("A matter of time"),
}
DISCREPANCIES: Mapping[str, str] = {
    "open": N_("Open"),
    "cleared": N_("Explained by itself"),
    "resolved": N_("Decided"),
}
REFUNDS: Mapping[str, str] = {
    "requested": N_("Waits for approval"),
    "approved": N_("Approved, to be sent"),
    "rejected": N_("Rejected"),
    "submitting": N_("Being sent to the provider"),
    "pending": N_("Under way at the provider"),
    "unknown": N_("Not known: only the provider can tell"),
    "succeeded": N_("Paid back"),
    "failed": N_("Failed: nothing went back"),
}
TONES: Mapping[str, str] = {
    "applied": "good",
    "balanced": "good",
    "cleared": "good",
    "closed": "good",
    "delivered": "good",
    "enabled": "good",
    "learnt": "good",
    "paid": "good",
    "resolved": "good",
    "signed_off": "good",
    "succeeded": "good",
    "won": "good",
    "working": "good",
    "approved": "wait",
    "ending": "wait",
    "exceptions": "wait",
    "half_open": "wait",
    "learning": "wait",
    "open": "wait",
    "pending": "wait",
    "proposed": "wait",
    "requested": "wait",
    "submitting": "wait",
    "unknown": "wait",
    "waiting": "wait",
    "away": "bad",
    "declined": "bad",
    "failed": "bad",
    "late": "bad",
    "lost": "bad",
    "quarantined": "bad",
    "rejected": "bad",
}
"""The colour of a state's tag; its words say the same."""


def account_word(code: str) -> str:
    """What an account is, by its code, also with its agency before it ("vn-moj/in_transit:momo")."""
    name = code.rpartition("/")[2].partition(":")[0]
    return ACCOUNTS.get(name, name)
