"""API keys: who holds one may call, until it ends; a mistyped one never reaches the database."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event, select

from gateway.domain.errors import Conflict, Invalid, NotFound
from gateway.domain.refund import SamePerson, check_approver
from gateway.services.keys import ALPHABET, InvalidKey, KeyRing, Scope, new_plaintext
from gateway.services.runtime import Caller
from gateway.store.database import Database
from gateway.store.tables.access import api_keys, audit_log
from tests.integration.conftest import Clock

RING = KeyRing(b"p" * 32)


@pytest.fixture
def issued(db: Database, agency: UUID) -> tuple[UUID, str]:
    with db.transaction() as tx:
        return RING.issue(tx, "portal of the ministry", [Scope.PORTAL], agency)


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """What is sent to the database meanwhile."""
    sent: list[str] = []

    def note(_: Any, __: Any, statement: str, *___: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def last_used_at(db: Database) -> Any:
    with db.read() as tx:
        return tx.execute(select(api_keys.c.last_used_at)).scalar_one()


def test_an_issued_key_tells_who_calls(db: Database, agency: UUID, issued: tuple[UUID, str]) -> None:
    key_id, plaintext = issued
    caller = RING.authenticate(db, plaintext)
    assert caller == Caller(key_id, "portal of the ministry", frozenset({"portal"}), agency, principal=key_id)


def test_the_plaintext_is_stored_nowhere(db: Database, issued: tuple[UUID, str]) -> None:
    with db.read() as tx:
        stored = str(tx.all(select(api_keys))) + str(tx.all(select(audit_log)))
    assert issued[1][25:68] not in stored


def test_one_statement_suffices_and_notes_the_use_every_ten_minutes(
    db: Database, issued: tuple[UUID, str], clock: Clock
) -> None:
    first_use = clock.now
    for minutes, noted in ((0, 0), (5, 0), (4, 0), (2, 11)):
        clock.pass_by(timedelta(minutes=minutes))
        with statements(db) as sent:
            RING.authenticate(db, issued[1])
        assert len(sent) == 1
        assert last_used_at(db) == first_use + timedelta(minutes=noted)


def test_a_mistyped_key_is_refused_without_the_database(db: Database, issued: tuple[UUID, str]) -> None:
    key, chance = issued[1], random.Random(7)
    with statements(db) as sent:
        for at in range(len(key)):
            other = chance.choice([letter for letter in ALPHABET if letter != key[at]])
            for wrong in (key[:at] + other + key[at + 1 :], key[:at] + key[at + 1 :], key[:at] + key[at] + key[at:]):
                with pytest.raises(InvalidKey, match="mistyped"):
                    RING.authenticate(db, wrong)
            if key[at : at + 2] != key[at : at + 2][::-1]:
                with pytest.raises(InvalidKey, match="mistyped"):
                    RING.authenticate(db, key[:at] + key[at : at + 2][::-1] + key[at + 2 :])
    assert sent == []


@pytest.mark.parametrize("not_a_key", ["", "cp_", "cp_" + "0" * 71, "Bearer x", "cp_" + "é" * 71, "x" * 100_000, "\0"])
def test_what_is_no_key_is_refused_without_the_database(db: Database, not_a_key: str) -> None:
    with statements(db) as sent, pytest.raises(InvalidKey):
        RING.authenticate(db, not_a_key)
    assert sent == []


def test_a_well_formed_key_that_nobody_issued_is_refused(db: Database) -> None:
    with pytest.raises(InvalidKey, match="not known"):
        RING.authenticate(db, new_plaintext())


def test_with_another_pepper_no_key_is_known(db: Database, issued: tuple[UUID, str]) -> None:
    with pytest.raises(InvalidKey, match="not known"):
        KeyRing(b"q" * 32).authenticate(db, issued[1])


def test_a_key_ends_when_it_is_said_to(db: Database, clock: Clock) -> None:
    with db.transaction() as tx:
        _, plaintext = RING.issue(tx, "for a day", [Scope.FINANCE], None, clock.now + timedelta(days=1))
    clock.pass_by(timedelta(days=1) - timedelta(seconds=1))
    assert RING.authenticate(db, plaintext).agency_id is None
    clock.pass_by(timedelta(seconds=1))
    with pytest.raises(InvalidKey, match="expired"):
        RING.authenticate(db, plaintext)


def test_a_revoked_key_ends_at_once(db: Database, issued: tuple[UUID, str], everywhere: Caller) -> None:
    with db.transaction() as tx:
        RING.revoke(tx, everywhere, issued[0])
    with pytest.raises(InvalidKey, match="revoked"):
        RING.authenticate(db, issued[1])
    with db.transaction() as tx, pytest.raises(Conflict):
        RING.rotate(tx, everywhere, issued[0], timedelta(days=1))
    assert last_used_at(db) is None


def test_after_a_rotation_both_keys_work_until_the_overlap_ends(
    db: Database, issued: tuple[UUID, str], everywhere: Caller, clock: Clock
) -> None:
    with db.transaction() as tx:
        new_id, new = RING.rotate(tx, everywhere, issued[0], timedelta(days=7))
    old_caller, new_caller = RING.authenticate(db, issued[1]), RING.authenticate(db, new)
    assert (old_caller.scopes, old_caller.agency_id) == (new_caller.scopes, new_caller.agency_id)
    assert new_caller.id == new_id != old_caller.id
    assert new_caller.actor == old_caller.actor == f"key:{issued[0]}"
    clock.pass_by(timedelta(days=8))
    assert RING.authenticate(db, new) == new_caller
    with pytest.raises(InvalidKey, match="expired"):
        RING.authenticate(db, issued[1])


def test_a_key_and_its_successors_are_one_person_for_the_rule_of_two(
    db: Database, issued: tuple[UUID, str], everywhere: Caller
) -> None:
    with db.transaction() as tx:
        second, _ = RING.rotate(tx, everywhere, issued[0], timedelta(days=7))
        _, third = RING.rotate(tx, everywhere, second, timedelta(days=7))
        _, of_another = RING.issue(tx, "an office", [Scope.APPROVER], None)
    asked_by = RING.authenticate(db, issued[1]).actor
    with pytest.raises(SamePerson):
        check_approver(asked_by, RING.authenticate(db, third).actor)
    check_approver(asked_by, RING.authenticate(db, of_another).actor)


def test_an_agencys_caller_does_not_touch_the_keys_of_another(db: Database, other_agency: UUID, portal: Caller) -> None:
    with db.transaction() as tx:
        key_id, _ = RING.issue(tx, "theirs", [Scope.PORTAL], other_agency)
        with pytest.raises(NotFound):
            RING.revoke(tx, portal, key_id)


def test_a_given_key_issued_twice_is_one_key(db: Database) -> None:
    plaintext = new_plaintext()
    ids = set()
    for _ in range(2):
        with db.transaction() as tx:
            ids.add(RING.issue(tx, "demo", [Scope.ADMIN], None, plaintext=plaintext))
    assert ids == {(RING.authenticate(db, plaintext).id, plaintext)}
    with db.read() as tx:
        assert len(tx.all(select(audit_log).where(audit_log.c.action == "api_key_issued"))) == 1


@pytest.mark.parametrize("scopes", [[], ["root"], ["portal", "everything"]])
def test_a_scope_that_does_not_exist_is_refused(db: Database, scopes: list[str]) -> None:
    with db.transaction() as tx, pytest.raises(Invalid):
        RING.issue(tx, "x", scopes, None)


def test_a_given_key_that_is_none_is_refused(db: Database) -> None:
    with db.transaction() as tx, pytest.raises(Invalid):
        RING.issue(tx, "x", ["portal"], None, plaintext="cp_secret")
