"""How officers prove who they are, and what stops those who are not."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from gateway.store.tables.base import METADATA, instant, one_of

officer_passwords = Table(
    "officer_passwords",
    METADATA,
    Column("officer_id", Uuid, ForeignKey("officers.id"), primary_key=True),
    Column("hash", Text, nullable=False, comment="Argon2id, with its parameters"),
    instant("changed_at"),
)

officer_authenticators = Table(
    "officer_authenticators",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("officer_id", Uuid, ForeignKey("officers.id"), nullable=False),
    Column("master_key_id", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False, comment="the secret of the one-time codes"),
    instant("made_at"),
    instant("confirmed_at", nullable=True, comment="null until a first code proved it"),
    Column(
        "session",
        LargeBinary,
        unique=True,
        comment="hash of the token of the session that sets it up; null once it is proven",
    ),
    Column("last_step", BigInteger, nullable=False, server_default=text("0"), comment="no code up to it counts again"),
    Index("officer_authenticators_officer_id_idx", "officer_id"),
)

officer_recovery_codes = Table(
    "officer_recovery_codes",
    METADATA,
    Column("officer_id", Uuid, ForeignKey("officers.id"), primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
    instant("used_at", nullable=True),
)

officer_passkeys = Table(
    "officer_passkeys",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("officer_id", Uuid, ForeignKey("officers.id"), nullable=False),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False, comment="COSE"),
    Column("sign_count", BigInteger, nullable=False, comment="of the authenticator; 0 if it does not count"),
    Column("label", Text, nullable=False),
    instant("added_at"),
    instant("used_at", nullable=True),
    Index("officer_passkeys_officer_id_idx", "officer_id"),
)

officer_identities = Table(
    "officer_identities",
    METADATA,
    Column("issuer", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("officer_id", Uuid, ForeignKey("officers.id"), nullable=False),
    instant("linked_at"),
    Index("officer_identities_officer_id_idx", "officer_id"),
)

officer_invitations = Table(
    "officer_invitations",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256; the link holds the token"),
    Column("officer_id", Uuid, ForeignKey("officers.id"), nullable=False),
    instant("expires_at"),
    instant("used_at", nullable=True, comment="or replaced by a later one"),
    Index("officer_invitations_officer_id_idx", "officer_id"),
)

sign_in_ceremonies = Table(
    "sign_in_ceremonies",
    METADATA,
    Column("token_hash", LargeBinary, primary_key=True, comment="SHA-256; a cookie holds the token"),
    Column("kind", Text, primary_key=True),
    Column("content", JSONB, nullable=False, comment="challenges and nonces that count once"),
    instant("made_at"),
    one_of("kind", ("passkey", "openid")),
    Index("sign_in_ceremonies_made_at_idx", "made_at"),
)

sign_in_tries = Table(
    "sign_in_tries",
    METADATA,
    Column("kind", Text, primary_key=True),
    Column("who", LargeBinary, primary_key=True, comment="keyed hash of an e-mail address, an officer or an address"),
    Column("tries", Integer, nullable=False, comment="since the last that went well"),
    instant("last_at"),
    instant("blocked_until", nullable=True),
    one_of("kind", ("password", "code", "address")),
    Index("sign_in_tries_last_at_idx", "last_at"),
)
