"""Fixtures of the pages' tests: the whole application over a world that the tests of one module share."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask

from gateway.domain.invoice import Invoice
from gateway.store.embedded import DatabaseUrls
from tests.integration.pages.payer import Page
from tests.integration.web import app_of
from tests.integration.world import World, a_world


@pytest.fixture(scope="module")
def shared(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(module_database_urls, tmp_path_factory.mktemp("simulator")) as made:
        yield made


@pytest.fixture
def world(shared: World) -> World:
    """As the test before did not leave it: at the present time, in order, with every notification handed over."""
    shared.clock.ahead = timedelta()
    if shared.listening:
        shared.plug_in()
    shared.simulator.bank.board.clear()
    while any(not webhook["delivered"] for webhook in shared.simulator.bank.books.all("webhook")):
        time.sleep(0.02)
    shared.delivered = len(shared.inbox.requests)
    return shared


@pytest.fixture
def app(world: World) -> Flask:
    return app_of(world)


@pytest.fixture
def page_of(world: World, app: Flask) -> Callable[..., Page]:
    def page_of(*invoices: Invoice) -> Page:
        return Page(world, app.test_client(), world.checkout(*(invoices or [world.invoice()])))

    return page_of
