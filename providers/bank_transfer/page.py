"""The payer's banking app: a page where a person or a script makes the transfer that a code or a slip asks for.

GET and POST /transfer?payload=<what the code holds>, or ?account=..&reference=..&amount=.. as typed from a slip. The
app reads as strictly as a real one: a code that it would not take is refused with the reason, and nothing moves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from flask import Request, Response, redirect, render_template_string

from gateway.domain.errors import GatewayError
from gateway.domain.money import Money, from_major
from providers.bank_transfer.emvco import Malformed
from providers.bank_transfer.epc import MalformedEpc
from providers.bank_transfer.schemes import Scheme, Transfer
from providers.bank_transfer.slip import MalformedSlip

REFUSED = 422

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ bank }}: {{ heading }}</title>
<style>body{font:1.125rem/1.5 sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}
button{display:block;font:inherit;width:100%;text-align:left;padding:.75rem 1rem;margin:.5rem 0;min-height:3rem}</style>
</head>
<body>
<main>
<h1>{{ heading }}</h1>
<p>This is the simulator of a banking app (<strong>{{ bank }}</strong>). No money moves.</p>
{% if problem %}<p role="alert">{{ problem }}</p>{% endif %}
{% if transfer %}<p>To account {{ transfer.account }}, reference {{ transfer.reference or "none" }}.</p>
<form method="post">
<fieldset>
<legend>What does the payer do?</legend>
{% for name, label in outcomes %}<button type="submit" name="outcome" value="{{ name }}">{{ label }}</button>
{% endfor %}</fieldset>
</form>{% endif %}
</main>
</body>
</html>
"""


@dataclass(frozen=True, slots=True)
class Order:
    """What the app is about to do."""

    account: str
    reference: str
    structured: bool
    amount: Money


def read(scheme: Scheme, request: Request) -> tuple[Transfer, Money]:
    """What was scanned or typed, and the amount that it asks for. Raises ValueError saying why the app refuses it."""
    given = request.args
    try:
        if given.get("payload"):
            transfer = scheme.read(given["payload"])
        else:
            reference = scheme.check(given.get("reference", ""))
            transfer = Transfer(given.get("account", ""), None, reference, scheme.structured and bool(reference))
        typed = from_major(given["amount"], scheme.currency) if given.get("amount") else None
    except (Malformed, MalformedEpc, MalformedSlip) as fault:
        raise ValueError(f"The code cannot be used: {fault}.") from None
    except GatewayError as fault:
        raise ValueError(str(fault)) from None
    amount = transfer.amount or typed
    account = transfer.account or given.get("account", "")
    if amount is None or amount.amount_minor < 1 or not account:
        raise ValueError("An account and an amount above nothing are needed.")
    if scheme.maximum_minor is not None and amount.amount_minor > scheme.maximum_minor:
        raise ValueError("The amount is more than this rail carries.")
    return Transfer(account, amount, transfer.reference, transfer.structured, transfer.expires_on), amount


def address(host_url: str, scheme: Scheme, action: Mapping[str, object]) -> str:
    """Where the payer goes with `action`, the next action of a payment as the gateway tells it."""
    if action.get("type") == "show_qr":
        return f"{host_url}transfer?{urlencode({'payload': str(action.get('payload'))})}"
    try:
        amount = Money(int(str(action["amount_minor"])), scheme.currency)
        typed = {"account": action["account"], "reference": action["reference"], "amount": f"{amount.major():f}"}
    except (KeyError, ValueError):
        raise ValueError("next_action is neither a code nor a transfer") from None
    return f"{host_url}transfer?{urlencode(typed)}"


def shown(
    scheme: Scheme, outcomes: Mapping[str, str], transfer: Transfer | None, problem: str = "", status: int = 200
) -> Response:
    heading = "Transfer" if transfer is None else f"Transfer {transfer.amount}"
    page = render_template_string(
        _PAGE, bank=scheme.name, heading=heading, transfer=transfer, problem=problem, outcomes=list(outcomes.items())
    )
    return Response(page, status, content_type="text/html; charset=utf-8")


def done(location: str) -> Response:
    answer = redirect(location, 303)
    return Response(answer.get_data(), answer.status_code, {"location": location}, content_type="text/html")
