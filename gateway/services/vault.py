"""The vault: personal data is only ever stored encrypted, and a payer's data can be forgotten for good.

Each payer has a random key of its own; the data is sealed with it, and the key itself is sealed ("wrapped") with a
master key that the database never sees. Destroying the wrapped key erases the payer wherever a copy of the sealed data
may lie.
Sealing binds the payer's id, so that one payer's data cannot be passed off as another's.

The cipher is XAES-256-GCM (c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived from the first half of a random
24-byte nonce. Plain AES-GCM with random 12-byte nonces must not seal more than 2^32 messages with one key, which a
country's payers and webhooks under one master key can reach; here the bound is out of reach.

An identifying field is found again by its keyed hash, without decrypting anything.

    VaultError
    ├── MasterKeyMissing    sealed with a master key that is not configured here
    └── SealBroken          not what was sealed: altered, swapped, or sealed with another key of the same name
"""

import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 24

# The fields by which a payer is looked up, and the rule that makes two ways of writing one value the same.
# Of a phone number the last nine digits: in them the forms with and without the country code agree.
NORMALISED: dict[str, Callable[[str], str]] = {
    "national_id": lambda value: re.sub(r"[\W_]", "", value).upper(),
    "tax_code": lambda value: re.sub(r"[\W_]", "", value).upper(),
    "email": lambda value: unicodedata.normalize("NFC", value.strip()).casefold(),
    "phone": lambda value: re.sub(r"\D", "", value)[-9:],
}


class VaultError(Exception):
    """The vault cannot give its content. The message holds nothing of that content."""


class MasterKeyMissing(VaultError):
    pass


class SealBroken(VaultError):
    pass


@dataclass(frozen=True, slots=True)
class SealedPayer:
    """What is stored of a payer: nothing in it can be read without the master key."""

    master_key_id: str
    wrapped_key: bytes = field(repr=False)
    sealed: bytes = field(repr=False)
    lookup_hashes: list[bytes] = field(repr=False)


def provider_event_purpose(event_id: UUID) -> str:
    """The purpose under which the payload of a provider's event is sealed: that row and no other."""
    return f"provider_event:{event_id}"


def bank_credit_purpose(credit_id: UUID) -> str:
    """The purpose under which the text of a bank credit is sealed."""
    return f"bank_credit:{credit_id}"


def statement_purpose(run_id: UUID) -> str:
    """The purpose under which a reconciliation run sets aside the credits of a statement."""
    return f"statement:{run_id}"


def statement_chunk_purpose(chunk_id: UUID) -> str:
    """The purpose under which a piece of a bank's statement is sealed."""
    return f"statement_chunk:{chunk_id}"


def endpoint_secret_purpose(endpoint_id: UUID) -> str:
    """The purpose under which the signing secrets of a portal's webhook endpoint are sealed."""
    return f"webhook_endpoint:{endpoint_id}"


def authenticator_purpose(authenticator_id: UUID) -> str:
    """The purpose under which the secret of an officer's one-time codes is sealed."""
    return f"officer_authenticator:{authenticator_id}"


class Vault:
    """`keys`: master keys of 32 bytes by their id; the first seals, all of them open. `lookup_key`: 32 bytes or more.

    Raises ValueError if a key is too short or there is none.
    """

    def __init__(self, keys: Mapping[str, bytes], lookup_key: bytes) -> None:
        if not keys:
            raise ValueError("The vault needs a master key.")
        short = [key_id for key_id, key in keys.items() if len(key) != KEY_BYTES]
        if short:
            raise ValueError(f"A master key of the vault has {KEY_BYTES} bytes. Not so: {', '.join(short)}.")
        if len(lookup_key) < KEY_BYTES:
            raise ValueError(f"The look-up key of the vault has at least {KEY_BYTES} bytes.")
        self._keys = dict(keys)
        self.current_key_id = next(iter(keys))
        self._lookup_key = lookup_key

    def seal_payer(self, payer_id: UUID, data: Mapping[str, str]) -> SealedPayer:
        key = secrets.token_bytes(KEY_BYTES)
        content = json.dumps(dict(data), ensure_ascii=False).encode()
        hashes = [self.lookup_hash(name, data[name]) for name in NORMALISED if data.get(name)]
        return SealedPayer(
            master_key_id=self.current_key_id,
            wrapped_key=_seal(self._keys[self.current_key_id], key, _payer_key(payer_id)),
            sealed=_seal(key, content, _payer(payer_id)),
            lookup_hashes=hashes,
        )

    def open_payer(self, payer_id: UUID, master_key_id: str, wrapped_key: bytes, sealed: bytes) -> dict[str, str]:
        """The payer's data as it was sealed. Raises MasterKeyMissing or SealBroken."""
        key = _open(self._master_key(master_key_id), wrapped_key, _payer_key(payer_id))
        data: dict[str, str] = json.loads(_open(key, sealed, _payer(payer_id)))
        return data

    def rewrap(self, payer_id: UUID, master_key_id: str, wrapped_key: bytes) -> tuple[str, bytes]:
        """The payer's key under the current master key; the sealed data stays as it is."""
        key = _open(self._master_key(master_key_id), wrapped_key, _payer_key(payer_id))
        return self.current_key_id, _seal(self._keys[self.current_key_id], key, _payer_key(payer_id))

    def seal_bytes(self, purpose: str, data: bytes) -> tuple[str, bytes]:
        """The id of the master key and the sealed `data`, which opens for the same `purpose` only."""
        return self.current_key_id, _seal(self._keys[self.current_key_id], data, f"bytes:{purpose}")

    def open_bytes(self, purpose: str, master_key_id: str, sealed: bytes) -> bytes:
        """Raises MasterKeyMissing or SealBroken."""
        return _open(self._master_key(master_key_id), sealed, f"bytes:{purpose}")

    def lookup_hash(self, name: str, value: str) -> bytes:
        """The keyed hash by which the payers whose field `name` is `value` are found."""
        return hmac.new(self._lookup_key, f"{name}\n{NORMALISED[name](value)}".encode(), sha256).digest()

    def _master_key(self, key_id: str) -> bytes:
        try:
            return self._keys[key_id]
        except KeyError:
            raise MasterKeyMissing(f"The vault's master key {key_id!r} is not configured here.") from None


def _payer_key(payer_id: UUID) -> str:
    return f"payer-key:{payer_id}"


def _payer(payer_id: UUID) -> str:
    return f"payer:{payer_id}"


def _seal(key: bytes, data: bytes, context: str) -> bytes:
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + xaes_256_gcm(key, nonce).encrypt(nonce[12:], data, context.encode())


def _open(key: bytes, sealed: bytes, context: str) -> bytes:
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return xaes_256_gcm(key, nonce).decrypt(nonce[12:], ciphertext, context.encode())
    except (InvalidTag, ValueError):
        raise SealBroken("Sealed data does not open: it was altered, or belongs elsewhere.") from None


def xaes_256_gcm(key: bytes, nonce: bytes) -> AESGCM:
    """The AES-256-GCM that XAES-256-GCM uses with nonce[12:]: its key is a CMAC of nonce[:12] in counter mode."""
    ecb = Cipher(algorithms.AES256(key), modes.ECB()).encryptor()  # noqa: S305 - single blocks, as the definition has it
    doubled = int.from_bytes(ecb.update(bytes(16))) << 1
    subkey = (doubled ^ 0x87 if doubled >> 128 else doubled) & (1 << 128) - 1
    blocks = (int.from_bytes(bytes([0, n, ord("X"), 0]) + nonce[:12]) for n in (1, 2))
    return AESGCM(b"".join(ecb.update((block ^ subkey).to_bytes(16)) for block in blocks))
