"""Stripe's own SDK, made to speak through our transport and to fail in the port's words.

The SDK would send the platform, the user's environment and a telemetry id along, follow notices in answers, and log
bodies that hold what payers typed. Only the headers of ASKED go out, none of the answer's come back, and its logger
says nothing below a warning.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx
import stripe

from gateway.ports.provider import NotSent, OutcomeUnknown, ProviderError, RateLimited, Rejected
from providers.stripe import wire
from providers.transport import Transport

T = TypeVar("T")

stripe.enable_telemetry = False  # else the first request writes an id into the home directory and sends it
logging.getLogger("stripe").setLevel(logging.WARNING)

ASKED = frozenset({"authorization", "idempotency-key", "content-type", "stripe-version"})
NO_SUCH_THING = "resource_missing"

_MEANING: tuple[tuple[type[stripe.StripeError], type[ProviderError]], ...] = (
    # A wrong key, or one that may not do this: refused before it was looked at, so it can be sent again with another.
    (stripe.AuthenticationError, NotSent),
    (stripe.PermissionError, NotSent),
    (stripe.RateLimitError, RateLimited),
    (stripe.CardError, Rejected),
    (stripe.InvalidRequestError, Rejected),
)
"""What an error of the SDK means. One that is not here (a conflict, an unreadable answer) is OutcomeUnknown, and so is
IdempotencyError: the key was used for another request, so something of ours did happen."""


class Client:
    """The parts of Stripe's API that we use, each answer as plain data. Safe to share between threads."""

    def __init__(self, api_key: str, api_base: str | None, timeout: httpx.Timeout) -> None:
        self._transport = Transport(timeout)
        self._stripe = stripe.StripeClient(
            api_key,
            stripe_version=wire.API_VERSION,
            base_addresses={"api": api_base} if api_base else {},
            max_network_retries=0,  # the sweeps retry, with the same key, and write down that they do
            http_client=_HttpClient(self._transport),
        )

    @property
    def api(self) -> Any:
        """The SDK's services. Their parameters are typed dictionaries by the hundred; the simulator checks ours."""
        return self._stripe.v1

    def ask(self, call: Callable[[], Any]) -> dict[str, Any]:
        """The object that `call` gets. Raises what _MEANING says of a refusal, with Stripe's code."""
        answer: dict[str, Any] = _translated(lambda: call().to_dict())
        return answer

    def every(self, call: Callable[[], Any]) -> Iterator[dict[str, Any]]:
        """Every object of a list, over all its pages. Raises as `ask`."""
        items = _translated(lambda: call().auto_paging_iter())
        while (item := _translated(lambda: next(items, None))) is not None:
            yield _translated(item.to_dict)

    def close(self) -> None:
        self._transport.close()


class _HttpClient(stripe.HTTPClient):
    name = "httpx"

    def __init__(self, transport: Transport) -> None:
        super().__init__()
        self._transport = transport

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        asked = {name: value for name, value in (headers or {}).items() if name.lower() in ASKED}
        body = post_data.encode() if isinstance(post_data, str) else b""
        answer = self._transport.send(method.upper(), url, {**asked, "user-agent": "congphi"}, body)
        return answer.body.decode(errors="replace"), answer.status, {}

    def close(self) -> None:
        self._transport.close()


def _translated(call: Callable[[], T]) -> T:
    """Outside the handler, because an error of the SDK holds the body of the answer."""
    try:
        return call()
    except stripe.StripeError as error:
        meaning = next((means for kind, means in _MEANING if isinstance(error, kind)), OutcomeUnknown)
        code = error.code or type(error).__name__
        status = error.http_status
    except (AttributeError, KeyError, TypeError, ValueError):  # an answer in a shape that the SDK did not expect
        meaning, code, status = OutcomeUnknown, "unreadable", None
    raise meaning(f"Stripe answered HTTP {status}: {code}", code=code)
