"""What payers do on the day: each comes with a fee, chooses a method, and pays or does not.

One provider goes down in the middle of it. Whoever wanted to pay by it takes another method, as the gateway lets them:
nothing was sent, so nothing can be paid twice.
"""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import uuid4

from gateway.demo_day.office import POLL, SETTLED_WITHIN, DemoFailed, Document, Office, Refused

# What payers do, in a hundred, where their provider knows such a thing. It says itself where a payment then ends.
OUTCOMES: Mapping[str, int] = {
    "succeed": 74,
    "decline": 7,
    "abandon": 5,
    "cancel": 4,
    "twice": 3,
    "late": 3,
    "silent": 2,
    "under": 2,
    "over": 2,
    "garbled": 2,
    "no_reference": 2,
}
WAITS = "pending"  # such a payment is not resolved before its time is over, which is after the demo
NOT_TAKEN = ("provider_unavailable", "method_not_offered")  # nothing was sent: another method may be tried


@dataclass(slots=True)
class Visit:
    """One payer's sitting. `turned_from` is the method that was wanted and did not answer."""

    procedure: str
    facts: Document
    provider: str
    outcome: str
    payment_id: str = ""
    expected: frozenset[str] = frozenset()
    turned_from: str = ""


class Payers:
    """`known`: what can be done on each provider's pay page, and where a payment then ends."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._known = {provider: office.control(provider, "outcomes") for provider in office.simulators}

    def plan(self, invoices: int, chance: random.Random) -> list[Visit]:
        """Each procedure in turn with facts that its fee asks for, by each method of its agency in turn; outcomes by
        chance."""
        methods = {agency["code"]: agency["methods"] for agency in self._office.agencies()}
        procedures = [each for each in self._office.pages("portal", "/v1/procedures") if methods[each["agency"]]]
        turns = dict.fromkeys(methods, 0)
        visits = []
        for number in range(invoices):
            procedure = procedures[number % len(procedures)]
            offered = [name for name in self._known if name in methods[procedure["agency"]]]
            turn = turns[procedure["agency"]]
            turns[procedure["agency"]] += 1
            provider = offered[turn % len(offered)]
            possible = [outcome for outcome in OUTCOMES if outcome in self._known[provider]]
            outcome = chance.choices(possible, [OUTCOMES[name] for name in possible])[0]
            visits.append(Visit(procedure["code"], _facts(procedure, chance), provider, outcome))
        return visits

    def visit(self, visit: Visit) -> None:
        invoice = self._office.call("portal", "POST", "/v1/invoices", _invoice(visit))
        if invoice["status"] == "paid":
            return  # nothing was due
        asked = {"invoices": [invoice["reference"]], "return_url": f"{self._office.url}/", "locale": "vi"}
        session = self._office.call("portal", "POST", "/v1/checkout-sessions", asked)
        payment = self._started(visit, session)
        visit.payment_id = payment["id"]
        told = self._known[visit.provider][visit.outcome]
        visit.expected = frozenset({told["ends"], told["told"]})  # a notification can say more than a query
        if visit.outcome != "abandon":
            self._office.play(visit.provider, payment["next_action"], visit.outcome)

    def wait_for(self, visit: Visit) -> None:
        """Until the payment has ended as its provider has it."""
        deadline = time.monotonic() + SETTLED_WITHIN.total_seconds()
        path = f"/v1/payments/{visit.payment_id}"
        while (status := self._office.call("portal", "GET", path)["status"]) not in visit.expected:
            if time.monotonic() > deadline:
                raise DemoFailed(f"{visit.payment_id} ({visit.provider}, {visit.outcome}) is {status} for too long")
            time.sleep(POLL.total_seconds())

    def _started(self, visit: Visit, session: Document) -> Document:
        """By the method that was planned, or the next that takes it."""
        offered: Sequence[str] = session["methods"]
        others = [name for name in offered if name != visit.provider]
        for name in ([visit.provider] if visit.provider in offered else []) + others:
            if visit.outcome not in self._known[name]:
                continue
            try:
                path = f"/v1/checkout-sessions/{session['id']}/payments"
                payment = self._office.call("portal", "POST", path, {"provider": name})
            except Refused as refused:
                if refused.code not in NOT_TAKEN:
                    raise
                continue
            visit.turned_from = visit.provider if name != visit.provider else ""
            visit.provider = name
            return payment
        raise DemoFailed(f"nobody takes {session['amount_minor']} {session['currency']}: tried {', '.join(offered)}")


def _invoice(visit: Visit) -> Document:
    return {
        "procedure": visit.procedure,
        "facts": visit.facts,
        "channel": "online",
        "dossier": f"DEMO-{uuid4().hex[:10].upper()}",
        "payer": {"name": "Nguyễn Văn Mẫu"},
    }


def _facts(procedure: Document, chance: random.Random) -> Document:
    """A plausible value for each fact that must be given."""
    facts: Document = {}
    for spec in procedure["facts"]:
        needed_when = spec["needed_when"]
        asked_for = any(facts.get(name) in values for name, values in needed_when.items())
        if not (spec["required"] or asked_for):
            continue
        if spec["kind"] == "boolean":
            facts[spec["name"]] = chance.randrange(10) < 3
        elif spec.get("options"):
            facts[spec["name"]] = chance.choice(spec["options"])["value"]
        else:
            few = spec["name"] in ("copies", "pages", "documents")
            facts[spec["name"]] = chance.randint(1, 6) if few else chance.randrange(10_000_000, 400_000_000, 1_000_000)
    return facts
