"""What a database held before a migration is right after it."""

from alembic import command
from sqlalchemy import create_engine, text

from gateway.store.migrate import alembic_config
from tests.database import SessionDatabase

# What a payment needs to stand on, as the first schema had it.
BEFORE = """
INSERT INTO agencies (id, code, names, time_zone, currency, bank_account, receipt_series, providers)
VALUES ('00000000-0000-0000-0000-000000000001', 'a', '{}', 'Asia/Ho_Chi_Minh', 'VND', '1', 'A', '{}');
INSERT INTO checkout_sessions (id, agency_id, status, currency, amount_minor, return_url, locale, methods, created_by,
                               created_at, expires_at)
VALUES ('00000000-0000-0000-0000-000000000002', '00000000-0000-0000-0000-000000000001', 'open', 'VND', 5, '', 'vi',
        '{}', '00000000-0000-0000-0000-000000000003', now(), now());
INSERT INTO payments (id, session_id, agency_id, provider, status, amount_minor, currency, reference, via_page,
                      created_at, expires_at)
VALUES ('00000000-0000-0000-0000-000000000004', '00000000-0000-0000-0000-000000000002',
        '00000000-0000-0000-0000-000000000001', 'wallet', 'pending', 5, 'VND', 'RF', false, now(), now());
"""


def test_what_was_paid_before_is_where_its_provider_had_it(session_database: SessionDatabase) -> None:
    with session_database.empty() as name:
        engine = create_engine(session_database.superuser_url(name))
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0001")
            connection.exec_driver_sql(BEFORE)
            command.upgrade(alembic_config(connection), "head")
            assert connection.execute(text("SELECT lands_on FROM payments")).scalars().all() == ["in_transit:wallet"]
        engine.dispose()
