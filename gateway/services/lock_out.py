"""What slows down guessing: after a few tries that failed, each next one has to wait longer.

A try is counted before it is checked, so that many at once gain nothing. One that goes well wipes the count of its
account. From that of the address it only takes itself back, since an office of many may sit there, and so may who
guesses. Whether there is such an account makes no difference. At the longest wait fewer than a hundred tries fit into a
day (NIST SP 800-63B-4, 3.2.2).
"""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from ipaddress import ip_address, ip_network

from gateway.domain.errors import Forbidden
from gateway.services.runtime import Runtime
from gateway.store import sign_in_tries
from gateway.store.database import Transaction

PURPOSE = "sign-in try"
NETWORK_BITS = 64  # an IPv6 household has a network of its own


class TooManyTries(Forbidden):
    """Wait, then try again; `minutes` says how long at most."""

    code = "too_many_tries"

    def __init__(self, wait: timedelta) -> None:
        self.minutes = max(1, -(-wait // timedelta(minutes=1)))
        super().__init__(f"Too many tries. Wait {self.minutes} min, then try again.")


@dataclass(frozen=True, slots=True)
class Rule:
    """`free` tries come without a wait; then it is `first`, and doubles up to `longest`. `memory` after the last try
    all are forgotten."""

    free: int
    first: timedelta
    longest: timedelta
    memory: timedelta

    def wait_after(self, tries: int) -> timedelta:
        if tries < self.free:
            return timedelta()
        doubled = min(tries - self.free, 20)
        return min(self.first * (1 << doubled), self.longest)


_ACCOUNT = Rule(5, timedelta(seconds=30), timedelta(minutes=16), timedelta(days=1))
# Behind one address may sit a whole office.
_ADDRESS = Rule(50, timedelta(seconds=30), timedelta(minutes=16), timedelta(hours=1))
RULES = {"password": _ACCOUNT, "code": _ACCOUNT, "address": _ADDRESS}


def count_try(tx: Transaction, runtime: Runtime, kind: str, who: str) -> None:
    """`kind` is password (of an e-mail address), code (of an officer) or address. Raises TooManyTries."""
    hashed, rule = _who(runtime, kind, who), RULES[kind]
    until = sign_in_tries.blocked_until(tx, kind, hashed)
    if until is not None and until > tx.now:
        raise TooManyTries(until - tx.now)
    counted = sign_in_tries.count(tx, kind, hashed, tx.now - rule.memory)
    wait = rule.wait_after(counted.tries)
    if wait:
        sign_in_tries.block(tx, kind, hashed, tx.now + wait)


def forget_tries(tx: Transaction, runtime: Runtime, kind: str, who: str) -> None:
    sign_in_tries.forget(tx, kind, _who(runtime, kind, who))


def take_back_try(tx: Transaction, runtime: Runtime, kind: str, who: str) -> None:
    """It went well after all."""
    sign_in_tries.take_back(tx, kind, _who(runtime, kind, who))


def forget_old_tries(runtime: Runtime) -> int:
    """What no rule looks at any more goes. Returns how many accounts and addresses that were."""
    with runtime.db.transaction() as tx:
        return sign_in_tries.purge(tx, tx.now - max(rule.memory for rule in RULES.values()))


def _who(runtime: Runtime, kind: str, who: str) -> bytes:
    """E-mail addresses and addresses are people's data: the table holds what only a key of ours leads to."""
    text = network(who) if kind == "address" else who
    return sha256(runtime.tokens.sign(PURPOSE, f"{kind}\n{text}").encode()).digest()


def network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, NETWORK_BITS), strict=False)) if parsed.version == 6 else address
