"""How heavy each page is, and how soon a cheap phone on a slow network shows it.

    python -m benchmarks.pages

Chromium opens each page with nothing kept, as for who comes for the first time. What went over the wire is counted:
headers and all, without fonts, not compressed, as gunicorn sends it. On a processor slowed four times, behind a line of
400 kbit/s with 400 ms to the first byte, Chromium tells when it first painted something. The pages are those of payers
in several states, and of officers: every section of the console, and the heavier pages of fees and the counter.
"""

import argparse
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from rich.console import Console

from benchmarks.invoices import invoice
from benchmarks.lifecycle import wait_until_succeeded
from benchmarks.portal import Portal, Unexpected, submit_form
from benchmarks.report import Finding, Goal, show
from benchmarks.server import Server, durable_server
from benchmarks.stack import PROVIDER, Stack, run_stack
from gateway.domain.checkout import MAX_INVOICES
from gateway.domain.officer import Role
from gateway.local import HOST
from gateway.services.officer_sessions import begin_session
from gateway.store import officers
from gateway.store.database import Database, new_id

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
PHONE = ViewportSize(width=360, height=640)
PATIENCE_MS = 60_000
LOOK_AGAIN_MS = 20
HEAVIEST_KB = 60
SLOWER_TIMES = 4
LATENCY_MS = 400
BYTES_PER_SECOND = 400_000 / 8
COOKIE = "officer"  # without TLS; see gateway/console/gate.py

FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"

OF_OFFICERS = {
    "fees of a procedure": "/console/fees/vn-notarised-contract",
    "what a case costs": "/console/fees/vn-notarised-contract/try?tried=1&fact.value_minor=250000000",
    "a change of a fee": "/console/fees/vn-notarised-contract/notarised-contract/change",
    "an invoice to write up": "/console/counter/new?procedure=vn-certified-copy",
}
"""Pages that no section leads to at once; each needs nothing but the demo's catalogue."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A page that was opened once: what went over the wire, and when something was painted first."""

    transferred: int
    first_paint_ms: float


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the weight of the pages and when they show something.")
    parser.add_argument("--rounds", type=int, default=3)
    console = Console()
    with durable_server() as server, run_stack(server, whole=True) as stack:
        show(measure(server, stack, parser.parse_args().rounds, console), console)


def measure(server: Server, stack: Stack, rounds: int, console: Console, at_most: int | None = None) -> list[Finding]:
    """The pages of `stack`, which runs on `server`, or `at_most` so many of them. Where there is no Chromium nothing is
    measured, and that is said."""
    if CHROMIUM is None:
        console.print("pages: NO CHROMIUM, so nobody has weighed them (apt-get install chromium)")
        return []
    with sync_playwright() as playwright:
        token = _an_officer(server)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        pages = _pages_of_payers(stack) | _pages_of_officers(browser, stack, token)
        findings = []
        for title, path in islice(pages.items(), at_most):
            taken = [_open(browser, stack, path, token) for _ in range(rounds)]
            findings.append(_finding(title, taken))
            console.print(f"page {title}: {findings[-1].measured}")
        browser.close()
    return findings


def _an_officer(server: Server) -> str:
    """The session of one who may see everything."""
    db = Database(server.urls.app_url, lambda: datetime.now(UTC), pool_size=1)
    officer_id = new_id()
    officer = {"id": officer_id, "email": "lan@agency.example", "name": "Lan", "agency_id": None, "roles": sorted(Role)}
    with db.transaction() as tx:
        officers.add(tx, officer)
        token = begin_session(tx, officer_id)
    db.close()
    return token


def _pages_of_payers(stack: Stack) -> dict[str, str]:
    portal, own = Portal(stack.port, stack.portal_key), threading.local()
    ready, many, waiting, paid, cancelled = (_session(portal, count) for count in (1, MAX_INVOICES, 1, 1, 1))
    _begin(portal, waiting)
    payment = _begin(portal, paid)
    submit_form(own, payment["next_action"]["url"], {"outcome": "succeed"})
    wait_until_succeeded(portal, payment["id"])
    portal.post(f"/v1/checkout-sessions/{cancelled['id']}/cancel", {}, expected=200)
    return {
        "the front door": "/",
        "pay by number": "/pay",
        "to pay, one invoice": _path(ready),
        f"to pay, {MAX_INVOICES} invoices": _path(many),
        "waiting for the payer": _path(waiting),
        "paid": _path(paid),
        "cancelled": _path(cancelled),
        "the slip": f"{_path(ready)}/slip",
        f"the slips of {MAX_INVOICES} invoices": f"{_path(many)}/slip",
        "no such page": "/pay/x",
    }


def _pages_of_officers(browser: Browser, stack: Stack, token: str) -> dict[str, str]:
    with _tab(browser, stack, token) as tab:
        tab.goto(f"http://{HOST}:{stack.port}/console")
        links = tab.locator(".sections a").all()
        sections = {f"console: {link.inner_text()}": link.get_attribute("href") or "" for link in links}
    others = {f"console: {title}": path for title, path in OF_OFFICERS.items()}
    return sections | others


def _session(portal: Portal, count: int) -> Mapping[str, str]:
    made = [portal.post("/v1/invoices", invoice())["id"] for _ in range(count)]
    session: Mapping[str, str] = portal.post(
        "/v1/checkout-sessions", {"invoices": made, "return_url": "https://portal.example/back"}
    )
    return session


def _begin(portal: Portal, session: Mapping[str, str]) -> Mapping[str, Any]:
    payment: Mapping[str, Any] = portal.post(f"/v1/checkout-sessions/{session['id']}/payments", {"provider": PROVIDER})
    return payment


def _path(session: Mapping[str, str]) -> str:
    return "/pay/" + session["url"].rpartition("/")[2]


def _open(browser: Browser, stack: Stack, path: str, token: str) -> Opened:
    with _tab(browser, stack, token) as tab:
        wire = tab.context.new_cdp_session(tab)
        kinds: dict[str, str] = {}
        weights: dict[str, float] = {}
        wire.on("Network.responseReceived", lambda told: kinds.update({told["requestId"]: told["type"]}))
        wire.on("Network.loadingFinished", lambda told: weights.update({told["requestId"]: told["encodedDataLength"]}))
        wire.send("Network.enable")
        line = {"downloadThroughput": BYTES_PER_SECOND, "uploadThroughput": BYTES_PER_SECOND, "latency": LATENCY_MS}
        wire.send("Network.emulateNetworkConditions", {"offline": False, **line})
        wire.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER_TIMES})
        tab.goto(f"http://{HOST}:{stack.port}{path}", wait_until="load")
        if urlsplit(tab.url).path != path.partition("?")[0]:
            raise Unexpected(f"{path} leads to {tab.url}")
        painted = _first_paint(tab)
    transferred = sum(weight for request, weight in weights.items() if kinds.get(request) != "Font")
    return Opened(round(transferred), painted)


def _first_paint(tab: Page) -> float:
    """In milliseconds. Asked for again and again: a page's policy lets nobody put a waiting script into it."""
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while not (painted := float(tab.evaluate(FIRST_PAINT))):
        if time.monotonic() > deadline:
            raise Unexpected(f"{tab.url} painted nothing")
        tab.wait_for_timeout(LOOK_AGAIN_MS)
    return painted


@contextmanager
def _tab(browser: Browser, stack: Stack, token: str) -> Iterator[Page]:
    """A window of its own that keeps nothing of the others."""
    context = browser.new_context(viewport=PHONE)
    context.add_cookies([{"name": COOKIE, "value": token, "url": f"http://{HOST}:{stack.port}"}])
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


def _finding(title: str, taken: list[Opened]) -> Finding:
    weight_kb = median(one.transferred for one in taken) / 1000
    painted_s = median(one.first_paint_ms for one in taken) / 1000
    measured = f"{weight_kb:.1f} kB, first paint after {painted_s:.1f} s"
    return Finding(f"Page, {title}", measured, goal=Goal(weight_kb, HEAVIEST_KB, at_least=False))


if __name__ == "__main__":
    main()
