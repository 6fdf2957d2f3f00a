"""Refunds: what officers and portals ask to give back, and what becomes of it. Who asked does not decide."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import redirect, url_for

from gateway.domain.errors import GatewayError, NotFound
from gateway.domain.refund import Refund, RefundStatus
from gateway.forms.faults import faults_of
from gateway.forms.lists import with_cursor
from gateway.forms.reading import asked, choice
from gateway.services.access import for_officers
from gateway.services.browse import Window, agencies_of, page_of_refunds
from gateway.services.find import find_payment, find_refund
from gateway.services.name_actors import colleagues, names_of
from gateway.services.refund_payment import approve_refund, reject_refund
from gateway.services.runtime import Caller
from gateway.services.surface import ConsoleSurface
from gateway.store import refunds
from gateway.store.database import Transaction
from reconciliation.console import words
from reconciliation.console.forms import check_shown, digest_of
from reconciliation.console.here import zone_of
from reconciliation.console.roles import APPROVERS, READERS

PAGE = 50
ALL = "all"

Decide = Callable[[Transaction, Caller, UUID], object]


def add(console: ConsoleSurface) -> None:
    @console.route("/refunds", endpoint="refunds")
    @for_officers(*READERS)
    def list_some() -> Any:
        me = console.officer()
        chosen = choice("status", (*RefundStatus, ALL)) or RefundStatus.REQUESTED
        status = None if chosen == ALL else RefundStatus(chosen)
        with console.runtime.db.read() as tx:
            found = page_of_refunds(tx, me.caller, Window(PAGE, asked("after")), status=status)
            names = names_of(tx, (refund.requested_by for refund in found.items))
            zone = zone_of(agencies_of(tx, me.caller), me.agency_id)
        return console.page(
            "refunds.html",
            words=words,
            refunds=found.items,
            following=with_cursor(found.next) if found.next else None,
            names=names,
            zone=zone,
            chosen=chosen,
            statuses=[*RefundStatus, ALL],
            mine=me.caller.actor,
        )

    @console.route("/refunds/<uuid:refund_id>", endpoint="refund")
    @for_officers(*READERS)
    def show(refund_id: UUID) -> Any:
        return _refund_page(console, refund_id)

    for endpoint, decide in (("approve_refund", approve_refund), ("reject_refund", reject_refund)):
        _add_deciding(console, endpoint, decide)


def _add_deciding(console: ConsoleSurface, endpoint: str, decide: Decide) -> None:
    @console.route(f"/refunds/<uuid:refund_id>/{endpoint.partition('_')[0]}", endpoint=endpoint, methods=["POST"])
    @for_officers(*APPROVERS)
    def decided(refund_id: UUID) -> Any:
        caller = console.officer().caller
        try:
            with console.runtime.db.transaction() as tx:
                check_shown(_shown(find_refund(tx, caller, refund_id)))
                decide(tx, caller, refund_id)
        except NotFound:
            raise
        except GatewayError as error:
            return _refund_page(console, refund_id, error)
        return redirect(url_for("console.refund", refund_id=refund_id), 303)


def _refund_page(console: ConsoleSurface, refund_id: UUID, error: GatewayError | None = None) -> Any:
    me = console.officer()
    with console.runtime.db.read() as tx:
        refund = find_refund(tx, me.caller, refund_id)
        payment = find_payment(tx, me.caller, refund.payment_id)
        parts = refunds.parts_of(tx, refund)
        names = names_of(tx, [refund.requested_by, refund.decided_by])
        able = colleagues(tx, APPROVERS, refund.agency_id)
        agencies = agencies_of(tx, me.caller)
        shown = digest_of(_shown(refund))
    waits, is_mine = refund.status is RefundStatus.REQUESTED, refund.requested_by == me.caller.actor
    return console.page(
        "refund.html",
        status=200 if error is None else 422,
        words=words,
        refund=refund,
        payment=payment,
        agency=next((each for each in agencies if each.id == refund.agency_id), None),
        parts=parts,
        names=names,
        zone=zone_of(agencies, refund.agency_id),
        approvers=[name for actor, name in able if actor != refund.requested_by],
        waits=waits,
        is_mine=is_mine,
        may_decide=waits and not is_mine and me.is_any_of(*APPROVERS),
        shown=shown,
        faults=faults_of(error) if error else {},
    )


def _shown(refund: Refund) -> list[object]:
    return [refund.id, refund.status, refund.amount]
