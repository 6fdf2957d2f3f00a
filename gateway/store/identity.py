"""What officers prove who they are with: passwords, authenticators, recovery codes, invitations."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Row

from gateway.store.database import Transaction
from gateway.store.tables.identity import (
    officer_authenticators,
    officer_identities,
    officer_invitations,
    officer_passkeys,
    officer_passwords,
    officer_recovery_codes,
)


def set_password(tx: Transaction, officer_id: UUID, password_hash: str) -> None:
    changed = {"hash": password_hash, "changed_at": tx.now}
    statement = insert(officer_passwords).values(officer_id=officer_id, **changed)
    tx.execute(statement.on_conflict_do_update(index_elements=["officer_id"], set_=changed))


def rehash_password(tx: Transaction, officer_id: UUID, old_hash: str, new_hash: str) -> None:
    """The same password under newer parameters, unless it was changed meanwhile."""
    same = (officer_passwords.c.officer_id == officer_id, officer_passwords.c.hash == old_hash)
    tx.execute(update(officer_passwords).where(*same).values(hash=new_hash))


def password_of(tx: Transaction, officer_id: UUID) -> Row[Any] | None:
    return tx.one_or_none(select(officer_passwords).where(officer_passwords.c.officer_id == officer_id))


def add_authenticator(tx: Transaction, authenticator: dict[str, Any], stale_before: datetime) -> None:
    """One more that is not confirmed yet, unless the session has one; those of the officer that were made before
    `stale_before` and never were go."""
    table = officer_authenticators
    never = (table.c.officer_id == authenticator["officer_id"], table.c.confirmed_at.is_(None))
    tx.execute(delete(table).where(*never, table.c.made_at < stale_before))
    added = insert(table).values(made_at=tx.now, **authenticator)
    tx.execute(added.on_conflict_do_nothing(index_elements=["session"]))


def authenticator_of(tx: Transaction, officer_id: UUID) -> Row[Any] | None:
    """The one that counts."""
    table = officer_authenticators
    return tx.one_or_none(select(table).where(table.c.officer_id == officer_id, table.c.confirmed_at.is_not(None)))


def pending_authenticator(tx: Transaction, officer_id: UUID, session: bytes) -> Row[Any] | None:
    """The one that waits for its first code in this session."""
    table = officer_authenticators
    return tx.one_or_none(select(table).where(table.c.officer_id == officer_id, table.c.session == session))


def spend_step(tx: Transaction, authenticator_id: UUID, step: int) -> bool:
    """False if a code of this step, or of a later one, was used before."""
    table = officer_authenticators
    spent = update(table).where(table.c.id == authenticator_id, table.c.last_step < step).values(last_step=step)
    return tx.one_or_none(spent.returning(table.c.id)) is not None


def confirm_authenticator(tx: Transaction, authenticator_id: UUID, officer_id: UUID) -> None:
    """It takes the place of the officer's earlier one."""
    table = officer_authenticators
    tx.execute(delete(table).where(table.c.officer_id == officer_id, table.c.id != authenticator_id))
    tx.execute(update(table).where(table.c.id == authenticator_id).values(confirmed_at=tx.now, session=None))


def replace_recovery_codes(tx: Transaction, officer_id: UUID, hashes: list[bytes]) -> None:
    tx.execute(delete(officer_recovery_codes).where(officer_recovery_codes.c.officer_id == officer_id))
    tx.execute(insert(officer_recovery_codes), [{"officer_id": officer_id, "code_hash": one} for one in hashes])


def spend_recovery_code(tx: Transaction, officer_id: UUID, code_hash: bytes) -> bool:
    """False if there is no such code of the officer, or it was used."""
    table = officer_recovery_codes
    unused = (table.c.officer_id == officer_id, table.c.code_hash == code_hash, table.c.used_at.is_(None))
    spent = update(table).where(*unused).values(used_at=tx.now).returning(table.c.officer_id)
    return tx.one_or_none(spent) is not None


def recovery_codes_left(tx: Transaction, officer_id: UUID) -> int:
    table = officer_recovery_codes
    unused = (table.c.officer_id == officer_id, table.c.used_at.is_(None))
    return int(tx.execute(select(func.count()).select_from(table).where(*unused)).scalar_one())


def invite(tx: Transaction, token_hash: bytes, officer_id: UUID, expires_at: datetime) -> None:
    """An earlier invitation of the officer ends."""
    withdraw_invitations(tx, officer_id)
    invitation = {"token_hash": token_hash, "officer_id": officer_id, "expires_at": expires_at}
    tx.execute(insert(officer_invitations).values(**invitation))


def withdraw_invitations(tx: Transaction, officer_id: UUID) -> None:
    table = officer_invitations
    tx.execute(update(table).where(table.c.officer_id == officer_id, table.c.used_at.is_(None)).values(used_at=tx.now))


def invitation(tx: Transaction, token_hash: bytes, *, lock: bool = False) -> Row[Any] | None:
    """An invitation that can still be taken up."""
    table = officer_invitations
    lasting = (table.c.token_hash == token_hash, table.c.used_at.is_(None), table.c.expires_at > tx.now)
    found = select(table).where(*lasting)
    return tx.one_or_none(found.with_for_update() if lock else found)


def invited(tx: Transaction, officer_ids: list[UUID]) -> set[UUID]:
    """Those of the officers who have an invitation that can still be taken up."""
    table = officer_invitations
    lasting = (table.c.officer_id.in_(officer_ids), table.c.used_at.is_(None), table.c.expires_at > tx.now)
    return {row.officer_id for row in tx.all(select(table.c.officer_id).where(*lasting))}


def factors_of(tx: Transaction, officer_id: UUID) -> set[str]:
    """Which second factors the officer has: authenticator, passkey."""
    authenticator, passkeys = officer_authenticators, officer_passkeys
    found = set()
    if tx.all(
        select(authenticator.c.id).where(
            authenticator.c.officer_id == officer_id, authenticator.c.confirmed_at.is_not(None)
        )
    ):
        found.add("authenticator")
    if tx.all(select(passkeys.c.id).where(passkeys.c.officer_id == officer_id)):
        found.add("passkey")
    return found


def forget_proofs(tx: Transaction, officer_id: UUID) -> None:
    """The officer has nothing left to sign in with."""
    for table in (
        officer_passwords,
        officer_authenticators,
        officer_recovery_codes,
        officer_passkeys,
        officer_identities,
    ):
        tx.execute(delete(table).where(table.c.officer_id == officer_id))


def officer_of_identity(tx: Transaction, issuer: str, subject: str) -> UUID | None:
    table = officer_identities
    found = select(table.c.officer_id).where(table.c.issuer == issuer, table.c.subject == subject)
    return tx.execute(found).scalar_one_or_none()


def has_identity(tx: Transaction, officer_id: UUID, issuer: str) -> bool:
    table = officer_identities
    return bool(tx.all(select(table.c.subject).where(table.c.officer_id == officer_id, table.c.issuer == issuer)))


def link_identity(tx: Transaction, issuer: str, subject: str, officer_id: UUID) -> None:
    linked = {"issuer": issuer, "subject": subject, "officer_id": officer_id, "linked_at": tx.now}
    tx.execute(insert(officer_identities).values(**linked))
