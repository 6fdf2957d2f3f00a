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


MATCHED_BEFORE = """
INSERT INTO reconciliation_runs (id, provider, business_date, status, rules_version, totals, requested_by, started_at)
VALUES ('00000000-0000-0000-0000-000000000001', 'wallet', '2026-03-02', 'balanced', '1', '{}', 'a', now());
INSERT INTO settlement_batches (id, provider, batch_id, business_date, sha256, lines)
VALUES ('00000000-0000-0000-0000-000000000002', 'wallet', 'a', '2026-03-02', '', 1);
INSERT INTO settlement_lines
       (batch, line, line_id, kind, currency, gross_minor, fee_minor, occurred_at, status, settled)
SELECT '00000000-0000-0000-0000-000000000002', line, '', 'payment', 'VND', 1, 0, now(), '', true
  FROM unnest(ARRAY[1, 2, 1025]) AS line;
INSERT INTO matches (batch, line, entry_id, run_id, rule)
SELECT batch, line, 5000 - line, '00000000-0000-0000-0000-000000000001', 'provider_reference' FROM settlement_lines;
"""


def test_what_was_matched_before_has_its_bits(session_database: SessionDatabase) -> None:
    with session_database.empty() as name:
        engine = create_engine(session_database.superuser_url(name))
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0004")
            connection.exec_driver_sql(MATCHED_BEFORE)
            command.upgrade(alembic_config(connection), "head")
            lines = "SELECT block, bit FROM matched_lines, generate_series(0, 1023) AS bit WHERE get_bit(bits, bit) = 1"
            assert connection.execute(text(f"{lines} ORDER BY 1, 2")).all() == [(0, 1), (0, 2), (1, 1)]
            assert connection.execute(text("SELECT sum(bit_count(bits)) FROM matched_entries")).scalar_one() == 3
            assert connection.execute(text("SELECT count(*) FROM matches")).scalar_one() == 3
        engine.dispose()


KEYS_BEFORE = """
INSERT INTO api_keys (id, key_hash, label, scopes)
SELECT ('00000000-0000-0000-0000-00000000000' || number)::uuid, number::text::bytea, 'office', '{finance}'
  FROM generate_series(1, 4) AS number;
INSERT INTO audit_log (at, actor, action, subject_type, subject_id, after)
SELECT now(), 'a', 'api_key_rotated', 'api_key', '00000000-0000-0000-0000-00000000000' || number,
       jsonb_build_object('successor', '00000000-0000-0000-0000-00000000000' || number + 1)
  FROM generate_series(1, 2) AS number;
"""


def test_keys_that_succeeded_each_other_before_are_one_principals(session_database: SessionDatabase) -> None:
    with session_database.empty() as name:
        engine = create_engine(session_database.superuser_url(name))
        with engine.begin() as connection:
            command.upgrade(alembic_config(connection), "0011")
            connection.exec_driver_sql(KEYS_BEFORE)
            command.upgrade(alembic_config(connection), "head")
            found = connection.execute(text("SELECT right(principal::text, 1) FROM api_keys ORDER BY id")).scalars()
            assert found.all() == ["1", "1", "1", "4"]
        engine.dispose()
