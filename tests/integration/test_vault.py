"""Personal data: sealed when stored, read with a trace, gone when erased."""

import io
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import insert, select

from gateway.domain.errors import Invalid, NotFound
from gateway.services.erase_payer import erase_payer
from gateway.services.read_payer import PayerErased, read_payer, vault_reads
from gateway.services.rotate_vault_keys import rotate_vault_keys
from gateway.services.runtime import Caller, Runtime
from gateway.services.tokens import Tokens
from gateway.services.vault import MasterKeyMissing, SealBroken, Vault, provider_event_purpose, xaes_256_gcm
from gateway.store import statements
from gateway.store.database import Database, Transaction, new_id
from gateway.store.tables.access import payers
from gateway.store.tables.events import provider_events
from gateway.store.vault import payers_by_hash
from reconciliation.statements.kept import keep, pieces
from tests.integration.conftest import Clock

OLD, NEW, LOOKUP = b"o" * 32, b"n" * 32, b"l" * 32
LAN = {
    "name": "Nguyễn Thị Lan",
    "national_id": "079 185 012 345",
    "email": "Lan@Example.vn",
    "phone": "+84 912 345 678",
}


@pytest.fixture
def vault() -> Vault:
    return Vault({"2025": OLD}, LOOKUP)


def store(tx: Transaction, vault: Vault, agency: UUID, data: dict[str, str]) -> UUID:
    payer_id = new_id()
    sealed = vault.seal_payer(payer_id, data)
    row = {"master_key_id": sealed.master_key_id, "wrapped_key": sealed.wrapped_key, "sealed": sealed.sealed}
    tx.execute(insert(payers).values(id=payer_id, agency_id=agency, lookup_hashes=sealed.lookup_hashes, **row))
    return payer_id


def everything_stored(db: Database, payer_id: UUID) -> bytes:
    with db.read() as tx:
        payer = tx.one_or_none(select(payers).where(payers.c.id == payer_id))
    assert payer is not None
    return b"".join([payer.wrapped_key or b"", payer.sealed or b"", *payer.lookup_hashes])


@pytest.mark.parametrize(
    ("key", "associated", "ciphertext"),
    [
        (b"\1" * 32, b"", "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271"),
        (b"\3" * 32, b"c2sp.org/XAES-256-GCM", "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d"),
    ],
)
def test_the_cipher_agrees_with_the_vectors_of_its_definition(key: bytes, associated: bytes, ciphertext: str) -> None:
    nonce = b"ABCDEFGHIJKLMNOPQRSTUVWX"
    assert xaes_256_gcm(key, nonce).encrypt(nonce[12:], b"XAES-256-GCM", associated).hex() == ciphertext


def test_what_is_sealed_opens_again_and_is_nowhere_in_the_row(
    db: Database, vault: Vault, agency: UUID, portal: Caller
) -> None:
    with db.transaction() as tx:
        payer_id = store(tx, vault, agency, LAN)
        assert read_payer(tx, vault, portal, payer_id, "a question by phone") == LAN
    assert b"Lan" not in everything_stored(db, payer_id)
    assert b"079" not in everything_stored(db, payer_id)


def test_the_same_data_is_never_sealed_to_the_same_bytes(vault: Vault) -> None:
    first, second = (vault.seal_payer(UUID(int=7), LAN) for _ in range(2))
    assert first.sealed != second.sealed
    assert first.wrapped_key != second.wrapped_key
    assert first.lookup_hashes == second.lookup_hashes


def test_one_payers_data_does_not_open_as_anothers(vault: Vault) -> None:
    sealed = vault.seal_payer(UUID(int=1), LAN)
    with pytest.raises(SealBroken):
        vault.open_payer(UUID(int=2), sealed.master_key_id, sealed.wrapped_key, sealed.sealed)


@pytest.mark.parametrize("at", [0, 23, 24, -1])
def test_an_altered_byte_is_noticed(vault: Vault, at: int) -> None:
    key_id, sealed = vault.seal_bytes("x", b"content")
    altered = bytearray(sealed)
    altered[at] ^= 1
    with pytest.raises(SealBroken):
        vault.open_bytes("x", key_id, bytes(altered))


@pytest.mark.parametrize("cut", [0, 5, 24, 30])
def test_a_cut_seal_is_noticed(vault: Vault, cut: int) -> None:
    key_id, sealed = vault.seal_bytes("x", b"content")
    with pytest.raises(SealBroken):
        vault.open_bytes("x", key_id, sealed[:cut])


def test_bytes_open_for_their_own_purpose_only(vault: Vault) -> None:
    key_id, sealed = vault.seal_bytes("provider_event:1", b"payload")
    assert vault.open_bytes("provider_event:1", key_id, sealed) == b"payload"
    with pytest.raises(SealBroken):
        vault.open_bytes("provider_event:2", key_id, sealed)


def test_a_missing_master_key_is_named(vault: Vault) -> None:
    key_id, sealed = vault.seal_bytes("x", b"content")
    with pytest.raises(MasterKeyMissing, match="'2025'"):
        Vault({"2026": NEW}, LOOKUP).open_bytes("x", key_id, sealed)


def test_nothing_personal_shows_in_a_representation_or_an_error(vault: Vault) -> None:
    sealed = vault.seal_payer(UUID(int=1), LAN)
    with pytest.raises(SealBroken) as broken:
        vault.open_payer(UUID(int=1), sealed.master_key_id, sealed.wrapped_key, sealed.sealed[:-1])
    shown = repr(sealed) + repr(broken.value) + repr(broken.value.__cause__) + repr(vault)
    assert "Lan" not in shown
    assert repr(sealed.sealed)[2:10] not in shown
    assert repr(OLD)[2:10] not in shown


@pytest.mark.parametrize(
    ("field", "one", "other"),
    [
        ("national_id", "079 185 012 345", "079185012345"),
        ("tax_code", "0100109106-001", "0100109106001"),
        ("email", " LAN@example.vn", "lan@example.vn"),
        ("phone", "+84 912-345-678", "0912345678"),
    ],
)
def test_two_ways_of_writing_a_value_are_found_alike(vault: Vault, field: str, one: str, other: str) -> None:
    assert vault.lookup_hash(field, one) == vault.lookup_hash(field, other)


def test_a_look_up_hash_depends_on_the_field_the_value_and_the_key(vault: Vault) -> None:
    hashes = {vault.lookup_hash(field, value) for field in ("national_id", "tax_code") for value in ("123", "124")}
    assert len(hashes | {Vault({"2025": OLD}, b"x" * 32).lookup_hash("tax_code", "123")}) == 5


def test_a_payer_is_found_by_any_identifying_field_within_the_agency(
    db: Database, vault: Vault, agency: UUID, other_agency: UUID
) -> None:
    with db.transaction() as tx:
        here, there = store(tx, vault, agency, LAN), store(tx, vault, other_agency, LAN)
        store(tx, vault, agency, {"name": "Trần Văn Minh", "phone": "0987 654 321"})
        phone = vault.lookup_hash("phone", "0912345678")
        assert payers_by_hash(tx, phone, agency) == [here]
        assert payers_by_hash(tx, phone, None) == [here, there]


def test_a_reading_is_logged_with_who_when_and_why(
    db: Database, vault: Vault, agency: UUID, portal: Caller, clock: Clock
) -> None:
    with db.transaction() as tx:
        payer_id = store(tx, vault, agency, LAN)
        read_payer(tx, vault, portal, payer_id, "refund by post")
    with db.transaction() as tx:
        reads = vault_reads(tx, portal, payer_id)
    assert reads == [{"actor": f"key:{portal.id}", "purpose": "refund by post", "at": clock.now}]


def test_nobody_reads_without_a_purpose(db: Database, vault: Vault, agency: UUID, portal: Caller) -> None:
    with db.transaction() as tx:
        payer_id = store(tx, vault, agency, LAN)
        with pytest.raises(Invalid):
            read_payer(tx, vault, portal, payer_id, "  ")


def test_another_agency_does_not_see_the_payer(
    db: Database, vault: Vault, other_agency: UUID, portal: Caller, everywhere: Caller
) -> None:
    with db.transaction() as tx:
        payer_id = store(tx, vault, other_agency, LAN)
        with pytest.raises(NotFound):
            read_payer(tx, vault, portal, payer_id, "curiosity")
        with pytest.raises(NotFound):
            erase_payer(tx, portal, payer_id)
        assert read_payer(tx, vault, everywhere, payer_id, "audit")["name"] == LAN["name"]


def test_an_erased_payer_is_gone_for_good(db: Database, vault: Vault, agency: UUID, portal: Caller) -> None:
    with db.transaction() as tx:
        payer_id = store(tx, vault, agency, LAN)
    with db.transaction() as tx:
        erase_payer(tx, portal, payer_id)
        erase_payer(tx, portal, payer_id)
    with db.transaction() as tx, pytest.raises(PayerErased):
        read_payer(tx, vault, portal, payer_id, "too late")
    assert everything_stored(db, payer_id) == b""


def test_rotation_leaves_nothing_under_the_old_key(db: Database, vault: Vault, agency: UUID, portal: Caller) -> None:
    event_id = new_id()
    key_id, payload = vault.seal_bytes(provider_event_purpose(event_id), b"payload")
    with db.transaction() as tx:
        payer_id = store(tx, vault, agency, LAN)
        erased = store(tx, vault, agency, LAN)
        erase_payer(tx, portal, erased)
        event = {"id": event_id, "provider": "sandbox", "event_id": "e", "event_type": "t", "received_at": tx.now}
        tx.execute(insert(provider_events).values(**event, master_key_id=key_id, sealed_payload=payload))
        file_id = a_statement_file(tx, vault)

    both = Vault({"2026": NEW, "2025": OLD}, LOOKUP)
    runtime = Runtime(db, {}, both, Tokens(b"t" * 32), "https://pay.example")
    assert rotate_vault_keys(runtime) == {
        "payers": 1,
        "provider_events": 1,
        "bank_credits": 0,
        "statement_chunks": 1,
        "webhook_endpoints": 0,
        "officer_authenticators": 0,
    }
    assert rotate_vault_keys(runtime) == {
        "payers": 0,
        "provider_events": 0,
        "bank_credits": 0,
        "statement_chunks": 0,
        "webhook_endpoints": 0,
        "officer_authenticators": 0,
    }

    only_new = Vault({"2026": NEW}, LOOKUP)
    with db.transaction() as tx:
        assert read_payer(tx, only_new, portal, payer_id, "after the rotation") == LAN
        event_row = tx.one_or_none(select(provider_events))
        assert event_row is not None
        purpose = provider_event_purpose(event_id)
        assert only_new.open_bytes(purpose, event_row.master_key_id, event_row.sealed_payload) == b"payload"
    assert list(pieces(replace(runtime, vault=only_new), file_id)) == [b"a bank's statement"]


def a_statement_file(tx: Transaction, vault: Vault) -> UUID:
    """One that could not be read, and is kept sealed."""
    file_id, content = new_id(), b"a bank's statement"
    told = {"name": "", "format": "", "layout": "", "uploaded_by": "test", "size_bytes": len(content), "lines": 0}
    told |= {"status": "quarantined", "errors": [{"line": 1, "field": "", "reason": "unreadable"}]}
    statements.add_file(tx, {"id": file_id, "sha256": b"", **told})
    keep(tx, vault, file_id, io.BytesIO(content))
    return file_id


@pytest.mark.parametrize(
    ("keys", "lookup"), [({}, LOOKUP), ({"a": b"short"}, LOOKUP), ({"a": OLD}, b"short"), ({"a": OLD + b"x"}, LOOKUP)]
)
def test_a_vault_with_a_weak_key_is_refused(keys: dict[str, bytes], lookup: bytes) -> None:
    with pytest.raises(ValueError, match="vault"):
        Vault(keys, lookup)
