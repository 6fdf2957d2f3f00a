"""Whole lives of a fee a second: quote, invoice, checkout, payment, the payer pays, the webhook is applied.

    python -m benchmarks.lifecycle

8 payers at once, each from the quote to the answer that the payment has succeeded: four POSTs of the portal, the
gateway's own call to the provider, the payer's form at the provider, the provider's signed webhook, and the portal's
GETs until it sees the outcome. Gunicorn, the worker and the sandbox's simulator run as `gateway run` runs them; the
simulator, which keeps books on disk too, and the clients take their share of the machine's cores.
"""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median

from rich.console import Console

from benchmarks.clients import Act, Load, drive
from benchmarks.invoices import CLIENTS, invoice
from benchmarks.portal import Portal, Unexpected, submit_form
from benchmarks.report import Finding, show
from benchmarks.server import durable_server
from benchmarks.stack import PROVIDER, Stack, run_stack

LOOK_AGAIN_S = 0.02
PAID_WITHIN_S = 60


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure whole lives of a fee over HTTP.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10, help="of a round")
    given = parser.parse_args()
    console = Console()
    with durable_server() as server, run_stack(server, whole=True) as stack:
        show(measure(stack, given.rounds, given.seconds, console), console)


def measure(stack: Stack, rounds: int, seconds: float, console: Console) -> list[Finding]:
    taken = []
    for number in range(1, rounds + 1):
        taken.append(drive(partial(living, stack), CLIENTS, seconds))
        console.print(f"lifecycle, round {number} of {rounds}: {taken[-1].rate:,.1f}/s")
    return _findings(taken)


@contextmanager
def living(stack: Stack) -> Iterator[Act]:
    portal, browser = Portal(stack.port, stack.portal_key), threading.local()
    yield lambda: live(portal, browser)


def live(portal: Portal, browser: threading.local) -> None:
    """One life, from the quote to the payment that has succeeded."""
    asked = invoice()
    portal.post("/v1/quotes", {name: asked[name] for name in ("procedure", "facts", "channel")}, expected=200)
    issued = portal.post("/v1/invoices", asked)
    session = portal.post(
        "/v1/checkout-sessions", {"invoices": [issued["id"]], "return_url": "https://portal.example/back"}
    )
    payment = portal.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": PROVIDER})
    submit_form(browser, payment["next_action"]["url"], {"outcome": "succeed"})
    wait_until_succeeded(portal, payment["id"])


def wait_until_succeeded(portal: Portal, payment_id: str) -> None:
    deadline = time.monotonic() + PAID_WITHIN_S
    while (status := portal.get(f"/v1/payments/{payment_id}")["status"]) != "succeeded":
        if status != "pending" or time.monotonic() > deadline:
            raise Unexpected(f"payment {payment_id} is {status}")
        time.sleep(LOOK_AGAIN_S)


def _findings(taken: list[Load]) -> list[Finding]:
    rate = median(load.rate for load in taken)
    p50, p95 = (median(load.percentile_ms(percent) for load in taken) for percent in (50, 95))
    return [
        Finding(f"Whole lifecycle, {CLIENTS} payers", f"{rate:,.1f} lives/s"),
        Finding(f"Whole lifecycle, {CLIENTS} payers: latency", f"p50 {p50:.0f} ms, p95 {p95:.0f} ms"),
    ]


if __name__ == "__main__":
    main()
