"""Passwords: which are good enough, and how they are kept.

The rules are those of NIST SP 800-63B-4, 3.1.1.2: length counts, composition does not; what many people choose, or what
the account itself gives away, is refused; a password may be pasted, and never expires by itself. Kept is Argon2id with
the parameters that OWASP's password storage cheat sheet names first (46 MiB, one pass).
"""

import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from gateway.domain.errors import Invalid
from gateway.services.surface import N_

LENGTH_MIN, LENGTH_MAX = 12, 256
DIFFERENT_MIN = 5  # characters; fewer are a pattern

# Common ones that are long enough to pass otherwise, without digits at their end and in small letters.
COMMON = frozenset({
    "1234567890", "0123456789", "123123123", "987654321", "qwertyuiop", "qwertyuiopasdfghjkl", "asdfghjkl",
    "qazwsxedc", "1qaz2wsx3edc", "1q2w3e4r5t", "1q2w3e4r5t6y", "password", "passwordpassword", "p@ssword",
    "p@ssw0rd", "passw0rd", "mypassword", "newpassword", "changeme", "changemeplease", "letmein", "letmeinplease",
    "welcome", "welcomewelcome", "administrator", "adminadmin", "adminadminadmin", "iloveyou", "iloveyouiloveyou",
    "correcthorsebatterystaple", "matkhau", "matkhaumatkhau", "khongcomatkhau", "emyeuanh", "anhyeuem",
    "toiyeuvietnam", "vietnamvodich", "hochiminh", "congphi", "congphicongphi", "quantri", "quantrivien", "xinchao",
    "xinchaovietnam", "abcdefghijkl",
})  # fmt: skip

_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1)
# What is compared when there is no such account, so that the answer takes as long.
_NOBODY = _hasher.hash("nobody has this password")


def check_password(password: str, email: str) -> None:
    """Raises Invalid, in words for who chooses it."""
    text = _normalised(password)
    fault = next((complaint for is_wrong, complaint in _faults(text.casefold(), email.casefold()) if is_wrong), None)
    if fault:
        raise Invalid("This password is not good enough.", fields={"password": fault})


def _faults(text: str, email: str) -> tuple[tuple[bool, str], ...]:
    name = email.partition("@")[0]
    core = text.rstrip("0123456789!.@#*")
    return (
        (
            len(text) < LENGTH_MIN,
            N_("Choose a longer password: at least 12 characters, such as a few words."),
        ),
        (len(text) > LENGTH_MAX, N_("Choose a shorter password: at most 256 characters.")),
        (
            email in text or (len(name) >= DIFFERENT_MIN and name in text),
            N_("Choose a password that does not hold your e-mail address."),
        ),
        (
            text in COMMON or core in COMMON or len(set(text)) < DIFFERENT_MIN,
            N_("Too many people use this password. Choose another, such as a few words that do not belong together."),
        ),
    )


def hashed(password: str) -> str:
    return _hasher.hash(_normalised(password))


def matches(password: str, password_hash: str | None) -> bool:
    """Whether it is the password of the hash; never if there is none, in the same time."""
    try:
        _hasher.verify(password_hash or _NOBODY, _normalised(password[: LENGTH_MAX + 1]))
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether it was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def _normalised(password: str) -> str:
    """The same password from every keyboard (NIST SP 800-63B-4, 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)
