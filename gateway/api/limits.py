"""How often one caller may ask: by API key, and by address for who shows none.

The counts live in the process: with n worker processes a caller gets up to n times the rate, and a restart forgives.
That is enough against a portal that runs wild and against guessing; a flood is for the load balancer to stop.
"""

import time
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from limits import RateLimitItem, RateLimitItemPerMinute, parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from gateway.api.problems import TooManyRequests

# A portal with the wrong key learns of it at the first refusal; who goes on is guessing.
REFUSALS = RateLimitItemPerMinute(30)
# A payer's browser comes back once; whoever reloads it must not make us ask the provider each time.
# Whoever mistypes the number of a slip does so a few times; who goes on is trying numbers.
GUESSES = RateLimitItemPerMinute(10)
NETWORK_BITS = 64  # an IPv6 household has as many addresses as it likes in one network of its own
QUESTIONS_PER_PAYMENT = RateLimitItemPerMinute(6)


@dataclass(frozen=True, slots=True)
class RateLimits:
    """`rate` is what each key, and each address without a key, may ask: "600/minute", or several joined by ";"."""

    rate: list[RateLimitItem]
    counter: SlidingWindowCounterRateLimiter

    @classmethod
    def of(cls, rate: str) -> "RateLimits":
        return cls(parse_many(rate), SlidingWindowCounterRateLimiter(MemoryStorage()))

    def count_key(self, key_id: str) -> None:
        """Raises TooManyRequests."""
        self._count("key", key_id, "This API key has asked too often.")

    def count_address(self, address: str) -> None:
        """Raises TooManyRequests."""
        self._count("address", _network(address), "Too many requests from this address.")

    def note_refusal(self, address: str) -> None:
        """Somebody there showed a key or a signature that is none."""
        self.counter.hit(REFUSALS, "refused", _network(address))

    def check_refusals(self, address: str) -> None:
        """Raises TooManyRequests if too much from there was refused lately."""
        who = ("refused", _network(address))
        if not self.counter.test(REFUSALS, *who):
            raise self._too_many(REFUSALS, who, "Too many refused keys from this address.")

    def note_guess(self, address: str) -> None:
        """Somebody there asked about a number under which nothing is due."""
        self.counter.hit(GUESSES, "guess", _network(address))

    def check_guesses(self, address: str) -> None:
        """Raises TooManyRequests if too many such numbers were tried from there lately."""
        who = ("guess", _network(address))
        if not self.counter.test(GUESSES, *who):
            raise self._too_many(GUESSES, who, "Too many numbers were tried from this address.")

    def may_ask_about(self, payment_id: str) -> bool:
        """Whether a provider may be asked about this payment once more."""
        return self.counter.hit(QUESTIONS_PER_PAYMENT, "payment", payment_id)

    def _count(self, kind: str, who: str, complaint: str) -> None:
        for limit in self.rate:
            if not self.counter.hit(limit, kind, who):
                raise self._too_many(limit, (kind, who), f"{complaint} Allowed are {limit}.")

    def _too_many(self, limit: RateLimitItem, who: tuple[str, str], detail: str) -> TooManyRequests:
        reset_at = self.counter.get_window_stats(limit, *who).reset_time
        return TooManyRequests(detail, max(1, int(reset_at - time.time()) + 1))


def _network(address: str) -> str:
    """The address, or of an IPv6 one its network, by which it is counted."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    return str(ip_network((parsed, NETWORK_BITS), strict=False)) if parsed.version == 6 else address
