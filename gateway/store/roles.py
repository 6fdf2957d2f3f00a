"""The application's role on a server that somebody else runs, when only its owner's URL is known.

The role is named after the database, so that two gateways on one server do not change each other's password.
"""

from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy import NullPool, create_engine, make_url
from sqlalchemy.exc import DBAPIError

SERVER_VERSION_MIN = 150000  # PostgreSQL 15: from there on, PUBLIC may not create objects in the schema public
NAME_LENGTH_MAX = 63  # PostgreSQL cuts longer names


class UnusableServer(Exception):
    """The message says what is wrong with the server, or with the role that was given for it."""


def make_app_role(owner_url: str, password: str) -> str:
    """Make, or take again with this password, the role `<database>_app`; the SQLAlchemy URL by which it connects.

    The role of `owner_url` must be a superuser or have CREATEROLE. Raises UnusableServer.
    """
    url = make_url(owner_url).set(drivername="postgresql+psycopg")
    role = f"{(url.database or '')[: NAME_LENGTH_MAX - 4]}_app"
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as connection:
            driver_connection: psycopg.Connection[Any] | None = connection.connection.driver_connection
            if driver_connection:
                _check_version(driver_connection)
                _make_role(driver_connection, role, password)
    except (psycopg.Error, DBAPIError) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise UnusableServer(f"GATEWAY_DATABASE_URL: {str(reason).strip()}") from error
    return url.set(username=role, password=password).render_as_string(hide_password=False)


def _check_version(connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < SERVER_VERSION_MIN:
        version = connection.info.parameter_status("server_version")
        raise UnusableServer(f"GATEWAY_DATABASE_URL: PostgreSQL 15 or newer is needed, this server is {version}.")


def _make_role(connection: psycopg.Connection[Any], role: str, password: str) -> None:
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    statement = sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}" if exists else "CREATE ROLE {} LOGIN PASSWORD {}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))
    database = sql.Identifier(connection.info.dbname)
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, sql.Identifier(role)))
