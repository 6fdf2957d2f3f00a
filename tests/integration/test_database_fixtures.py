"""What every other test stands on: a migrated database of its own, with the two roles, and no network."""

import socket
import urllib.request

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from gateway.store.embedded import DatabaseUrls
from gateway.store.tables import METADATA
from tests.conftest import NetworkRefused


def run(url: str, statement: str) -> list[object]:
    engine = create_engine(url)
    try:
        with engine.begin() as connection:
            result = connection.execute(text(statement))
            return list(result.scalars()) if result.returns_rows else []
    finally:
        engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_each_test_has_an_empty_database(database_urls: DatabaseUrls, turn: int) -> None:
    assert run(database_urls.owner_url, "SELECT count(*) FROM pg_tables WHERE tablename = 'left_by_a_test'") == [0]
    run(database_urls.owner_url, "CREATE TABLE left_by_a_test ()")


def test_the_database_is_migrated(database_urls: DatabaseUrls) -> None:
    assert run(database_urls.owner_url, "SELECT count(*) FROM alembic_version") == [1]


def test_the_migrations_make_the_tables_that_the_code_declares(database_urls: DatabaseUrls) -> None:
    engine = create_engine(database_urls.owner_url)
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(
                connection, opts={"compare_type": True, "compare_server_default": True, "include_name": _is_declared}
            )
            assert compare_metadata(context, METADATA) == []
    finally:
        engine.dispose()


def _is_declared(name: str | None, kind: str, parents: object) -> bool:
    """The job queue brings tables of its own, and a month's partition is of the table that it is a part of."""
    return kind != "table" or name in METADATA.tables


def test_the_application_role_owns_nothing_and_cannot_create(database_urls: DatabaseUrls) -> None:
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'congphi_app'::regrole"
    assert run(database_urls.app_url, owned) == [0]
    with pytest.raises(ProgrammingError, match="permission denied"):
        run(database_urls.app_url, "CREATE TABLE mine ()")


def test_another_machine_cannot_be_reached() -> None:
    with pytest.raises(NetworkRefused), socket.create_connection(("192.0.2.1", 80), timeout=1):
        pass
    with pytest.raises(NetworkRefused):
        urllib.request.urlopen("http://example.invalid/", timeout=1)
