"""What states, accounts and causes are called in plain words, and with which tone a state is tagged."""

from collections.abc import Mapping

from gateway.services.surface import N_
from gateway.services.words import DISCREPANCIES, DISCREPANCY_KINDS, REFUNDS, TONES, account_word

__all__ = ["TONES", "account_word", "word"]

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
DISPUTE: Mapping[str, str] = {"open": N_("Contested"), "won": N_("Kept by us"), "lost": N_("Taken back")}
SOURCES: Mapping[str, str] = {
    "api": N_("the answer to our request"),
    "webhook": N_("a notification of the provider"),
    "poll": N_("our question to the provider"),
    "officer": N_("a question an officer had us ask"),
    "return": N_("our question when the payer came back from the provider"),
    "settlement": N_("a settlement file"),
    "credits": N_("the bank account"),
    "expiry": N_("the end of its time"),
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
    "dispute_opened": N_("The payer's bank contested a payment"),
    "dispute_won": N_("A contested payment was kept"),
    "dispute_lost": N_("A contested payment was taken back"),
    "receipt_assigned": N_("Money found its invoice"),
    "credit_unidentified": N_("Money came in of which nobody knows what for"),
    "credit_returned": N_("Money went back to whoever sent it"),
    "credit_is_payout": N_("Money that came in turned out to be a provider's payout"),
    "provider_fees": N_("A provider kept its fee"),
    "payout": N_("A payout came to the bank"),
    "payout_taken_back": N_("The bank took a payout back"),
    "bank_charge": N_("The bank charged its work"),
    "write_off_reversed": N_("A write-off was taken back"),
    "resolution_accept_late_payment": N_("A late payment was accepted"),
    "resolution_refund_duplicate": N_("Money was released to go back to the payer"),
    "resolution_assign_receipt": N_("Money was assigned to an invoice"),
    "resolution_return_receipt": N_("Money was released to go back to whoever sent it"),
    "resolution_correct_fee": N_("A fee was claimed from the provider"),
    "resolution_write_off": N_("A difference was written off"),
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
    "report.downloaded": N_("A report was downloaded"),
    "statement.loaded": N_("A bank statement was handed in"),
    "statement.read": N_("The file of a bank statement was read"),
    "invoice.assisted": N_("An officer helped to pay"),
    "statement.quarantined": N_("A bank statement could not be used"),
    "trace.opened": N_("A letter was opened"),
    "dispute.opened": N_("A dispute was opened in writing"),
    "resolution.proposed": N_("A decision was proposed"),
    "resolution.applied": N_("A decision was applied"),
    "resolution.rejected": N_("A decision was rejected"),
    "resolution.withdrawn": N_("A decision was withdrawn"),
    "fee_draft.drafted": N_("A change of a fee was drafted"),
    "fee_draft.published": N_("A change of a fee was published"),
    "fee_draft.rejected": N_("A change of a fee was rejected"),
    "fee_draft.withdrawn": N_("A change of a fee was withdrawn"),
    "command_line.used": N_("Work was done at the command line"),
    "officer.added": N_("An officer was added"),
    "officer.invited": N_("A link was made for an officer"),
    "officer.signed_in": N_("Signed in"),
    "officer.sign_in_refused": N_("A sign-in was refused"),
    "officer.signed_out_elsewhere": N_("Signed out everywhere else"),
    "officer.password_set": N_("A password was chosen"),
    "officer.authenticator_added": N_("An authenticator app was set up"),
    "officer.recovery_codes_made": N_("Recovery codes were made"),
    "officer.passkey_added": N_("A passkey was added"),
    "officer.passkey_removed": N_("A passkey was removed"),
    "officer.identity_linked": N_("The account at the ministry was linked"),
    "officer.roles_changed": N_("An officer's roles were changed"),
    "officer.disabled": N_("An officer was shut out"),
    "officer.enabled": N_("An officer was let in again"),
    "officer.reset": N_("An officer begins anew"),
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
    "statement_file": N_("Bank statement"),
    "fee_draft": N_("Change of a fee"),
    "report": N_("Report"),
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
    "refund": REFUNDS,
    "dispute": DISPUTE,
    "discrepancy": DISCREPANCIES,
    "action": ACTIONS,
    "subject": SUBJECTS,
    "operation": OPERATIONS,
    "outcome": OUTCOMES,
    "reported": PAYMENT,
    "payer": PAYER,
    "kind": DISCREPANCY_KINDS,
    "source": SOURCES,
    "account_kind": ACCOUNT_KINDS,
    "cause": CAUSES,
    "delivery": DELIVERY,
    "circuit": CIRCUIT,
}


def word(table: str, name: str) -> str:
    """In English, to be translated; a name without a word of its own is shown as it is."""
    return _TABLES[table].get(name, name.replace("_", " "))
