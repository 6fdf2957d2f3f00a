"""What a provider test stands on: an adapter, its simulator over real HTTP, and a receiver for notifications."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import httpx

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    AckResult,
    BatchRef,
    Bill,
    BillLine,
    CreatePayment,
    Observation,
    Payee,
    PaymentObservation,
    PaymentOutcome,
    PaymentRef,
    RawRequest,
    Redirect,
    RefundCommand,
    Reply,
    SettlementLine,
    SettlementWindow,
    WebhookReceiver,
)
from gateway.store.database import new_id
from providers.registry import SIMULATORS, build
from providers.simulation.bank import Options
from providers.simulation.server import RunningSimulator

PATIENT = httpx.Timeout(10)
IMPATIENT = httpx.Timeout(connect=10, read=0.4, write=10, pool=10)
"""For the tests that wait for a time-out: the only answer they look for is the one that never comes."""

FEE = Money(150_000, "VND")
PAYEE = Payee("Bộ Tư pháp", "970436", "0011-0022")
FOLDER = "{folder}"


class Inbox:
    """Receives notifications as a gateway would, and answers what it is told to."""

    def __init__(self) -> None:
        self.requests: list[RawRequest] = []
        self.answers: list[Reply] = []
        """What to answer with next; `usual` once there are no more."""
        self.usual = Reply(200)
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self._take("POST")

            def do_GET(self) -> None:
                self._take("GET")

            def _take(self, method: str) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = inbox.answers.pop(0) if inbox.answers else inbox.usual
                inbox.requests.append(RawRequest(method, self.path.partition("?")[2], headers, body))
                self.send_response(reply.status)
                self.send_header("content-type", reply.content_type)
                self.send_header("content-length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            def log_message(self, format: str, *args: Any) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhook"

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def wait_for(self, count: int, seconds: int = 10) -> list[RawRequest]:
        """At least `count` notifications; fails if they do not come."""
        deadline = time.monotonic() + seconds
        while len(self.requests) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(self.requests)} notifications came, {count} were awaited")
            time.sleep(0.02)
        return list(self.requests)

    def stays_empty(self, milliseconds: int = 400) -> bool:
        time.sleep(milliseconds / 1_000)
        return not self.requests


@dataclass
class Rig:
    """One provider with its simulator. `adapter` is typed loosely: tests ask of it what its protocols promise.

    In `settings`, FOLDER stands for where the simulator leaves its settlement files.
    """

    name: str
    settings: Mapping[str, str]
    data_dir: Path
    base_url_setting: str
    inbox: Inbox
    simulator: RunningSimulator = field(init=False)
    adapter: Any = field(init=False)
    impatient: Any = field(init=False)
    browser: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        folder = str(self.data_dir / "settlements")
        self.settings = {name: value.replace(FOLDER, folder) for name, value in self.settings.items()}
        app = SIMULATORS[self.name](Options(self.data_dir, self.settings, self.inbox.url))
        self.simulator = RunningSimulator(app)
        self.browser = httpx.Client(timeout=PATIENT)
        self.adapter = self.adapter_for(self.simulator.url)
        if isinstance(self.adapter, WebhookReceiver):
            self.inbox.usual = self.adapter.ack(AckResult.APPLIED)
        self.impatient = self.adapter_for(self.simulator.url, IMPATIENT)

    def adapter_for(self, url: str, timeout: httpx.Timeout = PATIENT, **settings: str) -> Any:
        return build(self.name, {**self.settings, self.base_url_setting: url, **settings}, timeout)

    def close(self) -> None:
        self.adapter.close()
        self.impatient.close()
        self.browser.close()
        self.simulator.stop()

    def reset(self) -> None:
        """Between tests that share a simulator."""
        self.simulator.bank.board.clear()
        self.quiet()
        self.inbox.requests.clear()
        self.inbox.answers.clear()

    def quiet(self, seconds: int = 10) -> None:
        """Wait until no notification is on its way any more."""
        deadline = time.monotonic() + seconds
        while self.control("GET", "webhooks")["waiting"] and time.monotonic() < deadline:
            time.sleep(0.02)

    # The controls of the simulator.

    def control(self, method: str, path: str, **fields: Any) -> Any:
        answer = self.browser.request(method, f"{self.simulator.url}/_sim/{path}", json=fields or None)
        answer.raise_for_status()
        return answer.json()

    def fault(self, operation: str, fault: str, times: int = 1, seconds: int = 5) -> None:
        self.control("POST", "faults", operation=operation, fault=fault, times=times, seconds=seconds)

    def truth(self, payment_id: UUID) -> Mapping[str, Any]:
        """The one payment that the provider holds under our id; fails if it holds none or several."""
        found = [p for p in self.control("GET", "truth")["payments"] if p["payment_id"] == str(payment_id)]
        assert len(found) == 1, f"the provider holds {len(found)} payments for {payment_id}"
        return dict(found[0])

    def holds(self, payment_id: UUID) -> bool:
        return any(p["payment_id"] == str(payment_id) for p in self.control("GET", "truth")["payments"])

    def true_refunds(self, payment_id: UUID) -> list[Mapping[str, Any]]:
        return [r for r in self.control("GET", "truth")["refunds"] if r["payment_id"] == str(payment_id)]

    def traffic(self, since: int = 0) -> list[Mapping[str, Any]]:
        return list(self.control("GET", "traffic")["data"][since:])

    # What the gateway and the payer do.

    def command(self, amount: Money = FEE, **changed: Any) -> CreatePayment:
        now = datetime.now(UTC)
        values: dict[str, Any] = {
            "payment_id": new_id(),
            "reference": "RF18539007547034",
            "amount": amount,
            "title": "Fee RF18 5390 0754 7034",
            "locale": "vi",
            "idempotency_key": f"pay-{uuid4()}",
            "return_url": "http://127.0.0.1:9/return",
            "cancel_url": "http://127.0.0.1:9/cancel",
            "webhook_url": self.inbox.url,
            "created_at": now,
            "expires_at": now + timedelta(hours=1),
            "payee": PAYEE,
            "bills": (a_bill(amount),),
        }
        return CreatePayment(**{**values, **changed})

    def started(self, amount: Money = FEE) -> tuple[PaymentRef, str]:
        """A payment that waits for its payer, and the page where the payer goes."""
        command = self.command(amount)
        outcome: PaymentOutcome = self.adapter.create_payment(command)
        assert isinstance(outcome.next_action, Redirect)
        return self.arrived(command, outcome), outcome.next_action.url

    @property
    def opened_by_payer(self) -> bool:
        """Whether a creation sends nothing, and the provider hears of the payment from the payer's browser."""
        return bool(self.adapter.capabilities.opened_by_payer)

    def arrived(self, command: CreatePayment, outcome: PaymentOutcome) -> PaymentRef:
        """As the core remembers the payment once its payer is on the provider's page."""
        begun = ref(command, outcome)
        if not self.opened_by_payer:
            return begun
        assert isinstance(outcome.next_action, Redirect)
        assert self.browser.get(outcome.next_action.url).status_code == 200
        seen = self.adapter.query_payment(begun)
        return replace(begun, provider_payment_id=seen.provider_payment_id)

    def play(self, url: str, outcome: str) -> httpx.Response:
        return self.browser.post(url, data={"outcome": outcome})

    def paid(self, amount: Money = FEE) -> PaymentRef:
        """A payment that succeeded, with everything known of it, and its notifications out of the way."""
        begun, url = self.started(amount)
        assert self.play(url, "succeed").status_code == 303
        seen = self.adapter.query_payment(begun)
        assert isinstance(seen, PaymentObservation)
        assert seen.status is PaymentStatus.SUCCEEDED
        self.reset()
        return PaymentRef(
            payment_id=begun.payment_id,
            reference=begun.reference,
            amount=begun.amount,
            idempotency_key=begun.idempotency_key,
            created_at=begun.created_at,
            provider_payment_id=begun.provider_payment_id,
            provider_transaction_id=seen.provider_transaction_id,
        )

    def refund_command(self, paid: PaymentRef, amount_minor: int | None = None) -> RefundCommand:
        amount = paid.amount if amount_minor is None else Money(amount_minor, paid.amount.currency)
        return RefundCommand(uuid4(), paid, amount, f"refund-{uuid4()}", datetime.now(UTC))

    def read(self, request: RawRequest) -> list[Observation]:
        """What a notification says, if it is to be believed."""
        return list(self.adapter.parse(self.adapter.verify(request, datetime.now(UTC))))

    def heard(self, kind: type, count: int = 1, seconds: int = 10) -> list[Any]:
        """At least `count` observations of `kind` from the notifications that came."""
        deadline = time.monotonic() + seconds
        while True:
            heard = [seen for request in self.inbox.requests for seen in self.read(request) if isinstance(seen, kind)]
            if len(heard) >= count:
                return heard
            if time.monotonic() > deadline:
                raise AssertionError(f"{len(heard)} of {count} {kind.__name__} were heard: {heard}")
            time.sleep(0.02)

    def today(self) -> date:
        return datetime.now(ZoneInfo(self.adapter.capabilities.time_zone)).date()

    def settled(self) -> list[tuple[BatchRef, list[SettlementLine]]]:
        """Today's settlement, made available and read through the adapter."""
        today = self.today()
        self.control("POST", "settle", date=today.isoformat())
        batches = self.adapter.list_settlements(SettlementWindow(today, today))
        return [(batch, list(self.adapter.read_settlement(batch))) for batch in batches]


def a_bill(amount: Money = FEE, **changed: Any) -> Bill:
    values: dict[str, Any] = {
        "dossier": "H26.17-261123-0007",
        "procedure_code": "2.000815",
        "procedure_title": "Chứng thực bản sao từ bản chính",
        "agency_code": "vn-moj",
        "agency_name": "Bộ Tư pháp",
        "reference": "RF18539007547034",
        "amount": amount,
        "lines": (BillLine("2716", "Phí chứng thực", amount),),
        "payee": PAYEE,
    }
    return Bill(**{**values, **changed})


def ref(command: CreatePayment, outcome: PaymentOutcome | None = None) -> PaymentRef:
    """As the core remembers it: without `outcome`, the answer to the creation was lost."""
    return PaymentRef(
        payment_id=command.payment_id,
        reference=command.reference,
        amount=command.amount,
        idempotency_key=command.idempotency_key,
        created_at=command.created_at,
        provider_payment_id=None if outcome is None else outcome.provider_payment_id,
    )
