"""Seals: whatever is done to the sealed books behind the gateway's back is found, and named."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from uuid import UUID

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.engine import Engine

from gateway.domain.ledger import RECEIVABLE, fees
from gateway.domain.ledger import in_transit as via
from gateway.domain.seal import GENESIS, block, records_of
from gateway.services.runtime import Runtime
from gateway.services.seal_ledger import DayAlreadySealed, Seal, seal_ledger
from gateway.services.sealer import Sealer, is_signed
from gateway.services.snapshot_ledger import snapshot_ledger
from gateway.services.verify_ledger import Fault, Verification, verify_ledger
from gateway.store.database import Database
from gateway.store.embedded import DatabaseUrls
from tests.database import SessionDatabase
from tests.integration.bookkeeping import entry, scalar

SEALER = Sealer(b"s" * 32)
INTRUDER = Sealer(b"i" * 32)
FIRST, SECOND, THIRD = (date(2026, 3, 2) + timedelta(days=n) for n in range(3))


@pytest.fixture
def superuser(session_database: SessionDatabase, database_urls: DatabaseUrls) -> Iterator[Engine]:
    """Who can do anything, triggers and foreign keys notwithstanding."""
    engine = create_engine(session_database.superuser_url(str(make_url(database_urls.app_url).database)))
    yield engine
    engine.dispose()


def tamper(superuser: Engine, *statements: str) -> None:
    with superuser.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = 'replica'"))
        for statement in statements:
            assert connection.execute(text(statement)).rowcount != 0


def a_day(db: Database, agency: UUID, number: int, entries: int = 4) -> None:
    """Some entries with two transfers each, lines of the audit trail, and an id that was taken and given up."""
    for n in range(entries):
        name = f"{number}/{n}"
        with db.transaction() as tx:
            issued, paid = (RECEIVABLE, fees("1"), 100 + n), (via("sandbox"), RECEIVABLE, 50 + n)
            tx.post(entry(db, agency, issued, paid, key=name))
            tx.audit("key:1", "posted", "entry", name, after={"n": n})
            if n == 1:
                tx.flush()
                tx.connection.rollback()


def sealed(db: Database, day: date, sealer: Sealer = SEALER) -> Seal:
    seal = seal_ledger(db, sealer, day)
    assert seal is not None
    return seal


@pytest.fixture
def books(db: Database, agency: UUID) -> list[Seal]:
    """Three sealed days of three entries each, with the ids 1, 3 and 4; 5, 7 and 8; 9, 11 and 12."""
    seals = []
    for number, day in enumerate((FIRST, SECOND, THIRD)):
        a_day(db, agency, number)
        seals.append(sealed(db, day))
    return seals


def verified(db: Database) -> Verification:
    return verify_ledger(db, [SEALER.public_key])


def test_books_that_nobody_touched_are_whole(db: Database, books: list[Seal]) -> None:
    assert verified(db) == Verification(18, THIRD, books[-1].hash, None)
    assert [is_signed(seal.public_key, seal.hash, seal.signature) for seal in books] == [True] * 3
    assert len({seal.hash for seal in books}) == 3


def test_an_empty_ledger_is_whole(db: Database) -> None:
    assert verified(db) == Verification(0, None, None, None)
    seal = sealed(db, FIRST)
    assert verified(db) == Verification(0, FIRST, seal.hash, None)


SWAP_SIDES = "UPDATE ledger_transfers SET (debit_account_id, credit_account_id) = (credit_account_id, debit_account_id)"
INSERT_ENTRY = (
    "INSERT INTO ledger_entries (id, key, cause, agency_id, subject_id, occurred_at, business_date, content_hash)"
    " OVERRIDING SYSTEM VALUE SELECT {id}, 'forged', cause, agency_id, subject_id, occurred_at, business_date,"
    " content_hash FROM ledger_entries WHERE id = 7"
)
INSERT_TRANSFER = (
    "INSERT INTO ledger_transfers (entry_id, agency_id, currency, debit_account_id, credit_account_id, amount_minor,"
    " business_date, posted_at) SELECT {entry}, agency_id, currency, debit_account_id, credit_account_id, 1,"
    " business_date, posted_at FROM ledger_transfers WHERE entry_id = 7 LIMIT 1"
)
INSERT_AUDIT = (
    "INSERT INTO audit_log (id, at, actor, action, subject_type, subject_id) OVERRIDING SYSTEM VALUE"
    " SELECT 6, at, actor, action, subject_type, subject_id FROM audit_log WHERE id = 7"
)

TAMPERED: dict[str, tuple[list[str], str]] = {
    "an amount": (
        ["UPDATE ledger_transfers SET amount_minor = amount_minor + 1 WHERE entry_id = 7"],
        "entry 7 changed",
    ),
    "an amount moved between transfers": (
        ["UPDATE ledger_transfers SET amount_minor = 152 - amount_minor WHERE entry_id = 7"],
        "entry 7 changed",
    ),
    "the sides": ([SWAP_SIDES + " WHERE entry_id = 5"], "entry 5 changed"),
    "a transfer's currency": (["UPDATE ledger_transfers SET currency = 'USD' WHERE entry_id = 7"], "entry 7 changed"),
    "a transfer's day": (
        ["UPDATE ledger_transfers SET business_date = '2020-01-01' WHERE entry_id = 7"],
        "entry 7 changed",
    ),
    "what an entry is about": (
        ["UPDATE ledger_entries SET subject_id = gen_random_uuid() WHERE id = 7"],
        "entry 7 changed",
    ),
    "an entry's day": (["UPDATE ledger_entries SET business_date = '2020-01-01' WHERE id = 7"], "entry 7 changed"),
    "an entry's key": (["UPDATE ledger_entries SET key = 'other' WHERE id = 7"], "entry 7 changed"),
    "two entries": (["UPDATE ledger_entries SET cause = 'other' WHERE id IN (11, 7, 8)"], "entry 7 changed"),
    "an entry removed": (
        ["DELETE FROM ledger_transfers WHERE entry_id = 7", "DELETE FROM ledger_entries WHERE id = 7"],
        "entry 7 removed",
    ),
    "an entry removed, its transfers left": (["DELETE FROM ledger_entries WHERE id = 7"], "entry 7 removed"),
    "a day's last entry removed": (["DELETE FROM ledger_entries WHERE id = 8"], "entry 8 removed"),
    "a day's first entry removed": (["DELETE FROM ledger_entries WHERE id = 5"], "entry 5 removed"),
    "an entry given another id": (
        [
            "ALTER TABLE ledger_entries ALTER COLUMN id SET GENERATED BY DEFAULT",
            "UPDATE ledger_entries SET id = 6 WHERE id = 7",
            "UPDATE ledger_transfers SET entry_id = 6 WHERE entry_id = 7",
        ],
        "entry 6 inserted",
    ),
    "an entry inserted": ([INSERT_ENTRY.format(id=6)], "entry 6 inserted"),
    "a transfer removed": (
        ["DELETE FROM ledger_transfers WHERE id = (SELECT max(id) FROM ledger_transfers WHERE entry_id = 7)"],
        "entry 7 changed",
    ),
    "a transfer inserted": ([INSERT_TRANSFER.format(entry=7)], "entry 7 changed"),
    "who did it": (["UPDATE audit_log SET actor = 'somebody else' WHERE id = 7"], "audit 7 changed"),
    "what it was after": (["""UPDATE audit_log SET after = '{"n": 9}' WHERE id = 7"""], "audit 7 changed"),
    "a line of the audit trail removed": (["DELETE FROM audit_log WHERE id = 7"], "audit 7 removed"),
    "a line of the audit trail inserted": ([INSERT_AUDIT], "audit 6 inserted"),
    "a seal's hash": (["UPDATE ledger_seals SET hash = sha256('') WHERE sealed_on = '2026-03-03'"], "seal changed"),
    "a seal's signature": (
        ["UPDATE ledger_seals SET signature = sha256('') || sha256('') WHERE sealed_on = '2026-03-03'"],
        "seal changed",
    ),
    "a seal's reach": (
        ["UPDATE ledger_seals SET upto_entry_id = upto_entry_id + 1 WHERE sealed_on = '2026-03-03'"],
        "seal changed",
    ),
    "the blocks": (
        ["UPDATE ledger_seal_blocks SET digests = substr(digests, 1, 40) WHERE record = 'entry' AND upto_id = 8"],
        "seal changed",
    ),
    "the blocks removed": (["DELETE FROM ledger_seal_blocks WHERE record = 'audit' AND upto_id = 8"], "seal changed"),
}


def told(fault: Fault | None) -> str:
    if fault is None:
        return "nothing"
    return " ".join(str(part) for part in (fault.record, fault.id, fault.what) if part is not None)


@pytest.mark.parametrize("what", TAMPERED)
def test_whatever_was_altered_is_named_with_its_day(
    db: Database, superuser: Engine, books: list[Seal], what: str
) -> None:
    statements, expected = TAMPERED[what]
    tamper(superuser, *statements)
    found = verified(db)
    assert told(found.fault) == expected
    assert found.fault is not None
    assert found.fault.day == SECOND
    assert (found.last_day, found.last_hash) == (FIRST, books[0].hash)


def test_an_entry_below_the_first_is_found(db: Database, superuser: Engine, books: list[Seal]) -> None:
    tamper(superuser, INSERT_ENTRY.format(id=-5))
    assert str(verified(db).fault) == "2026-03-02: entry -5 was inserted"


def test_an_account_renamed_shows_in_its_first_entry(db: Database, superuser: Engine, books: list[Seal]) -> None:
    tamper(superuser, "UPDATE ledger_accounts SET code = 'fees:2' WHERE code = 'fees:1'")
    assert str(verified(db).fault) == "2026-03-02: entry 1 was changed"


def test_a_seal_removed_breaks_the_chain(db: Database, superuser: Engine, books: list[Seal]) -> None:
    tamper(superuser, "DELETE FROM ledger_seals WHERE sealed_on = '2026-03-03'")
    assert str(verified(db).fault) == "2026-03-04: seal was changed"


def test_the_newest_seals_removed_show_in_the_last_day(db: Database, superuser: Engine, books: list[Seal]) -> None:
    """Nothing in the database can tell; the hash that was noted elsewhere does."""
    tamper(superuser, "DELETE FROM ledger_seals WHERE sealed_on = '2026-03-04'")
    found = verified(db)
    assert (found.fault, found.last_day) == (None, SECOND)
    assert found.last_hash != books[-1].hash


def test_books_sealed_anew_with_another_key_are_not_believed(
    db: Database, superuser: Engine, books: list[Seal]
) -> None:
    tamper(
        superuser,
        "UPDATE ledger_transfers SET amount_minor = 1 WHERE entry_id = 7",
        "DELETE FROM ledger_seals",
        "DELETE FROM ledger_seal_blocks",
    )
    sealed(db, FIRST, INTRUDER)
    assert str(verified(db).fault) == "2026-03-02: seal was changed"
    assert verify_ledger(db, [INTRUDER.public_key]).fault is None


def test_after_a_change_of_the_key_both_are_trusted(db: Database, agency: UUID, books: list[Seal]) -> None:
    a_day(db, agency, 4)
    sealed(db, THIRD + timedelta(days=1), INTRUDER)
    assert verify_ledger(db, [SEALER.public_key, INTRUDER.public_key]).fault is None


def test_a_transfer_of_no_entry_is_found(db: Database, superuser: Engine, books: list[Seal]) -> None:
    tamper(superuser, INSERT_TRANSFER.format(entry=10**9))
    newest = scalar(db, "SELECT max(id) FROM ledger_transfers")
    assert told(verified(db).fault) == f"transfer {newest} inserted"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_totals SET debit_minor = debit_minor + 1 WHERE debit_minor > 0",
        "DELETE FROM ledger_totals",
        "INSERT INTO ledger_totals SELECT snapshot_id, account_id, '2020-01-01', 5, 0 FROM ledger_totals LIMIT 1",
        "UPDATE ledger_flows SET amount_minor = amount_minor + 1",
        "DELETE FROM ledger_flows",
        "UPDATE ledger_flows SET business_date = '2020-01-01'",
        "UPDATE ledger_snapshots SET upto_transfer_id = upto_transfer_id - 1",
    ],
)
def test_a_sum_that_does_not_follow_from_the_transfers_is_found(
    db: Database, superuser: Engine, runtime: Runtime, books: list[Seal], statement: str
) -> None:
    snapshot_ledger(runtime)
    assert verified(db).fault is None
    tamper(superuser, statement)
    assert told(verified(db).fault) == "total 1 changed"


def test_what_came_after_the_last_seal_is_sealed_with_the_next(
    db: Database, superuser: Engine, agency: UUID, books: list[Seal]
) -> None:
    a_day(db, agency, 4)
    tamper(superuser, "UPDATE ledger_entries SET cause = 'other' WHERE id > 12")
    assert verified(db).fault is None
    sealed(db, THIRD + timedelta(days=1))
    tamper(superuser, "UPDATE ledger_entries SET cause = 'test' WHERE id > 12")
    assert str(verified(db).fault) == "2026-03-05: entry 13 was changed"


def test_a_day_is_sealed_once_and_never_before_a_later_one(db: Database, agency: UUID, books: list[Seal]) -> None:
    a_day(db, agency, 4)
    assert sealed(db, THIRD) == books[-1]
    with pytest.raises(DayAlreadySealed):
        seal_ledger(db, SEALER, SECOND)
    assert verified(db).fault is None


def test_a_seal_waits_for_a_writer_that_has_a_lower_id(db: Database, agency: UUID, books: list[Seal]) -> None:
    day = THIRD + timedelta(days=1)
    with db.transaction() as slow:
        slow.audit("key:1", "took", "its", "time")
        slow.flush()
        a_day(db, agency, 4)
        assert seal_ledger(db, SEALER, day, patience=timedelta(milliseconds=100)) is None
    sealed(db, day)
    found = verified(db)
    assert (found.fault, found.last_day, found.records) == (None, day, 18 + 7)


def test_many_blocks_are_one_seal(
    db: Database, superuser: Engine, agency: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.services.seal_ledger.IDS_A_BLOCK", 3)
    a_day(db, agency, 1, entries=12)
    sealed(db, FIRST)
    assert scalar(db, "SELECT count(*) FROM ledger_seal_blocks") == 8
    assert verified(db).records == 22
    tamper(superuser, "UPDATE audit_log SET action = 'x' WHERE id IN (8, 10)")
    assert str(verified(db).fault) == "2026-03-02: audit 8 was changed"


def test_seals_made_while_others_post_hold_every_entry(db: Database, agency: UUID) -> None:
    def work(poster: int) -> None:
        chance = random.Random(poster)
        for n in range(20):
            with db.transaction() as tx:
                tx.post(entry(db, agency, (RECEIVABLE, fees("1"), 1 + n), key=f"{poster}/{n}"))
                tx.audit("key:1", "posted", "entry", f"{poster}/{n}")
                tx.flush()
                tx.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": chance.random() / 50})

    day = FIRST
    with ThreadPoolExecutor(4) as pool:
        posting = [pool.submit(work, n) for n in range(4)]
        while not all(each.done() for each in posting):
            sealed(db, day)
            day += timedelta(days=1)
        for each in posting:
            each.result()
    sealed(db, day)
    found = verified(db)
    assert (found.fault, found.records) == (None, 160)
    assert day > FIRST


def test_two_at_once_make_one_seal(db: Database, agency: UUID) -> None:
    a_day(db, agency, 1)
    with ThreadPoolExecutor(4) as pool:
        made = {seal for seal in pool.map(lambda _: seal_ledger(db, SEALER, FIRST), range(4)) if seal}
    assert len(made) == 1
    assert verified(db).fault is None


def test_the_chain_begins_with_zeros_and_a_block_tells_its_records() -> None:
    assert bytes(32) == GENESIS
    records = [(-5, b"a" * 32), (1, b"b" * 32), (2**40, b"c" * 32)]
    assert list(records_of(block(records))) == records


@pytest.mark.parametrize("seed", [b"", b"s" * 31, b"s" * 33])
def test_a_seed_of_another_length_is_refused(seed: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Sealer(seed)


def test_the_signature_is_ed25519_over_the_hash_in_its_context() -> None:
    signature = SEALER.sign(b"h" * 32)
    assert is_signed(SEALER.public_key, b"h" * 32, signature)
    for public_key, hash, wrong in (
        (INTRUDER.public_key, b"h" * 32, signature),
        (SEALER.public_key, b"g" * 32, signature),
        (SEALER.public_key, b"h" * 32, signature[:-1]),
        (b"", b"h" * 32, signature),
    ):
        assert not is_signed(public_key, hash, wrong)
