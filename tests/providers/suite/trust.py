"""What must not leak, what must not start, and what a kill must not undo."""

import logging
import os
import signal
import subprocess
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import (
    OutcomeUnknown,
    ProviderError,
    Refunder,
    RefundRef,
    Reply,
    WebhookRejected,
)
from providers.registry import SIMULATORS, build
from providers.settings import MissingSettings, UnusableSetting
from providers.simulation.bank import Options
from tests.ports import free_port
from tests.providers.rig import PATIENT, Rig, ref
from tests.providers.suite.facts import Facts


class Trust(Facts):
    def test_every_setting_that_is_missing_or_blank_is_named(self, tmp_path: Path) -> None:
        needed = {*self.settings, self.base_url_setting} - self.optional_settings
        with pytest.raises(MissingSettings) as missing:
            build(self.provider, dict.fromkeys(needed, "  "))
        assert set(missing.value.names) == needed
        assert all(name in str(missing.value) for name in needed)
        with pytest.raises(MissingSettings):
            SIMULATORS[self.provider](Options(tmp_path, {}))

    @pytest.mark.parametrize(
        "url",
        [
            "http://api.example",
            "http://127.0.0.1.example",
            "https://canary:canary@api.example",
            "http://canary@127.0.0.1:9",
            "https://api.example?canary=1",
            "ftp://canary.example",
            "canary.example",
            "https://[canary",
            "https://api.example:canary",
        ],
    )
    def test_an_address_that_is_not_safe_to_speak_to_is_refused_and_not_shown(self, url: str) -> None:
        with pytest.raises(UnusableSetting, match=self.base_url_setting) as unusable:
            build(self.provider, {**self.settings, self.base_url_setting: url})
        assert "canary" not in str(unusable.value)

    @pytest.mark.parametrize("url", ["https://api.example", "http://localhost:9/", "http://[::1]:9"])
    def test_an_address_under_https_or_on_this_machine_is_taken(self, url: str) -> None:
        assert build(self.provider, {**self.settings, self.base_url_setting: url}).name == self.provider

    def test_a_blank_secret_among_good_ones_is_refused(self) -> None:
        good = {**self.settings, self.base_url_setting: "http://127.0.0.1:9"}
        for blank in (",", "good,", "good, ,better", ""):
            with pytest.raises(MissingSettings) as missing:
                build(self.provider, {**good, self.secrets_setting: blank})
            assert missing.value.names == (self.secrets_setting,)

    def test_secrets_show_in_no_representation_log_or_error(self, rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.DEBUG):
            shown = self.everything_said(rig)
        for secret in (*self.secrets, *self.personal):
            assert secret not in shown
            assert secret not in caplog.text
        for record in caplog.records:
            assert not any(secret in repr(vars(record)) for secret in (*self.secrets, *self.personal)), record

    def test_secrets_travel_in_no_url_and_no_body(self, rig: Rig) -> None:
        since = len(rig.traffic())
        self.everything_said(rig)
        sent = rig.traffic(since)
        assert len(sent) > 5
        for request in sent:
            for secret in (*self.secrets, *self.personal):
                assert secret not in request["url"]
                assert secret not in request["body"]
                assert secret not in str(request["headers"])

    def test_nothing_but_what_a_payment_needs_is_sent(self, rig: Rig) -> None:
        """Every header is one we chose: none tells of the machine, its user or the person who pays."""
        since = len(rig.traffic())
        self.everything_said(rig)
        allowed = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-type", "content-length"}
        for request in rig.traffic(since):
            headers = {name.lower(): value for name, value in request["headers"].items()}
            assert set(headers) <= allowed | self.own_headers
            assert "linux" not in str(headers).lower()

    def everything_said(self, rig: Rig) -> str:
        """Everything the adapter says of itself while things go well and badly, as a log might show it."""
        said = [repr(rig.adapter), str(rig.adapter), repr(vars(type(rig.adapter)))]
        paid = rig.paid()
        said.append(repr(paid))
        if Refunder in self.protocols:
            refund = rig.refund_command(paid)
            said += [repr(rig.adapter.refund(refund)), repr(rig.adapter.query_refund(RefundRef(refund)))]
        _, url = rig.started()
        rig.play(url, "succeed")
        said.append(repr(rig.heard(object)))
        now = datetime.now(UTC)
        for request in rig.inbox.requests:
            said.append(repr(rig.adapter.verify(request, now)))
            try:
                rig.adapter.verify(self.signed(self.content_of(request), "another secret", now), now)
            except WebhookRejected as rejected:
                said.append("".join(traceback.format_exception(rejected)) + repr(vars(rejected)))
        for fault in ("timeout_after_accept", "error_500_after_accept", "garbled_answer", "rejected", "unauthorized"):
            rig.fault("query" if rig.opened_by_payer else "create", fault)
            command = rig.command()
            try:
                rig.impatient.create_payment(command)
                rig.impatient.query_payment(ref(command))
            except ProviderError as error:
                said.append("".join(traceback.format_exception(error)) + repr(error.__context__) + repr(vars(error)))
        return "\n".join(said)

    def test_a_kill_of_the_simulator_undoes_nothing_and_its_notifications_still_come(
        self, rig: Rig, tmp_path: Path
    ) -> None:
        port = free_port()
        adapter = rig.adapter_for(f"http://127.0.0.1:{port}")
        rig.inbox.answers.extend([Reply(503)] * 10_000)  # the gateway is down
        simulator = self.simulator_process(rig, port, tmp_path)
        command = rig.command()
        outcome = adapter.create_payment(command)
        rig.play(outcome.next_action.url, "succeed")
        rig.inbox.wait_for(1)
        simulator.send_signal(signal.SIGKILL)
        simulator.wait()
        with pytest.raises(ProviderError):
            adapter.query_payment(ref(command, outcome))

        rig.inbox.requests.clear()
        rig.inbox.answers.clear()
        simulator = self.simulator_process(rig, port, tmp_path)
        assert adapter.query_payment(ref(command, outcome)).status is PaymentStatus.SUCCEEDED
        heard = rig.heard(self.news)
        assert {seen.payment_id for seen in heard} == {command.payment_id}
        again = self.sent_again(lambda: adapter.create_payment(command)) or outcome
        assert again.provider_payment_id == outcome.provider_payment_id
        adapter.close()
        simulator.send_signal(signal.SIGTERM)
        assert simulator.wait(10) == 0

    def simulator_process(self, rig: Rig, port: int, data_dir: Path) -> "subprocess.Popen[bytes]":
        arguments = ["--provider", self.provider, "--port", str(port), "--data-dir", str(data_dir)]
        process = subprocess.Popen(
            [sys.executable, "-m", self.simulation, *arguments, "--webhook-url", rig.inbox.url],
            env={**os.environ, **rig.settings},
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                httpx.get(f"http://127.0.0.1:{port}/_sim/health", timeout=PATIENT)
            except httpx.ConnectError:
                time.sleep(0.05)
            else:
                return process
        raise AssertionError("the simulator did not start")

    def test_a_simulator_that_was_told_to_hang_still_stops_at_once(self, tmp_path: Path, rig: Rig) -> None:
        other = Rig(self.provider, self.settings, tmp_path, self.base_url_setting, rig.inbox)
        asked, _ = other.started()
        other.fault("query", "timeout_after_accept", seconds=60)
        with pytest.raises(OutcomeUnknown):
            other.impatient.query_payment(asked)
        begun = time.monotonic()
        other.close()
        assert time.monotonic() - begun < 5
