"""The tables that the migrations make are those that the code declares."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from gateway.store.embedded import DatabaseUrls
from gateway.store.tables import METADATA

# The queue declares its own, and months of transfers are made as time goes on.
OTHERS = ("procrastinate_", "ledger_transfers_", "alembic_version")


def ours(_: Any, name: str | None, kind: str, reflected: bool, __: Any) -> bool:
    return not (kind == "table" and reflected and (name or "").startswith(OTHERS))


def test_the_migrated_schema_is_the_declared_one(database_urls: DatabaseUrls) -> None:
    engine = create_engine(database_urls.owner_url)
    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, METADATA) == []
            missing = METADATA.tables["provider_circuits"].c.code
            connection.exec_driver_sql(f"ALTER TABLE provider_circuits DROP COLUMN {missing.name}")
            assert [difference[0] for difference in compare_metadata(context, METADATA)] == ["add_column"]
    finally:
        engine.dispose()
