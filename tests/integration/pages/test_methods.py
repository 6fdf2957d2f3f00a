"""The choice of methods, while some of them do not answer."""

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from sqlalchemy import text

from gateway.domain.circuit import FAILURES
from tests.faults.seams import traffic, with_two_methods
from tests.integration.pages.payer import Page
from tests.integration.web import app_of
from tests.integration.world import World


@pytest.fixture
def two(world: World) -> Iterator[World]:
    """The sandbox and, under the name of stripe, a second way that is as well as the first."""
    before = world.runtime
    yield with_two_methods(world)
    world.runtime = before
    with world.runtime.db.transaction() as tx:
        tx.execute(text("DELETE FROM provider_calls"))
        tx.execute(text("UPDATE provider_circuits SET opened_at = NULL, retry_at = NULL, trial_until = NULL"))


@pytest.fixture
def page(two: World) -> Page:
    return Page(two, app_of(two).test_client(), two.checkout(two.invoice()))


def opens(world: World, *providers: str) -> None:
    """Make these providers' circuits open."""
    for provider in providers:
        world.fault("create", "error_500_before", FAILURES)
        for _ in range(FAILURES):
            world.start(world.checkout(world.invoice()), provider)


def buttons(html: str) -> list[str]:
    return re.findall(r'<button class="method" name="provider" value="(\w+)"', html)


@pytest.mark.parametrize(
    ("language", "phrase"), [("en", "Temporarily not available."), ("vi", "Tạm thời không sử dụng được.")]
)
def test_a_method_that_does_not_answer_is_listed_and_cannot_be_chosen(page: Page, language: str, phrase: str) -> None:
    assert phrase not in page.text(language)
    assert buttons(page.html(language)) == ["sandbox", "stripe"]
    opens(page.world, "sandbox")
    html = page.html(language)
    assert buttons(html) == ["stripe"]
    (away,) = re.findall(r'<p class="method away">(.*?)</p>', html, re.DOTALL)
    assert phrase in away
    assert phrase in page.text(language)


def test_choosing_it_all_the_same_sends_nothing_and_leads_back_to_the_page(page: Page) -> None:
    opens(page.world, "sandbox")
    sent = len(traffic(page.world))
    assert page.choose().headers["Location"] == page.path
    assert len(traffic(page.world)) == sent
    assert page.attempts() == []
    assert "Choose how to pay" in page.text()
    assert page.choose("stripe").headers["Location"] == f"{page.path}/continue"


@pytest.mark.parametrize(
    ("language", "phrase"),
    [("en", "No way to pay answers just now. Nothing was paid."), ("vi", "Hiện chưa có cách thanh toán")],
)
def test_a_page_on_which_nothing_can_be_chosen_says_what_to_do(page: Page, language: str, phrase: str) -> None:
    assert phrase not in page.text(language)
    opens(page.world, "sandbox", "stripe")
    assert buttons(page.html(language)) == []
    assert phrase in page.text(language)


def test_a_payment_that_waits_can_be_finished_though_its_provider_does_not_answer_us(page: Page) -> None:
    payment = page.started()
    opens(page.world, "sandbox")
    assert payment.next_action is not None
    assert payment.next_action["url"] in page.html()


def test_no_method_costs_the_payer_more(page: Page, app: Flask) -> None:
    for language, phrase in (("en", "there is no extra charge"), ("vi", "không thu thêm phụ phí")):
        assert phrase in page.text(language)
    amounts = set(re.findall(r"₫[\d,]+", page.text("en")))
    assert amounts == {"₫200,000"}
