"""Brings a database to the newest schema, as its owner, and gives the application's role what it needs and no more."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Connection

MIGRATIONS = Path(__file__).parent / "migrations"


def alembic_config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def migrate(owner_url: str, app_role: str) -> None:
    """Run all migrations that are missing, in one transaction, as the role of `owner_url`.

    Two migrations at once wait for one another. `app_role` must exist; it is granted its rights anew each time.
    """
    engine = create_engine(owner_url)
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '10s'"))
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('migrate', 0))"))
        command.upgrade(alembic_config(connection), "head")
        _grant(connection, app_role)
        connection.execute(text("SELECT ensure_ledger_partitions(24)"))
    engine.dispose()


def _grant(connection: Connection, app_role: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote_identifier(app_role)
    statements = (MIGRATIONS / "sql" / "grants.sql").read_text().replace(":app_role", quoted)
    connection.exec_driver_sql(statements)
