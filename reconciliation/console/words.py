"""The console's words for kinds, states and actions, in English for the catalogues.

A name that has no word here yet stands for itself, so that a new kind shows by itself.
"""

from collections.abc import Mapping

from gateway.services.surface import N_
from gateway.services.words import ACCOUNTS, DISCREPANCIES, DISCREPANCY_KINDS, REFUNDS, TONES, account_word

__all__ = ["TONES", "WORDS", "account_word", "word"]

WORDS: Mapping[str, Mapping[str, str]] = {
    "kind": DISCREPANCY_KINDS,
    "status": DISCREPANCIES,
    "refund": REFUNDS,
    "account": ACCOUNTS,
    "action": {
        "accept_late_payment": N_("Accept the late payment for an invoice"),
        "refund_duplicate": N_("Give the money back to the payer"),
        "assign_receipt": N_("Assign the money to an invoice"),
        "return_receipt": N_("Send the money back to whoever sent it"),
        "accept_proposal": N_("Accept the pair that the matching proposes"),
        "correct_fee": N_("Claim the excess fee from the provider"),
        "write_off": N_("Write the difference off"),
        "close_explained": N_("Close as explained, without an entry"),
        "carry_as_timing": N_("Wait for a later day"),
        "open_trace": N_("Ask in writing where the money is"),
        "dispute": N_("Dispute the figure in writing"),
    },
    "decision": {
        "proposed": N_("waits for approval"),
        "applied": N_("applied"),
        "rejected": N_("rejected"),
        "withdrawn": N_("withdrawn"),
    },
    "stage": {
        "not_run": N_("not run yet"),
        "running": N_("running"),
        "failed": N_("failed"),
        "waiting": N_("waits for the file"),
        "late": N_("the file is late"),
        "exceptions": N_("has discrepancies"),
        "balanced": N_("balanced"),
        "signed_off": N_("signed off"),
    },
    "next": {
        "not_run": N_("It runs in the night after the day, or now if you start it."),
        "running": N_("Wait for it to end."),
        "failed": N_("Read what failed, then run it again."),
        "waiting": N_("It runs again by itself when the file comes."),
        "late": N_("Ask the sender for the file. It runs by itself when the file comes."),
        "exceptions": N_("Decide on its discrepancies, then an approver signs it off."),
        "balanced": N_("An approver signs it off."),
        "signed_off": N_("Nothing. Only a correction changes it now."),
    },
    "file": {
        "quarantined": N_("not usable"),
        "learning": N_("being worked through"),
        "learnt": N_("loaded"),
    },
    "file_next": {
        "quarantined": N_("It is kept, and nothing of it counts. Ask the bank for a right one."),
        "learning": N_("It is loaded. What it tells is being looked at; this page renews itself."),
        "learnt": N_("All of it is looked at. There is nothing to do."),
    },
    "note": {
        "comment": N_("Comment"),
        "assigned": N_("Assigned"),
        "carried": N_("Waits until"),
        "asked": N_("Provider asked again"),
        "traced": N_("Letter"),
        "proposed": N_("Proposed"),
        "decided": N_("Decided"),
    },
    "trace": {"trace": N_("Trace request"), "dispute": N_("Dispute")},
    "list": {"payouts": N_("Payouts"), "invoices": N_("Invoices"), "bank": N_("Lines of the bank's statement")},
    "figure": {
        "amount_minor": N_("Amount"),
        "gross_minor": N_("Amount"),
        "fee_minor": N_("Fee"),
        "business_date": N_("Day"),
        "occurred_at": N_("Moment"),
        "due_on": N_("Due on"),
        "entry": N_("Ledger entry"),
        "reference": N_("Reference"),
        "transaction": N_("Transaction"),
        "provider_transaction_id": N_("Transaction"),
        "credit": N_("Credit of the bank account"),
        "invoices": N_("Invoices"),
        "late": N_("Came when the payment was closed"),
        "payment_was": N_("Status before it came"),
        "merchant_reference": N_("Our reference"),
        "batch": N_("File or batch"),
        "line": N_("Line"),
        "line_id": N_("Name of the line"),
        "lines": N_("Lines"),
        "kind": N_("Kind"),
        "status": N_("Status"),
        "settled": N_("Settled"),
        "refund": N_("Refund"),
        "payout": N_("Payout"),
        "expected_minor": N_("Expected"),
        "reported_minor": N_("Reported"),
        "credited_minor": N_("Kept for the payer"),
        "payment_status": N_("Status of the payment"),
        "proposed_entry": N_("Proposed ledger entry"),
        "proposed_line": N_("Proposed line"),
        "candidates": N_("Invoices that it may be for"),
        "account": N_("Account"),
        "paid_by": N_("Paid out by"),
        "provider": N_("Provider"),
        "batches": N_("Files or batches"),
        "net_minor": N_("Paid out"),
        "settled_on": N_("Settled on"),
        "statement": N_("Statement"),
        "booked_on": N_("Booked on"),
        "code": N_("Code"),
        "names": N_("Names in the bank's words"),
        "reversal": N_("Marked as a reversal"),
        "asked_until": N_("Could be asked about until"),
    },
}


def word(table: str, name: str) -> str:
    """The word of `name`, a message of the catalogues."""
    return WORDS[table].get(name) or name.replace("_", " ")
