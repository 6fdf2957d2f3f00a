"""The signature under a seal of the ledger: Ed25519 (RFC 8032)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

SEED_BYTES = 32
# Signed with the hash, so that no signature made for something else with this key passes for a seal.
CONTEXT = b"congphi ledger seal\n"


class Sealer:
    """Signs with the key that grows from `seed`, 32 secret bytes. Raises ValueError for a seed of another length."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != SEED_BYTES:
            raise ValueError(f"The seed of the sealing key has {SEED_BYTES} bytes.")
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def sign(self, hash: bytes) -> bytes:
        return self._key.sign(CONTEXT + hash)


def is_signed(public_key: bytes, hash: bytes, signature: bytes) -> bool:
    """Whether `signature` was made over `hash` by the holder of the key."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, CONTEXT + hash)
    except (InvalidSignature, ValueError):
        return False
    return True
