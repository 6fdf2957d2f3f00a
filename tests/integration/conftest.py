"""Fixtures of the tests that need the database: it, one agency, and who calls."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import insert

from gateway.services.runtime import Caller, Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import Vault
from gateway.store.database import Database, Transaction, new_id
from gateway.store.embedded import DatabaseUrls
from gateway.store.tables.catalogue import agencies
from tests.faults.books import contradictions
from tests.integration.api import Api, an_api
from tests.integration.night import Night, a_night
from tests.integration.village_bank import Village, a_village
from tests.integration.world import a_world


class Clock:
    """The time, as the test tells it."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def db(database_urls: DatabaseUrls, clock: Clock) -> Iterator[Database]:
    """The database as the application sees it."""
    database = Database(database_urls.app_url, clock, pool_size=16)
    yield database
    database.close()


def add_agency(tx: Transaction, code: str) -> UUID:
    agency_id = new_id()
    agency = {"id": agency_id, "code": code, "names": {"en": code}, "time_zone": "Asia/Ho_Chi_Minh", "currency": "VND"}
    account = {"country": "VN", "bank_account": agency_id.hex[-19:], "account_holder": "KBNN"}
    tx.execute(insert(agencies).values(**agency, **account, receipt_series="AA", providers=[]))
    return agency_id


@pytest.fixture
def night(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Night]:
    with a_night(database_urls, tmp_path) as made:
        yield made


@pytest.fixture
def agency(db: Database) -> UUID:
    with db.transaction() as tx:
        return add_agency(tx, "vn-moj")


@pytest.fixture
def other_agency(db: Database) -> UUID:
    with db.transaction() as tx:
        return add_agency(tx, "vn-mps")


@pytest.fixture
def portal(agency: UUID) -> Caller:
    """A caller that acts for `agency`."""
    return Caller(new_id(), "portal", frozenset({"portal"}), agency)


@pytest.fixture
def everywhere() -> Caller:
    """A caller that acts for every agency."""
    return Caller(new_id(), "admin", frozenset({"admin", "finance", "portal"}), None)


@pytest.fixture
def runtime(db: Database) -> Runtime:
    return Runtime(db, {}, Vault({"1": b"k" * 32}, b"l" * 32), Tokens(b"t" * 32), "https://pay.example")


@pytest.fixture
def village(database_urls: DatabaseUrls, tmp_path: Path) -> Iterator[Village]:
    """A world with a bank that payers transfer to. At the end the books agree."""
    with a_world(database_urls, tmp_path) as world:
        yield a_village(world)
        with world.runtime.db.read() as tx:
            assert contradictions(tx) == {}


@pytest.fixture(scope="module")
def api(module_database_urls: DatabaseUrls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API over a whole gateway, which the tests of one module share."""
    with an_api(module_database_urls, tmp_path_factory.mktemp("simulator")) as running:
        yield running


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still for the limits, so that no window ends while a test counts."""
    monkeypatch.setattr("limits.storage.memory.time.time", lambda: 1_000_000_030)
