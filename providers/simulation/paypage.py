"""The page where a person or a script plays the payer: plain HTML, no script, nothing from another host.

GET shows the outcomes as buttons. POST `outcome=...` at the same URL changes the provider's truth, sets off the real
signed notification, and sends the browser back to the merchant.
"""

from flask import Response, redirect, render_template_string, request

from gateway.domain.money import Money
from providers.simulation.bank import Bank, NotPossible

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ provider }}: pay {{ amount }}</title>
<style>body{font:1.125rem/1.5 sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}
button{display:block;font:inherit;width:100%;text-align:left;padding:.75rem 1rem;margin:.5rem 0;min-height:3rem}</style>
</head>
<body>
<main>
<h1>Pay {{ amount }}</h1>
<p>{{ title }}</p>
<p>This is the simulator of <strong>{{ provider }}</strong>. No money moves. The payment is {{ status }}.</p>
{% if problem %}<p role="alert">{{ problem }}</p>{% endif %}
<form method="post">
<fieldset>
<legend>What does the payer do?</legend>
{% for name, label in outcomes %}<button type="submit" name="outcome" value="{{ name }}">{{ label }}</button>
{% endfor %}</fieldset>
</form>
</main>
</body>
</html>
"""


def show(bank: Bank, payment_id: str, problem: str = "", status: int = 200) -> Response:
    """The page, or 404 if there is no such payment."""
    try:
        with bank.change() as change:
            payment = bank.current(change, payment_id)
    except NotPossible as fault:
        return Response(str(fault), 404, content_type="text/plain")
    page = render_template_string(
        _PAGE,
        provider=bank.name,
        amount=Money(payment["amount_minor"], payment["currency"]),
        title=payment["title"],
        status=payment["status"],
        problem=problem,
        outcomes=[(name, outcome.label) for name, outcome in bank.outcomes.items()],
    )
    return Response(page, status, content_type="text/html; charset=utf-8")


def submit(bank: Bank, payment_id: str) -> Response:
    """Do what the form says: 303 back to the merchant, 409 with the page again if that is not possible."""
    try:
        back_to = bank.play(payment_id, request.form.get("outcome", ""))
    except NotPossible as fault:
        return show(bank, payment_id, str(fault), 409)
    answer = redirect(back_to, 303)
    return Response(answer.get_data(), answer.status_code, {"location": back_to}, content_type="text/html")
