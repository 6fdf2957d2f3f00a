"""Any provider can go down in the middle of a day: the others collect, and what it had begun is resolved by itself.

The whole stack of `gateway run`, driven over the public API as a portal would. Of each provider in turn nobody listens
for a while; nobody does anything about it.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway.demo_day.office import Document, Office, Refused
from providers.registry import SIMULATORS
from tests.e2e.stack import Stack, stack

AWAY_S = 4
RESOLVED_WITHIN_S = 120
PROCEDURES = {"paynow": "sg-passport", "sepa": "ee-id-card", "fik": "dk-passport", "epn": "kr-passport"}
PASSPORT = "vn-passport-new"  # is paid by all the others
STEADY = "sandbox"
"""Collects while another is away, and in its stead while it is away itself."""


@pytest.fixture(scope="module")
def local() -> Iterator[Stack]:
    with (
        TemporaryDirectory(prefix="congphi-", ignore_cleanup_errors=True) as folder,
        stack(Path(folder), GATEWAY_PROVIDERS="") as made,
    ):
        yield made


@pytest.fixture(scope="module")
def office(local: Stack) -> Office:
    demo = local.start()
    return Office(demo["url"], demo["keys"], demo["simulators"])


@pytest.mark.parametrize("name", sorted(SIMULATORS))
def test_one_that_goes_down_stops_nobody_else_and_leaves_nothing_behind(office: Office, name: str) -> None:
    other = STEADY if name != STEADY else "stripe"
    begun = started(office, name)
    office.control(name, "outage", {"seconds": AWAY_S})
    paid_meanwhile = started(office, other)
    paid(office, paid_meanwhile)
    eventually(office, paid_meanwhile)

    paid(office, begun)  # its payer waits until it answers again
    eventually(office, begun)
    after = started(office, name)
    paid(office, after)
    eventually(office, after)
    assert office.call("portal", "GET", f"/v1/payments/{begun['id']}")["credited_minor"] == 0


def started(office: Office, provider: str) -> Document:
    """Begun with `provider`, however often it takes until it is there."""
    invoice = {
        "procedure": PROCEDURES.get(provider, PASSPORT),
        "facts": {},
        "channel": "counter",
        "dossier": "OUTAGE-1",
        "payer": {"name": "Nguyễn Văn Mẫu"},
    }
    reference = office.call("portal", "POST", "/v1/invoices", invoice)["reference"]
    asked = {"invoices": [reference], "return_url": f"{office.url}/", "locale": "en"}
    session = office.call("portal", "POST", "/v1/checkout-sessions", asked)
    deadline = time.monotonic() + RESOLVED_WITHIN_S
    while True:
        try:
            path = f"/v1/checkout-sessions/{session['id']}/payments"
            return office.call("portal", "POST", path, {"provider": provider})
        except Refused as refused:
            if refused.code != "provider_unavailable" or time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def paid(office: Office, payment: Document) -> None:
    """The payer does it, and tries again while nobody answers."""
    office.play(payment["provider"], payment["next_action"], "succeed")


def eventually(office: Office, payment: Document) -> None:
    deadline = time.monotonic() + RESOLVED_WITHIN_S
    while (status := office.call("portal", "GET", f"/v1/payments/{payment['id']}")["status"]) != "succeeded":
        assert time.monotonic() < deadline, f"{payment['provider']}: {status}"
        time.sleep(0.2)
