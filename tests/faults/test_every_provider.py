"""Whatever breaks on the way to whichever provider: its payment or refund ends as the provider's books say, without any
person, and never as two.

Every adapter of the registry is driven by the core against its simulator. What a provider does not have (a request that
creates, refunds) is skipped by what it says of itself. And of all that was sent to it, nothing may name the payer.
"""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import unquote_plus

import httpx
import pytest

from gateway.domain.payment import OPEN, Payment, PaymentStatus
from gateway.domain.refund import AT_PROVIDER, Refund, RefundStatus
from gateway.ports.provider import Refunder
from gateway.services.ask_provider import check_payments
from gateway.services.refund_payment import approve_refund, request_refund, send_refunds
from providers.plain_text import plain
from providers.registry import ADAPTERS
from providers.simulation.books import Document
from tests.database import SessionDatabase
from tests.faults.books import contradictions
from tests.faults.seams import traffic
from tests.integration.world import PAYER, World, a_world
from tests.providers.suite.lost_answers import AFTER_ACCEPTING

LOOKS = [timedelta(minutes=minutes) for minutes in (2, 8, 25, 95, 200, 700, 1_400, 2_865, 2_885, 2_950)]
"""How far ahead the clock is when the sweeps run: two days, after which a query window has closed, and an hour more, in
which what is asked about for ever is looked at again and named."""

PROCEDURES = {"paynow": "sg-passport", "sepa": "ee-id-card", "fik": "dk-passport", "epn": "kr-passport"}
PASSPORT = "vn-passport-new"  # what is paid by all the others


@pytest.fixture(scope="module", params=sorted(ADAPTERS))
def shared(
    request: pytest.FixtureRequest, session_database: SessionDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp(request.param)
    with session_database.fresh() as urls, a_world(urls, folder, request.param) as made:
        yield made
        with made.runtime.db.read() as tx:
            assert contradictions(tx) == {}
        assert named_to(made) == []


@pytest.fixture
def world(shared: World) -> World:
    """One a provider for all tests: each looks only at what it made itself."""
    shared.clock.ahead = timedelta()
    shared.simulator.bank.board.clear()
    return shared


@pytest.mark.parametrize("fault", AFTER_ACCEPTING)
def test_a_payment_whose_creation_was_not_answered_is_found_and_charged_once(world: World, fault: str) -> None:
    payment = begun_with(world, fault)
    act(world, payment, "silent")
    assert swept(world, payment).status is PaymentStatus.SUCCEEDED
    assert len(held(world, payment)["transactions"]) == 1


@pytest.mark.parametrize("outcome", ["decline", "expire"])
def test_a_payment_whose_creation_was_not_answered_ends_as_its_payer_ends_it(world: World, outcome: str) -> None:
    payment = begun_with(world, "close_connection")
    expected = act(world, payment, outcome)
    assert swept(world, payment).status is expected
    assert held(world, payment)["transactions"] == []


def test_a_payment_that_never_reached_its_provider_is_over_or_named(world: World) -> None:
    payment = begun_with(world, "close_connection_before")
    end = swept(world, payment)
    assert world.simulator.bank.books.find("payment", payment_id=str(payment.id)) is None
    assert end.status is PaymentStatus.CANCELLED or is_named(world, payment)


@pytest.mark.parametrize("fault", ["timeout_after_accept", "garbled_answer", "close_connection_before"])
def test_a_payment_of_which_nobody_told_is_found_also_if_a_question_is_not_answered(world: World, fault: str) -> None:
    payment = begun(world)
    act(world, payment, "silent")
    world.fault("query", fault)
    assert swept(world, payment).status is PaymentStatus.SUCCEEDED


@pytest.mark.parametrize("fault", AFTER_ACCEPTING)
def test_a_refund_that_was_not_answered_is_found_and_paid_once(world: World, fault: str) -> None:
    payment = paid(world)
    world.fault("refund", fault)
    refund = refunded(world, payment)
    assert refund.status is RefundStatus.SUCCEEDED
    assert given_back(world, payment) == [half(payment)]


def test_a_refund_that_never_reached_its_provider_is_paid_once_or_named(world: World) -> None:
    payment = paid(world)
    world.fault("refund", "close_connection_before")
    refund = refunded(world, payment)
    if refund.status is RefundStatus.SUCCEEDED:
        assert given_back(world, payment) == [half(payment)]
    else:
        assert given_back(world, payment) == []
        assert refund.status is RefundStatus.FAILED or is_named(world, payment)


def begun(world: World) -> Payment:
    return world.start(world.checkout(world.invoice(PROCEDURES.get(world.provider, PASSPORT))))


def begun_with(world: World, fault: str) -> Payment:
    """A payment whose creation meets `fault`."""
    world.fault("create", fault)
    before = len(traffic(world))
    payment = begun(world)
    if len(traffic(world)) == before:
        pytest.skip(f"{world.provider} is sent nothing when a payment begins")
    assert payment.status is PaymentStatus.UNKNOWN
    return payment


def held(world: World, payment: Payment) -> Document:
    """The one payment that the provider has for ours."""
    (found,) = [p for p in world.simulator.bank.books.all("payment") if p["payment_id"] == str(payment.id)]
    return found


def act(world: World, payment: Payment, outcome: str) -> PaymentStatus:
    """The payer does something, and nobody tells us. Returns where that ends."""
    world.fault("webhook", "drop", times=10)
    if payment.next_action is not None and payment.next_action["type"] != "redirect":
        return transferred(world, payment, outcome)
    if payment.next_action is not None:  # some providers hear of a payment only when its payer comes
        httpx.get(payment.next_action["url"], timeout=10).raise_for_status()
    bank = world.simulator.bank
    bank.play(held(world, payment)["id"], outcome)
    return bank.outcomes[outcome].ends


def transferred(world: World, payment: Payment, outcome: str) -> PaymentStatus:
    """The payer does it in a bank's app, which has read the code or the slip."""
    asked = {"next_action": payment.next_action}
    app = httpx.post(f"{world.simulator.url}/_sim/pay-page", json=asked, timeout=10).raise_for_status().json()["url"]
    assert httpx.post(app, data={"outcome": outcome}, timeout=10).status_code == 303
    return world.simulator.bank.outcomes[outcome].ends


def swept(world: World, payment: Payment) -> Payment:
    """The payment once it has its end, or after two days."""
    for world.clock.ahead in LOOKS:
        check_payments(world.runtime)
        payment = world.payment(payment.id)
        if payment.status not in OPEN:
            break
    return payment


def paid(world: World) -> Payment:
    if not isinstance(world.runtime.provider(world.provider), Refunder):
        pytest.skip(f"{world.provider} cannot refund")
    payment = begun(world)
    act(world, payment, "silent")
    payment = swept(world, payment)
    assert payment.status is PaymentStatus.SUCCEEDED
    world.clock.ahead = timedelta()
    return payment


def refunded(world: World, payment: Payment) -> Refund:
    """A refund once it has its end, or after two days."""
    with world.runtime.db.transaction() as tx:
        refund = request_refund(
            tx, world.runtime, world.finance, payment.id, half(payment), "the application was refused"
        )
    with world.runtime.db.transaction() as tx:
        approve_refund(tx, world.approver, refund.id)
    send_refunds(world.runtime)
    for world.clock.ahead in LOOKS:
        refund = world.refund(refund.id)
        if refund.status not in AT_PROVIDER:
            break
        send_refunds(world.runtime)
    return world.refund(refund.id)


def given_back(world: World, payment: Payment) -> list[int]:
    refunds = world.simulator.bank.books.all("refund")
    return [r["amount_minor"] for r in refunds if r["transaction_id"] == payment.provider_transaction_id]


def half(payment: Payment) -> int:
    return payment.amount_minor // 2


def named_to(world: World) -> list[str]:
    """The requests that told the provider anything of the payer, in whatever letters; none, it is hoped."""
    own = {variant.casefold() for value in PAYER.values() for variant in (value, plain(value))}
    sent = [
        " ".join((r["method"], unquote_plus(r["url"]), str(r["headers"]), unquote_plus(r["body"])))
        for r in traffic(world)
    ]
    assert sent
    return [request for request in sent if any(value in request.casefold() for value in own)]


def is_named(world: World, payment: Payment) -> bool:
    return any(found.payment_id == payment.id and found.status == "open" for found in world.discrepancies())
