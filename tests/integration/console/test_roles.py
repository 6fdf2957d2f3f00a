"""Who may do what in the console: each page and action with every role, and with none, against a table kept by hand.

A route that is not in the table fails the test: whoever adds one says here whom it is for.
"""

from collections.abc import Iterator
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from gateway.app import create_app
from gateway.domain.officer import Role
from reconciliation import api as reconciliation_api
from reconciliation import console as reconciliation_console
from tests.integration.api import Api
from tests.integration.officers import browser_of

INITIALS = {
    "v": Role.VIEWER,
    "f": Role.FINANCE,
    "a": Role.APPROVER,
    "c": Role.CATALOGUE_EDITOR,
    "u": Role.AUDITOR,
    "d": Role.ADMINISTRATOR,
}
EVERYBODY, PUBLIC = "vfacud", "public"

TABLE = {
    # Signing in, and one's own account
    "sign_in second_step set_up set_up_authenticator set_up_passkey leave_sign_in": PUBLIC,
    "openid openid_callback passkey passkey_script welcome": PUBLIC,
    "style_sheet": PUBLIC,
    "home sign_out account password authenticator recovery_codes elsewhere add_passkey remove_passkey": EVERYBODY,
    # Administration
    "officers officer audit audit_csv audit_reads audit_reads_csv": "ud",
    "add_officer officer_roles disable_officer enable_officer reset_officer": "d",
    "api_keys issue_key api_key revoke_key rotate_key": "d",
    "webhooks webhook add_webhook disable_webhook resend_webhook resend_failed rotate_secret": "d",
    # Payments, the ledger and providers
    "search payment invoice agencies providers provider": "vfaud",
    "ledger ledger_csv ledger_account ledger_account_csv ledger_entry": "vfaud",
    "payer read_payer": "fu",
    "ask_provider request_refund": "f",
    "refunds refund": "vfau",
    "approve_refund reject_refund": "a",
    # At the counter
    "counter counter_find counter_new counter_issue counter_invoice counter_help counter_receipt": "f",
    "counter_session counter_pay counter_cancel": "f",
    # Fees
    "fees fee try_fee fee_draft": EVERYBODY,
    "change_fee draft_fee publish_fee_draft reject_fee_draft withdraw_fee_draft": "c",
    # Reconciliation
    "day runs run run_report reports month_report receipts_report payout_report": "vfau",
    "discrepancies discrepancy discrepancy_group decisions decision": "vfau",
    "begin_run run_again correct_run": "f",
    "sign_off sign_run approve_decision reject_decision": "a",
    "ask_again carry propose propose_group open_trace answer_trace withdraw_decision": "f",
    "assign comment": "fa",
    "trace_letter": "vfau",
    "statements statement": "vfau",
    "hand_in_statement statement_file": "f",
}
MAY = {f"console.{name}": holders for names, holders in TABLE.items() for name in names.split()}
REFUSAL = "This is for other roles than yours."


@pytest.fixture(scope="module")
def app(api: Api) -> Flask:
    extensions, pages = [reconciliation_api.register], [reconciliation_console.register]
    return create_app(api.settings, api.world.runtime, api.ring, extensions, consoles=pages)


@pytest.fixture(scope="module")
def browsers(api: Api, app: Flask) -> dict[str, FlaskClient]:
    """One of an officer who holds that role alone."""
    return {initial: browser_of(app, api.world.runtime, role) for initial, role in INITIALS.items()}


def routes(app: Flask) -> Iterator[tuple[str, str, str]]:
    """Endpoint, method and an address of each."""
    bound = app.url_map.bind("localhost")
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
        if rule.rule.startswith("/console"):
            kinds = {name: converter.__class__.__name__ for name, converter in rule._converters.items()}
            values = {name: value_for(kind) for name, kind in kinds.items()}
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                yield rule.endpoint, method, bound.build(rule.endpoint, values, method=method)


def value_for(kind: str) -> object:
    return {"UUIDConverter": UUID(int=7), "IntegerConverter": 7}.get(kind, "x")


def test_every_route_of_the_console_is_in_the_table(app: Flask) -> None:
    assert {endpoint for endpoint, _, _ in routes(app)} == set(MAY)


def test_whoever_is_not_signed_in_reaches_what_is_public_and_nothing_else(app: Flask) -> None:
    reached = set()
    for endpoint, method, address in routes(app):
        answer = app.test_client().open(address, method=method)
        if not (answer.status_code == 303 and answer.location.split("?")[0] == "/console/sign-in"):
            reached.add(endpoint)
    # These send whoever has shown no password to the sign-in page themselves.
    assert reached == {endpoint for endpoint, holders in MAY.items() if holders == PUBLIC} - {
        "console.second_step",
        "console.set_up",
        "console.set_up_authenticator",
        "console.set_up_passkey",
    }


@pytest.mark.parametrize("initial", list(INITIALS))
def test_a_role_opens_what_the_table_says(app: Flask, browsers: dict[str, FlaskClient], initial: str) -> None:
    wrong = []
    for endpoint, method, address in routes(app):
        if MAY.get(endpoint, PUBLIC) == PUBLIC:
            continue
        # An action without its form: only the gate is asked.
        answer = browsers[initial].open(address, method=method, headers={"Accept-Language": "en"})
        is_open = not (answer.status_code == 403 and REFUSAL in answer.text)
        if is_open != (initial in MAY[endpoint]) or answer.status_code >= 500:
            wrong.append(f"{method} {address} {answer.status_code}")
    assert wrong == []


def test_several_roles_open_what_any_of_them_does(api: Api, app: Flask) -> None:
    browser = browser_of(app, api.world.runtime, Role.CATALOGUE_EDITOR, Role.AUDITOR)
    assert browser.get("/console/officers").status_code == 200
    assert browser.get("/console/officers/new").status_code == 403
