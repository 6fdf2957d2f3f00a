"""Something to click for who opens a demo: a made-up invoice for a chosen procedure, and its payment page.

It plays a portal, which is what calls the gateway in real life. Production never registers it.
"""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from flask import redirect, request
from werkzeug import Response

from gateway.domain.fees import Channel, FactKind, FactSpec, Procedure
from gateway.forms.proof import OF_PAYERS
from gateway.pages.rendering import chosen_language
from gateway.services.access import public
from gateway.services.browse import agencies_of
from gateway.services.issue_invoice import InvoiceRequest, issue_invoice
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.quote_fee import list_procedures, procedure_with_agency
from gateway.services.runtime import Caller, Runtime

SUBJECT = "demo"
PORTAL = Caller(UUID(int=0), "the demo's front page", frozenset({"portal"}), None, kind="demo")
PAYER = {"name": "Nguyễn Văn Thử"}
DOSSIER = "DEMO-0001"

# What people typically answer; each is held to the range that the fact allows.
TYPICAL: Mapping[FactKind, Callable[[FactSpec], object]] = {
    FactKind.INTEGER: lambda spec: _within(spec, 3),
    FactKind.MONEY: lambda spec: _within(spec, 500_000_000),
    FactKind.CHOICE: lambda spec: spec.options[0].value,
    FactKind.BOOLEAN: lambda spec: False,
}


class Demo:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def offer(self) -> dict[str, Any]:
        """What the form on the front page needs: the procedures, in the order in which their agencies were loaded."""
        with self._runtime.db.read() as tx:
            place = {agency.code: agency.id for agency in agencies_of(tx, PORTAL)}
            procedures = sorted(list_procedures(tx, None), key=lambda each: (place[each.agency], each.code))
        return {"procedures": procedures, "form": OF_PAYERS.token(self._runtime, SUBJECT)}

    @public("plays a portal in a demo; never registered in production")
    def start(self) -> Response:
        OF_PAYERS.check(self._runtime, SUBJECT)
        with self._runtime.db.transaction() as tx:
            procedure, _, _ = procedure_with_agency(tx, request.form.get("procedure", ""))
            facts = typical_facts(procedure)
            wanted = InvoiceRequest(procedure.code, facts, Channel.ONLINE, DOSSIER, PAYER)
            invoice = issue_invoice(tx, self._runtime.vault, PORTAL, wanted)
            home = f"{self._runtime.public_url}/"
            session = open_checkout(
                tx, self._runtime, PORTAL, CheckoutRequest([invoice.reference], home, chosen_language())
            )
        return redirect(self._runtime.page_url(session.id), 303)


def typical_facts(procedure: Procedure) -> dict[str, object]:
    """An answer to every fact that the procedure asks for."""
    return {spec.name: TYPICAL[spec.kind](spec) if spec.default is None else spec.default for spec in procedure.facts}


def _within(spec: FactSpec, wanted: int) -> int:
    return max(spec.minimum, min(wanted, spec.maximum))
