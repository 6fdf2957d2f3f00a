"""Which methods an agency offers, within which limits, and that all who ask are told the same."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update

from gateway.domain.agency import Agency, Limits
from gateway.domain.checkout import CheckoutSession, MethodNotOffered
from gateway.domain.invoice import Invoice
from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.services.check_methods import method_faults
from gateway.services.offer_methods import why_not
from gateway.services.open_checkout import CheckoutRequest, open_checkout
from gateway.services.show_checkout import show_checkout
from gateway.store import catalogue
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.catalogue import agencies
from tests.faults.seams import with_two_methods
from tests.integration.world import World, a_world

FEE = 200_000
AGENCY = "vn-mps"


@pytest.fixture
def world(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[World]:
    with a_world(database_urls, tmp_path) as made:
        yield with_two_methods(made)


def limit(world: World, provider: str, **limits: int) -> None:
    change(world, method_limits={provider: limits})


def change(world: World, **values: Any) -> None:
    with world.runtime.db.transaction() as tx:
        tx.execute(update(agencies).where(agencies.c.code == AGENCY).values(**values))


def agency_of(world: World, session: CheckoutSession) -> Agency:
    with world.runtime.db.read() as tx:
        return catalogue.agency(tx, session.agency_id)


def opened(world: World, invoice: Invoice, *methods: str) -> CheckoutSession:
    request = CheckoutRequest([invoice.reference], "https://portal.example/back", "vi", methods or None)
    with world.runtime.db.transaction() as tx:
        return open_checkout(tx, world.runtime, world.portal, request)


def shown(world: World, session: CheckoutSession) -> list[str]:
    return [method.name for method in show_checkout(world.runtime, session.id).methods]


@pytest.mark.parametrize(
    ("provider", "limits"), [("sandbox", {"maximum_minor": FEE - 1}), ("stripe", {"minimum_minor": FEE + 1})]
)
def test_an_amount_outside_the_agencys_limits_is_not_offered(
    world: World, provider: str, limits: dict[str, int]
) -> None:
    limit(world, provider, **limits)
    session = world.checkout(world.invoice())
    (other,) = {"sandbox", "stripe"} - {provider}
    assert list(session.methods) == shown(world, session) == [other]
    with pytest.raises(MethodNotOffered) as refused:
        opened(world, world.invoice(), provider)
    assert provider in refused.value.detail
    assert str(Money(next(iter(limits.values())), "VND")) in refused.value.detail
    assert refused.value.fields == {"methods": f"must be among {other}"}


def test_the_limits_themselves_are_inside(world: World) -> None:
    limit(world, "sandbox", minimum_minor=FEE, maximum_minor=FEE)
    assert shown(world, world.checkout(world.invoice())) == ["sandbox", "stripe"]


def test_the_narrower_of_two_limits_holds(world: World) -> None:
    agency = agency_of(world, world.checkout(world.invoice()))
    wide = replace(agency, method_limits={"sandbox": Limits(1, 10**15)})
    narrow = replace(agency, method_limits={"sandbox": Limits(5_000, 6_000)})
    refused = {
        minor: [why_not(world.runtime, which, "sandbox", Money(minor, "VND")) is not None for which in (wide, narrow)]
        for minor in (999, 1_000, 5_000, 6_000, 6_001, 10**12, 10**12 + 1)
    }
    assert refused == {
        999: [True, True],
        1_000: [False, True],
        5_000: [False, False],
        6_000: [False, False],
        6_001: [False, True],
        10**12: [False, True],
        10**12 + 1: [True, True],
    }


def test_a_limit_that_came_after_the_session_was_opened_holds_for_its_page_and_its_start(world: World) -> None:
    session = world.checkout(world.invoice())
    limit(world, "sandbox", maximum_minor=FEE - 1)
    assert shown(world, session) == ["stripe"]
    with pytest.raises(MethodNotOffered, match="sandbox takes 199999 VND or less, and this is 200000 VND"):
        world.start(session)
    assert world.count("payments") == 0
    assert world.start(session, "stripe").status is PaymentStatus.PENDING


def test_an_agency_without_a_method_says_so(world: World) -> None:
    change(world, providers=[])
    with pytest.raises(MethodNotOffered, match="vn-mps has no method enabled"):
        world.checkout(world.invoice())


def test_when_nothing_takes_the_amount_every_reason_is_told(world: World) -> None:
    change(world, method_limits={"sandbox": {"minimum_minor": FEE + 1}, "stripe": {"maximum_minor": 5}})
    with pytest.raises(MethodNotOffered) as refused:
        world.checkout(world.invoice())
    assert "sandbox takes 200001 VND or more" in refused.value.detail
    assert "stripe takes 5 VND or less" in refused.value.detail


def test_a_method_that_is_named_and_not_enabled_is_not_offered(world: World) -> None:
    change(world, providers=["sandbox", "barter"])
    assert shown(world, world.checkout(world.invoice())) == ["sandbox"]
    with pytest.raises(MethodNotOffered, match="barter is not enabled on this gateway"):
        opened(world, world.invoice(), "barter")


def test_the_amount_never_depends_on_the_method(world: World) -> None:
    invoice = world.invoice()
    session = world.checkout(invoice)
    paid = {provider: world.start(world.checkout(world.invoice()), provider) for provider in ("sandbox", "stripe")}
    assert {payment.amount_minor for payment in paid.values()} == {session.amount_minor} == {invoice.total_minor}
    first = world.start(session, "sandbox")
    second = world.start(session, "stripe")
    assert first.amount == second.amount == session.amount
    asked = [p["amount_minor"] for p in world.simulator.bank.books.all("payment")]
    assert set(asked) == {invoice.total_minor}


def test_two_methods_that_report_one_bank_account_are_named(world: World) -> None:
    for providers, lands_in_bank, named in (
        (["sandbox", "stripe"], ("sandbox", "stripe"), True),
        (["sandbox", "stripe"], ("sandbox",), False),
        (["sandbox"], ("sandbox", "stripe"), False),
    ):
        change(world, providers=providers)
        enabled: dict[str, Any] = dict(world.runtime.providers)
        for name in lands_in_bank:
            enabled[name] = SimpleNamespace(capabilities=replace(enabled[name].capabilities, lands_in_bank=True))
        with world.runtime.db.read() as tx:
            faults = method_faults(tx, enabled)
        assert any("vn-mps: sandbox, stripe all report its bank account in VND" in fault for fault in faults) is named


def test_the_command_line_knows_what_is_wrong_with_an_agencys_methods(world: World) -> None:
    def faults(**values: Any) -> list[str]:
        change(world, **{"providers": ["sandbox", "stripe"], "method_limits": {}} | values)
        with world.runtime.db.read() as tx:
            return method_faults(tx, world.runtime.providers)

    with world.runtime.db.transaction() as tx:
        tx.execute(update(agencies).values(providers=["sandbox"]))
    assert faults() == []
    (barter,) = faults(providers=["sandbox", "barter"])
    assert "vn-mps names barter, which is not enabled here" in barter
    assert any("vn-mps has no method left" in fault for fault in faults(providers=["barter"]))
    assert any("vn-mps has no method left" in fault for fault in faults(providers=[]))
    (limits,) = faults(method_limits={"sandbox": {"maximum_minor": 999}})
    assert "sandbox takes nothing: at least 1000 VND, at most 999 VND" in limits
    (stray,) = faults(method_limits={"barter": {"maximum_minor": 999}})
    assert "limits for barter, which it does not offer" in stray
