"""What officers are told of each error, by its code: what is the matter, and what to do.

The texts of the errors themselves are for who calls the API: they stay English, and name fields that no page has.
"""

from collections.abc import Mapping

from gateway.services.surface import N_

_GONE = N_("There is no such thing, or another agency has it. Go back to the list and open it from there.")
_CHANGED = N_("This has changed since you opened the page. Look at it again before you decide.")
_UNREADABLE = N_("The browser sent something that cannot be read. Go back, reload the page and try once more.")
_TRY_AGAIN = N_("Nothing was done. Try again in a minute.")

ERRORS: Mapping[str, str] = {
    "above_write_off_limit": N_("This is more than may be written off here. Dispute it with the provider instead."),
    "account_not_found": N_("There is no such account. Choose one from the trial balance."),
    "action_not_allowed": N_("This cannot be chosen for this discrepancy. Choose one of the decisions that it offers."),
    "already_decided": N_("Somebody has decided on this meanwhile, or proposed something. Look at it again."),
    "already_done": N_("This form was sent before, and its secret was shown then. It cannot be shown again."),
    "asked_lately": N_("The provider was asked about this less than a minute ago. Wait for what it says."),
    "bad_request": _UNREADABLE,
    "body_too_large": N_("This file is larger than can be taken here. Send it in parts, or ask the administrator."),
    "books_do_not_tie": N_(
        "The ledger contradicts itself, so nothing is reported. Tell those who run the gateway at once."
    ),
    "conflict": N_("This is not possible as things stand now. Look at it again."),
    "credit_counted_elsewhere": N_("This money is being booked by somebody else at this moment. Look at it again."),
    "database_unavailable": _TRY_AGAIN,
    "discrepancy_not_found": _GONE,
    "empty_file": N_("The file is empty. Choose the file that the bank sent."),
    "entry_not_found": _GONE,
    "every_agency": N_("You act for one agency, so choose that one."),
    "fee_draft_not_found": N_("There is no such draft any more. Open the procedure and choose from its drafts."),
    "fee_item_not_found": N_("There is no such fee. Open the procedure and choose from its fees."),
    "fees_moved_on": N_("This fee was changed meanwhile. Read once more what the draft does, then decide."),
    "forbidden": N_("You may not do this. Ask an administrator if your work needs it."),
    "foreign_form": N_(
        "The form was not sent from this page, or it is from an earlier session. Open the page and try once more."
    ),
    "group_not_found": N_("There is nothing left of this group. Go back to the list of discrepancies."),
    "idempotency_key_reused": N_("This form was sent before with something else in it. Open the page again."),
    "illegal_transition": N_("This is not possible as things stand now. Look at it again."),
    "integrity_mismatch": N_("The provider names another amount. Compare both sides before you decide."),
    "internal_error": N_("Something went wrong on our side. Nothing was lost; try again."),
    "invalid_facts": N_("No fee is laid down for these answers. Compare them with the papers."),
    "invoice_already_paid": N_("This invoice is paid already. Nothing more is due."),
    "invoice_closed": N_("This invoice is closed. Nothing can be paid for it any more."),
    "invoice_in_payment": N_("A payment for this invoice has begun. Wait until it is known what became of it."),
    "invoice_not_found": _GONE,
    "last_administrator": N_("This is the last administrator who acts for every agency. Name another one first."),
    "last_factor": N_(
        "This is your only second step. Set up an authenticator app or add another passkey before you remove it."
    ),
    "layout_gone": N_("The column map by which this file was read is gone. Ask those who run the gateway."),
    "method_not_allowed": N_("This address is for a form. Open the page and press its button."),
    "method_not_offered": N_(
        "At the counter only a transfer or a bank's code is begun. For anything else the payer uses an own phone."
    ),
    "mistyped_reference": N_("A digit of this number is mistyped. Compare each group of four with the paper."),
    "no_rate_on_date": N_("No fee is known for this day. Choose another one."),
    "no_settlement": N_("This source has no settlement to reconcile with. Choose another one."),
    "not_found": _GONE,
    "not_our_account": N_("This statement is of an account that is not known here. Check that it is the right file."),
    "not_refundable": N_("This payment cannot be refunded here: no money came in, or its provider sends none back."),
    "nothing_to_ask": N_("The payment has come to its end. There is nothing left to ask."),
    "nothing_to_confirm": N_("Begin the set-up of the authenticator once more."),
    "nothing_to_correct": N_("This day is not signed off. Run it again instead."),
    "nothing_to_pay": N_("Nothing is due under this number. Compare it with the paper, sign by sign."),
    "one_agency_only": N_("This covers every agency, and you act for one. Ask an officer who acts for all."),
    "open_discrepancies": N_("Something is open that no reason was given for. Look at the run again."),
    "own_account": N_("This is your own account: another administrator has to do it."),
    "own_draft": N_("You drafted this change. A second editor reads it and decides."),
    "payer_erased": N_("The data of this payer was erased. What was paid is still on the books."),
    "payment_not_found": _GONE,
    "payment_outcome_unknown": N_(
        "It is not known yet whether an earlier payment went through. Nobody pays again: the provider is being asked."
    ),
    "payment_under_way": N_("A payment under this number has begun. Wait until it is known what became of it."),
    "payout_not_found": N_("There is no such payout. Compare its name with the provider's list."),
    "procedure_not_found": N_("There is no such procedure. Choose one from the list."),
    "provider_unavailable": N_("The provider does not answer at the moment. It is asked again by itself."),
    "receipt_not_found": N_("There is no receipt yet. It is made once everything is paid; look again in a minute."),
    "receipt_series_exhausted": N_("The agency has no receipt numbers left. Tell those who run the gateway."),
    "refund_not_found": _GONE,
    "reports_busy": N_("Other reports are being written. Try again in a minute."),
    "request_in_flight": N_("This form is being carried out. Look again in a moment."),
    "resolution_not_found": _GONE,
    "role_missing": N_("This is for other roles than yours. Ask an administrator if your work needs it."),
    "route_not_found": N_("There is no such page. Choose from the menu."),
    "run_not_found": _GONE,
    "run_signed_off": N_("This day is signed off. Start a correction instead."),
    "run_under_way": N_("A run of this source is at work. Try again when it has ended."),
    "same_person": N_("You asked for this yourself, so another person decides on it."),
    "session_busy": N_("A payment is being started at this moment. Look again in a moment."),
    "session_not_found": _GONE,
    "session_not_payable": N_("What is due has changed. Go back to the invoice and begin the payment again."),
    "settlement_changed": N_("The provider tells a settlement in another way than before. Ask it which is right."),
    "settlement_unavailable": N_("The provider's settlement cannot be fetched at the moment. Try again later."),
    "shown_is_old": _CHANGED,
    "signed_by_same_officer": N_(
        "You asked for this run, or closed one of its discrepancies alone. Another approver signs it."
    ),
    "signed_out": N_("You are signed out. Sign in and try once more."),
    "statement_changed": N_("This statement is loaded, and says something else now. Ask the bank which is right."),
    "statement_file_not_found": _GONE,
    "too_late_for_draft": N_("The first day of this change has come. Draft a new change for a later day."),
    "too_many_requests": N_("There were too many requests from here. Wait a minute and try again."),
    "too_many_tries": N_("There were too many tries. Wait a quarter of an hour and try again."),
    "trace_not_found": _GONE,
    "unavailable": _TRY_AGAIN,
    "unknown_layout": N_("Choose one of these."),
    "unknown_report_format": N_("There is no report in this form. Choose one from the page of reports."),
    "unsupported_media_type": _UNREADABLE,
    "webhook_endpoint_not_found": _GONE,
    "wrong_agency": N_("Another agency charges for this. You act for your own agency only."),
}

OTHERWISE = N_("This is not possible with what was given. Compare it with what the page asks for, and try again.")
"""Of an error that has no words of its own here."""
