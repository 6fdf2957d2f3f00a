"""What states, accounts and causes are called in plain words, and with which tone a state is tagged."""

from collections.abc import Mapping

from gateway.services.surface import N_

TONES: Mapping[str, str] = {
    "paid": "good",
    "succeeded": "good",
    "delivered": "good",
    "enabled": "good",
    "working": "good",
    "closed": "good",
    "won": "good",
    "resolved": "good",
    "cleared": "good",
    "open": "wait",
    "submitting": "wait",
    "pending": "wait",
    "unknown": "wait",
    "requested": "wait",
    "approved": "wait",
    "half_open": "wait",
    "ending": "wait",
    "declined": "bad",
    "failed": "bad",
    "lost": "bad",
    "away": "bad",
}

INVOICE: Mapping[str, str] = {
    "open": N_("Not paid yet"),
    "paid": N_("Paid"),
    "void": N_("Withdrawn"),
    "expired": N_("Past its last day"),
}
PAYMENT: Mapping[str, str] = {
    "submitting": N_("Being sent to the provider"),
    "pending": N_("Waiting for the payer"),
    "unknown": N_("Not known: only the provider can tell"),
    "succeeded": N_("Paid"),
    "declined": N_("Declined"),
    "cancelled": N_("Cancelled"),
    "expired": N_("Not paid in time"),
}
REFUND: Mapping[str, str] = {
    "requested": N_("Waits for approval"),
    "approved": N_("Approved, to be sent"),
    "rejected": N_("Rejected"),
    "submitting": N_("Being sent to the provider"),
    "pending": N_("Under way at the provider"),
    "unknown": N_("Not known: only the provider can tell"),
    "succeeded": N_("Paid back"),
    "failed": N_("Failed: nothing went back"),
}
DISPUTE: Mapping[str, str] = {"open": N_("Contested"), "won": N_("Kept by us"), "lost": N_("Taken back")}
DISCREPANCY: Mapping[str, str] = {
    "open": N_("Open"),
    "cleared": N_("Explained by itself"),
    "resolved": N_("Decided"),
}
KINDS_OF_DISCREPANCY: Mapping[str, str] = {
    "missing_in_gateway": N_("Settled by the provider, unknown to us"),
    "missing_at_provider": N_("Recorded by us, not settled by the provider"),
    "amount_mismatch": N_("Another amount"),
    "currency_mismatch": N_("Another currency"),
    "status_mismatch": N_("The two sides say different things"),
    "duplicate_at_provider": N_("Settled twice"),
    "duplicate_payment": N_("Paid more than once"),
    "fee_mismatch": N_("Another fee than agreed"),
    "payout_short": N_("The payout is short"),
    "payout_over": N_("The payout is too large"),
    "payout_missing": N_("The payout is missing"),
    "unidentified_receipt": N_("Money of which nobody knows what for"),
    "refund_unknown": N_("A refund with an unknown end"),
    "timing": N_("A matter of days"),
}
SOURCES: Mapping[str, str] = {
    "api": N_("the answer to our request"),
    "webhook": N_("a notification of the provider"),
    "poll": N_("our question to the provider"),
    "officer": N_("a question an officer had us ask"),
    "return": N_("the payer's way back from the provider"),
    "settlement": N_("a settlement file"),
    "credits": N_("the bank account"),
    "expiry": N_("the end of its time"),
}
ACCOUNTS: Mapping[str, str] = {
    "receivable": N_("Owed by payers"),
    "in_transit": N_("Under way at a provider"),
    "bank": N_("At the bank"),
    "disputes": N_("Contested by payers' banks"),
    "provider_claims": N_("Claimed back from providers"),
    "fees": N_("State revenue"),
    "payer_credit": N_("Kept for payers"),
    "unidentified_receipts": N_("Received, not yet identified"),
    "refunds_payable": N_("To be paid back"),
    "provider_fees": N_("Fees that providers kept"),
    "write_offs": N_("Written off"),
}
ACCOUNT_KINDS: Mapping[str, str] = {
    "asset": N_("Asset"),
    "liability": N_("Liability"),
    "income": N_("Income"),
    "expense": N_("Expense"),
}
CAUSES: Mapping[str, str] = {
    "invoice_issued": N_("An invoice was issued"),
    "invoice_voided": N_("An invoice was withdrawn"),
    "invoice_expired": N_("An invoice ran out"),
    "payment_succeeded": N_("A payment came in"),
    "refund_approved": N_("A refund was approved"),
    "refund_succeeded": N_("A refund was paid back"),
    "refund_failed": N_("A refund failed"),
}
ACTIONS: Mapping[str, str] = {
    "invoice.issued": N_("The invoice was issued"),
    "invoice.void": N_("The invoice was withdrawn"),
    "invoice.expired": N_("The invoice ran out"),
    "checkout_session.opened": N_("A page to pay on was opened"),
    "checkout_session.completed": N_("The page to pay on is done"),
    "checkout_session.expired": N_("The page to pay on ran out"),
    "checkout_session.cancelled": N_("The page to pay on was given up"),
    "payment.asked_about": N_("The provider was asked"),
    "refund.requested": N_("A refund was asked for"),
    "refund.approved": N_("A refund was approved"),
    "refund.rejected": N_("A refund was rejected"),
    "api_key_issued": N_("An API key was issued"),
    "api_key_revoked": N_("An API key was revoked"),
    "api_key_rotated": N_("An API key was replaced"),
    "webhook_endpoint.registered": N_("A webhook endpoint was added"),
    "webhook_endpoint.disabled": N_("A webhook endpoint was switched off"),
    "webhook_endpoint.secret_rotated": N_("A webhook secret was changed"),
    "webhook_endpoint.gone": N_("A webhook endpoint is gone"),
    "webhook.failed_resent": N_("Failed notifications were sent again"),
    "webhook.resent": N_("A notification was sent again"),
    "payer_erased": N_("A payer's data was erased"),
    "procedure.published": N_("A fee was published"),
    "reconciliation.requested": N_("A reconciliation was started"),
    "reconciliation.signed_off": N_("A day was signed off"),
}
SUBJECTS: Mapping[str, str] = {
    "invoice": N_("Invoice"),
    "payment": N_("Payment"),
    "checkout_session": N_("Page to pay on"),
    "refund": N_("Refund"),
    "payer": N_("Payer"),
    "discrepancy": N_("Discrepancy"),
    "resolution": N_("Decision on a discrepancy"),
    "trace": N_("Letter to a provider or a bank"),
    "reconciliation_run": N_("Reconciliation run"),
    "procedure": N_("Procedure"),
    "officer": N_("Officer"),
    "api_key": N_("API key"),
    "webhook_endpoint": N_("Webhook endpoint"),
}
OPERATIONS: Mapping[str, str] = {
    "create": N_("Begin a payment"),
    "query": N_("Ask about a payment"),
    "cancel": N_("Close a payment"),
    "refund": N_("Send a refund"),
    "query_refund": N_("Ask about a refund"),
    "settlement": N_("Fetch a settlement"),
    "credits": N_("Fetch credits of a bank account"),
}
OUTCOMES: Mapping[str, str] = {
    "ok": N_("Answered"),
    "declined": N_("Refused"),
    "unknown": N_("No answer"),
    "not_sent": N_("Not reached"),
    "rate_limited": N_("Told to slow down"),
    "unsupported": N_("Not supported"),
}
PAYER: Mapping[str, str] = {
    "name": N_("Name"),
    "category": N_("Category"),
    "national_id": N_("Identity number"),
    "tax_code": N_("Tax code"),
    "email": N_("E-mail"),
    "phone": N_("Telephone"),
}
DELIVERY: Mapping[str, str] = {
    "pending": N_("To be sent"),
    "delivered": N_("Delivered"),
    "failed": N_("Not delivered"),
}
CIRCUIT: Mapping[str, str] = {
    "closed": N_("Answers"),
    "open": N_("Does not answer"),
    "half_open": N_("Being tried again"),
}

_TABLES: Mapping[str, Mapping[str, str]] = {
    "invoice": INVOICE,
    "payment": PAYMENT,
    "refund": REFUND,
    "dispute": DISPUTE,
    "discrepancy": DISCREPANCY,
    "action": ACTIONS,
    "subject": SUBJECTS,
    "operation": OPERATIONS,
    "outcome": OUTCOMES,
    "reported": PAYMENT,
    "payer": PAYER,
    "kind": KINDS_OF_DISCREPANCY,
    "source": SOURCES,
    "account_kind": ACCOUNT_KINDS,
    "cause": CAUSES,
    "delivery": DELIVERY,
    "circuit": CIRCUIT,
}


def word(table: str, name: str) -> str:
    """In English, to be translated; a name without a word of its own is shown as it is."""
    return _TABLES[table].get(name, name.replace("_", " "))


def account_word(code: str) -> str:
    """What an account is, by its code, also with its agency before it ("vn-moj/in_transit:momo")."""
    name = code.rpartition("/")[2].partition(":")[0]
    return ACCOUNTS.get(name, name)
