"""VNPAY against the conformance suite, and what is its own."""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qsl
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    AckResult,
    NotFound,
    NotSent,
    OutcomeUnknown,
    PaymentObservation,
    PaymentProvider,
    RawRequest,
    Refunder,
    RefundRef,
    Rejected,
    SettlementSource,
    Unsupported,
    WebhookReceiver,
)
from providers.settlement_files import FileSettlements
from providers.transport import Answer
from providers.vnpay import requests, wire
from providers.vnpay.adapter import VnpayProvider
from tests.providers.conformance import ProviderConformance
from tests.providers.rig import FOLDER, Rig, ref
from tests.providers.settlement_layout import layout

S = PaymentStatus
SECRETS = ("planted-secret-one", "planted-secret-two")
TERMINAL = "CONGPHI1"


TRUE = (
    f"vnp_Amount=15000000&vnp_ResponseCode=00&vnp_TmnCode={TERMINAL}&vnp_TransactionNo=1&vnp_TransactionStatus=00"
    "&vnp_TxnRef=1"
)


def query_of(content: bytes, secret: str) -> str:
    """By the documentation, over whatever `content` is, sense or nonsense."""
    digest = wire.signature(secret, content)
    return f"{content.decode('latin-1')}&vnp_SecureHash={digest}"


class TestVnpay(ProviderConformance):
    provider = "vnpay"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_VNPAY_TMN_CODE": TERMINAL,
        "GATEWAY_VNPAY_SECRETS": ",".join(SECRETS),
        "GATEWAY_VNPAY_SETTLEMENT_DIR": FOLDER,
    }
    base_url_setting = "GATEWAY_VNPAY_BASE_URL"
    secrets_setting = "GATEWAY_VNPAY_SECRETS"
    optional_settings = frozenset()
    own_headers = frozenset()
    secrets = SECRETS
    protocols = frozenset({PaymentProvider, Refunder, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.DECLINED,
        "abandon": S.PENDING,
        "expire": S.DECLINED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
        "halfway": S.UNKNOWN,
    }
    notified = frozenset({PaymentObservation})
    notified_as: ClassVar[Mapping[str, PaymentStatus]] = {"cancel": S.CANCELLED, "expire": S.EXPIRED}
    notified_statuses = frozenset(PaymentStatus) - {S.PENDING}
    not_notified = frozenset({"abandon", "silent", "pending"})
    dated_notifications = False
    finds_lost_refunds = False
    answers_again = False
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): "vnp_Amount=15000100&",
        Money(98_765_432, "VND"): "vnp_Amount=9876543200&",
    }
    malformed = tuple(
        content.encode()
        for content in (
            f"vnp_TmnCode={TERMINAL}",
            TRUE.replace("&vnp_TransactionNo", f"&vnp_TmnCode={TERMINAL}&vnp_TransactionNo"),
            TRUE.replace("=15000000&", "=1500001&"),
            TRUE.replace("=15000000&", "=-15000000&"),
            TRUE.replace(TERMINAL, "OTHER"),
            TRUE.replace("vnp_ResponseCode", "vnp_PayDate=20261301000000&vnp_ResponseCode"),
        )
    )
    of_no_concern = None

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        return RawRequest("GET", query_of(body, secret), {}, b"")

    def content_of(self, request: RawRequest) -> bytes:
        return request.query_string.partition("&vnp_SecureHash=")[0].encode("latin-1")

    def fields_of(self, content: bytes) -> Any:
        return dict(parse_qsl(content.decode()))

    def content_from(self, fields: Any) -> bytes:
        return wire.canonical({name: "" if value is None else str(value) for name, value in fields.items()}).encode()

    def with_content(self, request: RawRequest, content: bytes) -> RawRequest:
        signature = request.query_string.partition("&vnp_SecureHash=")[2]
        return replace(request, query_string=f"{content.decode('latin-1')}&vnp_SecureHash={signature}")

    def without_signature(self, request: RawRequest) -> RawRequest:
        return replace(request, query_string=self.content_of(request).decode())

    def mangled_signatures(self, request: RawRequest) -> Iterator[RawRequest]:
        content, _, given = request.query_string.partition("&vnp_SecureHash=")
        for spoilt in (
            "",
            given[:-1],
            given + "0",
            given.upper(),
            given + "é",
            "0" * 128,
            f"{given}&vnp_SecureHash={given}",
        ):
            yield replace(request, query_string=f"{content}&vnp_SecureHash={spoilt}")
        yield replace(request, query_string=f"{content}&vnp_securehash={given}")
        yield replace(request, query_string=f"{request.query_string}&vnp_BankCode=VCB")
        yield replace(request, query_string=f"{request.query_string}&utm_source=somebody")

    def sent_again(self, send: Any) -> Any:
        """A link can be made again; a refund is refused as a duplicate."""
        try:
            return send()
        except OutcomeUnknown as duplicate:
            assert duplicate.code == wire.DUPLICATE  # noqa: PT017 - either is right, but no other error
            return None

    def without_secrets(self, rig: Rig) -> Any:
        return VnpayProvider(
            base_url=rig.simulator.url,
            api_base_url=rig.simulator.url,
            terminal=TERMINAL,
            secrets=("", "  "),
            files=FileSettlements(rig.data_dir, layout(rig.data_dir)),
        )

    # What goes out.

    def test_the_link_holds_these_fields_and_nothing_of_the_payer(self, rig: Rig) -> None:
        command = rig.command(
            payment_id=UUID("0199aaaa-bbbb-7ccc-8ddd-eeeeffff0000"),
            title="Lệ phí cấp hộ chiếu: RF18 & <b>~*",
            created_at=datetime(2026, 1, 31, 17, 30, tzinfo=UTC),
            expires_at=datetime(2026, 1, 31, 17, 40, tzinfo=UTC),
        )
        outcome = rig.adapter.create_payment(command)
        assert (outcome.status, outcome.provider_payment_id) == (S.PENDING, None)
        unsigned, _, given = outcome.next_action.url.partition("&vnp_SecureHash=")
        assert unsigned == (
            f"{rig.simulator.url}/paymentv2/vpcpay.html?vnp_Amount=15000000&vnp_Command=pay&vnp_CreateDate=20260201003000"
            "&vnp_CurrCode=VND&vnp_ExpireDate=20260201004000&vnp_IpAddr=127.0.0.1&vnp_Locale=vn"
            "&vnp_OrderInfo=Le+phi+cap+ho+chieu%3A+RF18+b&vnp_OrderType=other"
            "&vnp_ReturnUrl=http%3A%2F%2F127.0.0.1%3A9%2Freturn&vnp_TmnCode=CONGPHI1"
            "&vnp_TxnRef=0199aaaabbbb7ccc8dddeeeeffff0000&vnp_Version=2.1.0"
        )
        digest = hmac.new(SECRETS[0].encode(), unsigned.partition("?")[2].encode(), hashlib.sha512).hexdigest()
        assert given == digest

    def test_a_link_lives_no_longer_than_vnpay_lets_it(self, rig: Rig) -> None:
        created = datetime(2026, 1, 31, tzinfo=UTC)
        command = rig.command(created_at=created, expires_at=created + timedelta(days=1))
        assert "vnp_ExpireDate=20260131071500&" in rig.adapter.create_payment(command).next_action.url

    @pytest.mark.parametrize("amount", [Money(4_999, "VND"), Money(1_000_000_000, "VND"), Money(5_000, "USD")])
    def test_what_vnpay_does_not_take_gets_no_link(self, rig: Rig, amount: Money) -> None:
        with pytest.raises(Unsupported):
            rig.adapter.create_payment(rig.command(amount))

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("vnp_Version", "2.0.0"),
            ("vnp_Command", "refund"),
            ("vnp_TmnCode", "OTHER"),
            ("vnp_Amount", "150000.00"),
            ("vnp_Amount", "15000001"),
            ("vnp_CurrCode", "USD"),
            ("vnp_TxnRef", "a b"),
            ("vnp_TxnRef", "a" * 101),
            ("vnp_OrderInfo", "Lệ phí"),
            ("vnp_OrderInfo", ""),
            ("vnp_Locale", "de"),
            ("vnp_ReturnUrl", "javascript:alert(1)"),
            ("vnp_IpAddr", "localhost"),
            ("vnp_CreateDate", "2026-01-31"),
            ("vnp_ExpireDate", "20200101000000"),
            ("vnp_Surprise", "x"),
        ],
    )
    def test_vnpay_refuses_a_link_that_is_not_as_agreed(self, rig: Rig, field: str, value: str) -> None:
        command = rig.command()
        url, _, query = rig.adapter.create_payment(command).next_action.url.partition("?")
        fields = dict(parse_qsl(query)) | {field: value}
        answer = rig.browser.get(f"{url}?{wire.signed_query(SECRETS[0], fields)}")
        assert answer.status_code == 400, answer.text
        assert not rig.holds(command.payment_id)

    def test_vnpay_refuses_a_link_whose_time_is_over_and_an_order_with_other_values(self, rig: Rig) -> None:
        ago = datetime.now(UTC) - timedelta(hours=1)
        old = rig.adapter.create_payment(rig.command(created_at=ago)).next_action.url
        assert rig.browser.get(old).status_code == 400
        begun, _ = rig.started()
        other = rig.adapter.create_payment(rig.command(payment_id=begun.payment_id, title="Another")).next_action.url
        assert rig.browser.get(other).status_code == 400

    def test_one_changed_byte_of_a_link_is_refused_by_vnpay(self, rig: Rig) -> None:
        url, _, query = rig.adapter.create_payment(rig.command()).next_action.url.partition("?")

        @settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.integers(0, len(query) - 1), st.integers(1, 127))
        def changed(at: int, by: int) -> None:
            spoilt = query[:at] + chr(ord(query[at]) ^ by) + query[at + 1 :]
            with pytest.raises(requests.Refused):
                requests.link(spoilt, TERMINAL, SECRETS)

        assert requests.link(query, TERMINAL, SECRETS)["vnp_Command"] == "pay"
        assert url.endswith(wire.PAY_PATH)
        changed()

    # What is asked, and what is answered.

    def test_a_payment_whose_payer_has_not_come_waits_while_its_link_can_be_used(self, rig: Rig) -> None:
        now = datetime.now(UTC)
        for minutes, expected in ((0, S.PENDING), (19, S.PENDING), (21, None)):
            command = rig.command(created_at=now - timedelta(minutes=minutes))
            seen = rig.adapter.query_payment(ref(command))
            assert (None if isinstance(seen, NotFound) else seen.status) is expected

    def test_a_payment_that_vnpay_knew_and_forgot_is_not_waiting(self, rig: Rig) -> None:
        forgotten = replace(ref(rig.command()), provider_payment_id="known")
        assert rig.adapter.query_payment(forgotten) == NotFound()

    @pytest.mark.parametrize("spoil", [lambda seal: None, lambda seal: "", lambda seal: seal[:-1], lambda seal: 7])
    def test_an_answer_that_is_not_signed_is_not_believed(self, rig: Rig, spoil: Any) -> None:
        paid = rig.paid()
        answers = spoilt_answers(rig, lambda said: said | {wire.SIGNATURE: spoil(said[wire.SIGNATURE])})
        with pytest.raises(OutcomeUnknown) as unknown:
            answers.query_payment(paid)
        assert unknown.value.code == "bad_checksum"
        with pytest.raises(OutcomeUnknown):
            answers.refund(rig.refund_command(paid))

    @pytest.mark.parametrize("field", [f"vnp_{name}" for name in wire.QUERY_ANSWER_SIGNED])
    def test_no_field_of_an_answer_can_be_changed(self, rig: Rig, field: str) -> None:
        paid = rig.paid()
        with pytest.raises(OutcomeUnknown):
            spoilt_answers(rig, lambda said: said | {field: said[field] + "0"}).query_payment(paid)

    def test_an_answer_about_another_order_is_not_believed(self, rig: Rig) -> None:
        paid = rig.paid()
        other = spoilt_answers(rig, lambda said: resigned(said | {"vnp_TxnRef": "0" * 32}))
        with pytest.raises(OutcomeUnknown, match="another order"):
            other.query_payment(paid)

    @pytest.mark.parametrize(("field", "value"), [("vnp_TmnCode", "OTHER001"), ("vnp_Command", None)])
    def test_an_answer_to_another_terminal_or_command_is_not_believed(
        self, rig: Rig, field: str, value: str | None
    ) -> None:
        paid = rig.paid()
        swapped = {wire.QUERY: wire.REFUND, wire.REFUND: wire.QUERY}

        def changed(said: dict[str, Any]) -> dict[str, Any]:
            asked = said["vnp_Command"]
            return resigned(said | {field: value or swapped[asked]}, asked)

        other, command = spoilt_answers(rig, changed), rig.refund_command(paid)
        ref = RefundRef(command)
        for ask, about in ((other.query_payment, paid), (other.refund, command), (other.query_refund, ref)):
            with pytest.raises(OutcomeUnknown, match=field) as unknown:
                ask(about)
            assert unknown.value.code == "unreadable"

    @pytest.mark.parametrize(
        ("code", "error"),
        [
            ("91", Rejected),
            ("95", Rejected),
            ("02", Rejected),
            ("97", NotSent),
            ("94", OutcomeUnknown),
            ("98", OutcomeUnknown),
            ("99", OutcomeUnknown),
            ("??", OutcomeUnknown),
        ],
    )
    def test_each_answer_to_a_refund_is_read_as_what_it_is(self, rig: Rig, code: str, error: type[Exception]) -> None:
        paid = rig.paid()
        answers = spoilt_answers(rig, lambda said: resigned(said | {"vnp_ResponseCode": code}))
        with pytest.raises(error):
            answers.refund(rig.refund_command(paid))

    def test_a_refund_sent_again_bears_the_same_request_id_and_pays_once(self, rig: Rig) -> None:
        paid = rig.paid()
        command = rig.refund_command(paid, 40_000)
        since = len(rig.traffic())
        rig.adapter.refund(command)
        with pytest.raises(OutcomeUnknown) as duplicate:
            rig.adapter.refund(command)
        assert duplicate.value.code == wire.DUPLICATE
        assert rig.adapter.query_refund(RefundRef(command)).status is RefundStatus.SUCCEEDED
        sent = [json.loads(request["body"]) for request in rig.traffic(since)]
        first, second, question = (fields["vnp_RequestId"] for fields in sent)
        assert first == second != question
        assert (sent[0]["vnp_TransactionType"], sent[0]["vnp_Amount"]) == (wire.PARTIAL_REFUND, "4000000")
        assert sum(refund["amount_minor"] for refund in rig.true_refunds(paid.payment_id)) == 40_000

    def test_a_payment_that_was_refunded_before_we_heard_of_it_is_for_a_person_to_look_at(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "silent")
        rig.control("POST", "dashboard-refund", payment=str(begun.payment_id), amount_minor=10_000)
        seen = rig.adapter.query_payment(begun)
        assert (seen.status, seen.amount, seen.code) == (S.UNKNOWN, None, "refund_00")

    # What is told.

    def test_every_result_is_acknowledged_in_vnpays_words(self, rig: Rig) -> None:
        said = {result: rig.adapter.ack(result) for result in AckResult}
        assert {reply.status for reply in said.values()} == {200}
        assert {result: json.loads(reply.body)["RspCode"] for result, reply in said.items()} == {
            AckResult.APPLIED: "00",
            AckResult.NOT_FOUND: "01",
            AckResult.DUPLICATE: "02",
            AckResult.AMOUNT_MISMATCH: "04",
            AckResult.REJECTED: "97",
            AckResult.RETRY: "99",
        }
        assert said[AckResult.APPLIED].body == b'{"RspCode": "00", "Message": "Confirm Success"}'

    def test_nothing_of_the_payers_bank_and_card_is_kept(self, rig: Rig) -> None:
        _, url = rig.started()
        rig.play(url, "succeed")
        (request,) = rig.inbox.wait_for(1)
        assert "vnp_BankCode=NCB" in request.query_string
        assert set(rig.adapter.verify(request, datetime.now(UTC)).payload) == {*wire.NOTIFIED, "received"}

    def test_an_order_of_somebody_else_is_read_without_a_payment_of_ours(self, rig: Rig) -> None:
        (seen,) = rig.read(self.signed(TRUE.encode(), SECRETS[0], datetime.now(UTC)))
        assert isinstance(seen, PaymentObservation)
        assert (seen.payment_id, seen.provider_payment_id, seen.amount) == (None, "1", Money(150_000, "VND"))

    def test_the_browser_brings_the_same_signed_fields_which_nobody_believes(self, rig: Rig) -> None:
        _, url = rig.started()
        told = rig.play(url, "succeed").headers["location"].partition("?")[2]
        (request,) = rig.inbox.wait_for(1)
        assert told == request.query_string

    def test_a_notification_is_given_up_after_ten_tries(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("providers.simulation.webhooks._BACKOFF_MS", (1,))
        rig.inbox.answers.extend([rig.adapter.ack(AckResult.RETRY)] * 50)
        _, url = rig.started()
        rig.play(url, "succeed")
        rig.quiet()
        assert len(rig.inbox.requests) == wire.CHECK.notification_tries


def spoilt_answers(rig: Rig, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """An adapter that hears what `change` makes of VNPAY's answers."""
    adapter = rig.adapter_for(rig.simulator.url)
    honest = adapter._transport

    class Spoiling:
        def send(self, *sent: Any) -> Answer:
            answer: Answer = honest.send(*sent)
            return replace(answer, body=json.dumps(change(json.loads(answer.body))).encode())

    adapter._transport = Spoiling()
    return adapter


def resigned(said: dict[str, Any], asked: str = "") -> dict[str, Any]:
    command = asked or said["vnp_Command"]
    names = wire.QUERY_ANSWER_SIGNED if command == wire.QUERY else wire.REFUND_ANSWER_SIGNED
    return said | {wire.SIGNATURE: wire.signature(SECRETS[0], wire.joined(said, names))}
