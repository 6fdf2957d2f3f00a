"""What the finance officer reads of the ledger: the trial balance and the entries."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from gateway.api.context import caller, runtime
from gateway.api.fields import Instant, PageQuery, RequestSchema, choice, day, page_of, text
from gateway.api.resource import Resource
from gateway.domain.errors import Invalid
from gateway.domain.ledger import AccountKind
from gateway.domain.money import exponent_of
from gateway.services.access import OFFICERS, requires
from gateway.services.browse import agencies_of
from gateway.services.read_ledger import entries, trial_balance

resource = Resource("Ledger", "The double-entry ledger: every movement of money, once, for ever.")

ACCOUNT_MAX = 200
CURRENCY_MAX = 3


class AccountSchema(Schema):
    """Turnover up to the day: all that was ever debited, and all that was credited."""

    code = fields.String(required=True, metadata={"description": "agency/account, as in vn-moj/receivable"})
    kind = choice(AccountKind, required=True)
    debit_minor = fields.Integer(required=True)
    credit_minor = fields.Integer(required=True)
    balance_minor = fields.Integer(required=True, metadata={"description": "as the account's kind counts it"})


class TrialBalanceSchema(Schema):
    currency = fields.String(required=True)
    on = fields.Date(required=True)
    accounts = fields.List(fields.Nested(AccountSchema), required=True)
    total_debit_minor = fields.Integer(required=True)
    total_credit_minor = fields.Integer(required=True)


class TransferSchema(Schema):
    id = fields.Integer(required=True)
    debit = fields.String(required=True)
    credit = fields.String(required=True)
    currency = fields.String(required=True)
    amount_minor = fields.Integer(required=True)


class EntrySchema(Schema):
    """The transfers of one cause."""

    id = fields.Integer(required=True)
    key = fields.String(required=True)
    cause = fields.String(required=True)
    agency = fields.String(required=True)
    subject = fields.UUID(required=True, metadata={"description": "the invoice, payment, refund ... it is about"})
    business_date = fields.Date(required=True)
    occurred_at = Instant(required=True)
    posted_at = Instant(required=True)
    transfers = fields.List(fields.Nested(TransferSchema), required=True)


class TrialBalanceQuery(RequestSchema):
    currency = text(
        CURRENCY_MAX, load_default=None, metadata={"description": "needed only where agencies of several are seen"}
    )
    on = day(load_default=None, metadata={"description": "the business date; today, if left out"})


class EntriesQuery(PageQuery):
    account = text(ACCOUNT_MAX, load_default=None, metadata={"description": "such as vn-moj/receivable"})
    first = day(data_key="from", load_default=None, metadata={"description": "the first business date"})
    last = day(data_key="to", load_default=None, metadata={"description": "the last business date"})


@resource.route("/v1/ledger/trial-balance")
@requires(*OFFICERS)
@resource.arguments(TrialBalanceQuery, location="query")
@resource.response(200, TrialBalanceSchema)
def show_trial_balance(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """Show the trial balance of a currency.

    The totals of both columns are equal; if they are not, the ledger is broken.
    """
    with runtime().db.read() as tx:
        agencies = agencies_of(tx, caller())
        currency = query["currency"] or _only_one({agency.currency for agency in agencies})
        exponent_of(currency)
        today = max((agency.business_date(tx.now) for agency in agencies), default=tx.now.date())
        return trial_balance(tx, caller(), currency, query["on"] or today)


@resource.route("/v1/ledger/entries")
@requires(*OFFICERS)
@resource.arguments(EntriesQuery, location="query")
@resource.response(200, page_of(EntrySchema, "EntryPage"))
def list_entries(query: Mapping[str, Any]) -> Mapping[str, Any]:
    """List entries by business date.

    An entry has all its transfers, also when it is listed for one account.
    """
    with runtime().db.read() as tx:
        page = entries(tx, caller(), **query)
    return page | {"data": [entry | {"subject": entry["subject_id"]} for entry in page["data"]]}


def _only_one(currencies: set[str]) -> str:
    if len(currencies) == 1:
        return next(iter(currencies))
    raise Invalid("Sums are of one currency.", fields={"currency": f"must be one of {', '.join(sorted(currencies))}"})
