"""What the database itself refuses, tried by direct SQL: to unbalance the ledger, to edit it, to get around its rules.

Nothing here may succeed, so one database serves all these tests.
"""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from gateway.domain.ledger import RECEIVABLE, fees
from gateway.services.runtime import Caller
from gateway.store.database import Database, new_id
from gateway.store.embedded import DatabaseUrls
from tests.integration.bookkeeping import balance, entry, post, scalar
from tests.integration.conftest import Clock, add_agency


@pytest.fixture(scope="module")
def db(module_database_urls: DatabaseUrls) -> Iterator[Database]:
    database = Database(module_database_urls.app_url, Clock())
    yield database
    database.close()


@pytest.fixture(scope="module")
def owner(module_database_urls: DatabaseUrls) -> Iterator[Engine]:
    engine = create_engine(module_database_urls.owner_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def books(db: Database) -> UUID:
    """An agency with some entries, beside another one."""
    with db.transaction() as tx:
        agency, other_agency = add_agency(tx, "vn-moj"), add_agency(tx, "vn-mps")
        tx.audit("somebody", "did", "something", agency)
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 100)))
    post(db, entry(db, agency, (RECEIVABLE, fees("1"), 7), currency="USD"))
    post(db, entry(db, other_agency, (RECEIVABLE, fees("1"), 1000)))
    return agency


# A transfer in an entry of its own; `entry` overrides the entry it belongs to.
INSERT_TRANSFER = text(
    """
    WITH entry AS (
        INSERT INTO ledger_entries (key, cause, agency_id, subject_id, occurred_at, business_date, content_hash)
        SELECT :key, 'direct', id, id, now(), DATE '2026-03-02', '' FROM agencies WHERE code = :entry_of RETURNING id
    )
    INSERT INTO ledger_transfers
           (entry_id, agency_id, currency, debit_account_id, credit_account_id, amount_minor, business_date)
    SELECT coalesce(:entry, entry.id), :agency, :currency, :debit, :credit, :amount, DATE '2026-03-02' FROM entry
    """
)
# Accounts by agency, currency and code.
HERE, THERE, IN_DOLLARS = ("vn-moj", "VND", "fees:1"), ("vn-mps", "VND", "fees:1"), ("vn-moj", "USD", "fees:1")
RECEIVABLE_HERE = ("vn-moj", "VND", RECEIVABLE)


def insert_transfer(db: Database, agency: UUID, **changed: Any) -> None:
    """Insert a right transfer but for what is `changed`; an account is named as above."""
    row: dict[str, Any] = {"entry": None, "entry_of": "vn-moj", "currency": "VND", "amount": 100}
    row |= {"debit": RECEIVABLE_HERE, "credit": HERE}
    row |= {"agency": agency, "key": str(new_id())} | changed
    find = text(
        "SELECT account.id FROM ledger_accounts AS account JOIN agencies ON agencies.id = agency_id"
        " WHERE agencies.code = :agency AND account.currency = :currency AND account.code = :code"
    )
    with db.transaction() as tx:
        for side in ("debit", "credit"):
            if row[side] is not None:
                named = dict(zip(("agency", "currency", "code"), row[side], strict=True))
                row[side] = tx.execute(find, named).scalar_one()
        tx.execute(INSERT_TRANSFER, row)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"amount": -100}, "ledger_transfers_amount_minor_check"),
        ({"amount": 0}, "ledger_transfers_amount_minor_check"),
        ({"amount": None}, "null value"),
        ({"amount": 2**63}, "out of range"),
        ({"credit": RECEIVABLE_HERE}, "ledger_transfers_two_accounts_check"),
        ({"credit": None}, "null value"),
        ({"debit": IN_DOLLARS}, "ledger_transfers_debit_account_fkey"),
        ({"credit": IN_DOLLARS}, "ledger_transfers_credit_account_fkey"),
        ({"debit": IN_DOLLARS, "credit": ("vn-moj", "USD", RECEIVABLE)}, "ledger_transfers_.*_account_fkey"),
        ({"debit": THERE}, "ledger_transfers_debit_account_fkey"),
        ({"credit": THERE}, "ledger_transfers_credit_account_fkey"),
        ({"entry": 1}, "ledger_transfers_entry_fkey"),
        ({"entry_of": "vn-mps"}, "ledger_transfers_entry_fkey"),
        ({"entry": 10**9}, "ledger_transfers_entry_fkey"),
    ],
)
def test_a_transfer_that_would_unbalance_or_belong_elsewhere_is_refused(
    db: Database, books: UUID, everywhere: Caller, changed: dict[str, Any], reason: str
) -> None:
    before = balance(db, everywhere)
    with pytest.raises(DBAPIError, match=reason):
        insert_transfer(db, books, **changed)
    assert balance(db, everywhere) == before
    insert_transfer(db, books)


LEDGER_TABLES = [
    "ledger_accounts",
    "ledger_entries",
    "ledger_transfers",
    "ledger_snapshots",
    "ledger_totals",
    "ledger_flows",
]
A_COLUMN = {
    "ledger_transfers": "amount_minor",
    "ledger_accounts": "code",
    "ledger_entries": "cause",
    "ledger_totals": "debit_minor",
    "ledger_flows": "amount_minor",
    "ledger_snapshots": "taken_at",
    "ledger_seals": "hash",
    "ledger_seal_blocks": "digests",
    "audit_log": "actor",
    "vault_reads": "actor",
}
SEALED_TABLES = ["ledger_seals", "ledger_seal_blocks", "audit_log", "vault_reads"]


def partition(db: Database) -> str:
    """This month's partition of the transfers."""
    return str(scalar(db, "SELECT min(tableoid::regclass::text) FROM ledger_transfers"))


def statements_that_change(table: str) -> list[str]:
    column = next((name for start, name in A_COLUMN.items() if table.startswith(start)), "id")
    return [
        f"UPDATE {table} SET {column} = {column}",  # noqa: S608 - names from this file
        f"DELETE FROM {table}",  # noqa: S608
        f"TRUNCATE {table} CASCADE",
    ]


@pytest.mark.parametrize("table", [*LEDGER_TABLES, *SEALED_TABLES, "partition"])
def test_the_application_may_neither_change_nor_remove_what_is_written(db: Database, books: UUID, table: str) -> None:
    name = partition(db) if table == "partition" else table
    for statement in statements_that_change(name):
        with pytest.raises(DBAPIError, match="permission denied"), db.transaction() as tx:
            tx.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("ALTER TABLE ledger_transfers DISABLE TRIGGER ALL", "must be owner"),
        ("ALTER TABLE {partition} DISABLE TRIGGER no_edit", "must be owner"),
        ("ALTER TABLE ledger_transfers DROP CONSTRAINT ledger_transfers_amount_minor_check", "must be owner"),
        ("DROP TABLE ledger_transfers CASCADE", "must be owner"),
        ("DROP TABLE {partition}", "must be owner"),
        ("DROP TRIGGER no_edit ON ledger_transfers", "must be owner"),
        (
            "CREATE TABLE extra PARTITION OF ledger_transfers FOR VALUES FROM ('2020-01-01') TO ('2020-02-01')",
            "must be owner|permission denied",
        ),
        ("ALTER TABLE ledger_transfers DETACH PARTITION {partition}", "must be owner"),
        (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
            "must be owner|permission denied",
        ),
        ("SET session_replication_role = 'replica'", "permission denied"),
        ("SELECT make_append_only('agencies')", "permission denied"),
        ("SELECT setval('ledger_transfers_id_seq', 1)", "permission denied"),
        ("INSERT INTO {partition} OVERRIDING SYSTEM VALUE SELECT * FROM ledger_transfers", "permission denied"),
        ("INSERT INTO ledger_entries (id, key) OVERRIDING SYSTEM VALUE VALUES (1, 'x')", "permission denied"),
        ("INSERT INTO ledger_transfers (id) OVERRIDING SYSTEM VALUE VALUES (1)", "permission denied"),
        ("INSERT INTO ledger_transfers (posted_at) VALUES (now() - interval '1 day')", "permission denied"),
        ("INSERT INTO audit_log (id, actor) OVERRIDING SYSTEM VALUE VALUES (1, 'x')", "permission denied"),
        ("MERGE INTO ledger_entries USING agencies ON true WHEN MATCHED THEN DELETE", "permission denied"),
    ],
)
def test_the_application_cannot_get_around_the_rules(db: Database, books: UUID, statement: str, reason: str) -> None:
    with pytest.raises(DBAPIError, match=reason), db.transaction() as tx:
        tx.execute(text(statement.format(partition=partition(db))))


@pytest.mark.parametrize("table", ["ledger_accounts", "ledger_entries", "ledger_transfers", "audit_log", "partition"])
def test_not_even_the_owner_edits_the_ledger(
    db: Database, owner: Engine, books: UUID, everywhere: Caller, table: str
) -> None:
    name = partition(db) if table == "partition" else table
    before = balance(db, everywhere)
    for statement in statements_that_change(name):
        with (
            pytest.raises(DBAPIError, match="is append-only"),
            owner.begin() as connection,
        ):
            connection.execute(text(statement))
    assert balance(db, everywhere) == before
