"""ZaloPay against the conformance suite, and what is its own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import parse_qs, parse_qsl, urlencode
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.domain.payment import PaymentStatus
from gateway.domain.refund import RefundStatus
from gateway.ports.provider import (
    AckResult,
    LineKind,
    NotFound,
    NotSent,
    PaymentObservation,
    PaymentProvider,
    PaymentRef,
    RawRequest,
    Refunder,
    Rejected,
    RejectionReason,
    SettlementSource,
    WebhookReceiver,
    WebhookRejected,
)
from providers.zalopay import settlement, simulator, wire
from providers.zalopay.adapter import Access, ZaloPayProvider
from tests.providers.conformance import ProviderConformance
from tests.providers.rig import FOLDER, Rig

S = PaymentStatus
APP_ID, KEY1 = "2553", "planted-key-one"
KEYS2 = ("planted-key-two", "planted-key-two-old")


def callback(data: str, key: str = KEYS2[0], kind: int = wire.OF_AN_ORDER) -> RawRequest:
    body = json.dumps({"data": data, "mac": wire.callback_mac(key, data), "type": kind}).encode()
    return RawRequest("POST", "", {"content-type": "application/json"}, body)


class TestZaloPay(ProviderConformance):
    provider = "zalopay"
    settings: ClassVar[Mapping[str, str]] = {
        "GATEWAY_ZALOPAY_APP_ID": APP_ID,
        "GATEWAY_ZALOPAY_KEY1": KEY1,
        "GATEWAY_ZALOPAY_KEY2": ",".join(KEYS2),
        "GATEWAY_ZALOPAY_SETTLEMENT_DIR": FOLDER,
    }
    base_url_setting = "GATEWAY_ZALOPAY_BASE_URL"
    secrets_setting = "GATEWAY_ZALOPAY_KEY2"
    optional_settings = frozenset()
    own_headers = frozenset()
    secrets = (*KEYS2, KEY1)
    personal = tuple(simulator.PAYER.values())
    protocols = frozenset({PaymentProvider, Refunder, WebhookReceiver, SettlementSource})
    outcomes: ClassVar[Mapping[str, PaymentStatus]] = {
        "succeed": S.SUCCEEDED,
        "decline": S.DECLINED,
        "cancel": S.PENDING,  # the payer goes back; the order stays open
        "abandon": S.PENDING,
        "expire": S.EXPIRED,
        "pending": S.PENDING,
        "late": S.SUCCEEDED,
        "silent": S.SUCCEEDED,
        "wrong_amount": S.SUCCEEDED,
        "review": S.UNKNOWN,
    }
    not_notified = frozenset({"decline", "cancel", "abandon", "expire", "pending", "silent", "review"})
    notified = frozenset({PaymentObservation})
    notified_statuses = frozenset({PaymentStatus.SUCCEEDED})
    answers_again = False
    dated_notifications = False
    amounts_on_the_wire: ClassVar[Mapping[Money, str]] = {
        Money(150_001, "VND"): "&amount=150001&",
        Money(98_765_432, "VND"): "&amount=98765432&",
    }
    malformed = (
        b'{"app_id": 2553, "app_trans_id": "261125_1"}',
        b'{"app_id": 2553, "app_trans_id": "261125_1", "zp_trans_id": 1, "amount": "5", "server_time": 1}',
        b'{"app_id": 2553, "app_trans_id": "261125_1", "zp_trans_id": 1, "amount": 5, "server_time": "now"}',
        b'{"app_id": 2554, "app_trans_id": "261125_1", "zp_trans_id": 1, "amount": 5, "server_time": 1}',
    )
    of_no_concern = b'{"app_id": 2553, "app_trans_id": "261125_1", "binding_id": "b", "status": 1}'

    def signed(self, body: bytes, secret: str, at: datetime) -> RawRequest:
        kind = 2 if body == self.of_no_concern else wire.OF_AN_ORDER
        return callback(body.decode(errors="replace"), secret, kind)

    def content_of(self, request: RawRequest) -> bytes:
        return str(json.loads(request.body)["data"]).encode()

    def with_content(self, request: RawRequest, content: bytes) -> RawRequest:
        return with_fields(request, data=content.decode(errors="replace"))

    def without_signature(self, request: RawRequest) -> RawRequest:
        return with_fields(request, mac=None)

    def mangled_signatures(self, request: RawRequest) -> Iterator[RawRequest]:
        mac = json.loads(request.body)["mac"]
        for mangled in ("", mac[:-1], mac + "0", mac.upper(), mac[:-1] + "é", 7, [mac], {"mac": mac}):
            yield with_fields(request, mac=mangled)

    def without_secrets(self, rig: Rig) -> Any:
        return stranger(rig, callback_keys=("", "  "))

    # What goes out.

    def test_an_order_holds_what_is_needed_and_nothing_of_the_payer(self, rig: Rig) -> None:
        since = len(rig.traffic())
        command = rig.command(title="Lệ phí cấp hộ chiếu: RF18 & <b>", locale="en")
        rig.adapter.create_payment(command)
        (creation,) = rig.traffic(since)
        sent = dict(parse_qsl(creation["body"], keep_blank_values=True))
        assert set(sent) == {*simulator.CREATE.fields, "mac"}
        assert sent["description"] == "Le phi cap ho chieu: RF18 b"
        assert sent["app_user"] == "congphi"
        assert sent["embed_data"] == '{"redirecturl":"http://127.0.0.1:9/return"}'
        assert sent["expire_duration_seconds"] == "3600"
        assert UUID(sent["app_trans_id"].partition("_")[2]) == command.payment_id

    def test_an_order_lives_as_long_as_zalopay_allows(self, rig: Rig) -> None:
        now = datetime.now(UTC)
        for lifetime, seconds in ((timedelta(minutes=1), 300), (timedelta(days=90), 2_592_000)):
            since = len(rig.traffic())
            rig.adapter.create_payment(rig.command(created_at=now, expires_at=now + lifetime))
            assert f"expire_duration_seconds={seconds}&" in rig.traffic(since)[0]["body"]

    def test_a_refund_says_why_without_saying_for_whom(self, rig: Rig) -> None:
        paid = rig.paid()
        since = len(rig.traffic())
        rig.adapter.refund(rig.refund_command(paid, 30_000))
        sent = dict(parse_qsl(rig.traffic(since)[0]["body"]))
        assert (sent["amount"], sent["description"]) == ("30000", "Refund")
        assert sent["zp_trans_id"] == paid.provider_transaction_id

    def test_a_refund_finds_its_transaction_also_if_only_the_order_is_known(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        assert rig.adapter.refund(rig.refund_command(begun, 10_000)).status is RefundStatus.SUCCEEDED

    # What ZaloPay refuses.

    @pytest.mark.parametrize(
        "change",
        [
            {"surprise": "x"},
            {"app_user": ""},
            {"amount": "150000.0"},
            {"amount": "-150000"},
            {"amount": "999"},
            {"amount": "0150000"},
            {"item": "{}"},
            {"item": "not json"},
            {"embed_data": "[]"},
            {"embed_data": "not json"},
            {"description": ""},
            {"callback_url": "ftp://somewhere"},
            {"expire_duration_seconds": "299"},
            {"expire_duration_seconds": "2592001"},
            {"app_trans_id": f"200101_{uuid4().hex}"},
            {"app_trans_id": uuid4().hex},
        ],
    )
    def test_the_provider_refuses_an_order_that_is_not_as_agreed(self, rig: Rig, change: dict[str, str]) -> None:
        answer = altered_order(rig, change)
        assert (answer["return_code"], answer["sub_return_code"]) == (wire.FAILED, simulator.ILLEGAL_DATA)

    @pytest.mark.parametrize("age", [timedelta(minutes=16), timedelta(minutes=-16)])
    def test_the_provider_refuses_an_order_that_is_not_of_now(self, rig: Rig, age: timedelta) -> None:
        old = str(wire.milliseconds(datetime.now(UTC) - age))
        assert altered_order(rig, {"app_time": old})["sub_return_code"] == simulator.ILLEGAL_DATA

    def test_the_provider_refuses_what_another_key_or_app_signs(self, rig: Rig) -> None:
        for other in (stranger(rig, key1="another"), stranger(rig, app_id="2554")):
            command = rig.command()
            with pytest.raises(NotSent, match="-402"):
                other.create_payment(command)
            assert not rig.holds(command.payment_id)
            other.close()

    def test_any_other_byte_in_a_signed_field_is_refused(self, rig: Rig) -> None:
        since = len(rig.traffic())
        rig.started()
        sent = dict(parse_qsl(rig.traffic(since)[0]["body"], keep_blank_values=True))
        signed = [name for name in simulator.CREATE.signed if sent[name]]

        @settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(st.sampled_from(signed), st.integers(0, 200), st.characters(min_codepoint=33, max_codepoint=126))
        def changed(name: str, at: int, to: str) -> None:
            value, at = sent[name], at % len(sent[name])
            if value[at] != to:
                spoilt = {**sent, name: value[:at] + to + value[at + 1 :]}
                assert posted(rig, "create", spoilt)["sub_return_code"] == simulator.ILLEGAL_SIGNATURE

        changed()

    def test_a_refund_of_another_day_or_form_is_refused_and_never_made(self, rig: Rig) -> None:
        paid = rig.paid()
        yesterday = replace(rig.refund_command(paid), created_at=datetime.now(UTC) - timedelta(days=2))
        with pytest.raises(Rejected, match="-25"):
            rig.adapter.refund(yesterday)
        assert rig.true_refunds(paid.payment_id) == []

    def test_a_refund_in_the_settlement_says_which_of_ours_it_is(self, fresh_rig: Rig) -> None:
        command = fresh_rig.refund_command(fresh_rig.paid(), 30_000)
        fresh_rig.adapter.refund(command)
        ((_, lines),) = fresh_rig.settled()
        assert str(command.refund_id) in {line.merchant_reference for line in lines if line.kind is LineKind.REFUND}

    # Questions.

    def test_an_order_of_more_than_48_hours_ago_cannot_be_asked_about(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "silent")
        aged(rig, begun, timedelta(hours=47))
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED
        aged(rig, begun, timedelta(hours=2))
        assert rig.adapter.query_payment(begun).status is PaymentStatus.UNKNOWN

    @pytest.mark.parametrize(
        ("returned", "code", "status"),
        [
            (3, 0, S.PENDING),
            (2, -54, S.EXPIRED),
            (2, -63, S.DECLINED),
            (2, -1333, S.DECLINED),
            (2, -49, S.UNKNOWN),
            (2, 0, S.UNKNOWN),
            (2, -999_999, S.UNKNOWN),
            (0, 0, S.UNKNOWN),
            (4, 1, S.UNKNOWN),
        ],
    )
    def test_a_code_means_what_the_table_says_or_nothing(
        self, rig: Rig, monkeypatch: pytest.MonkeyPatch, returned: int, code: int, status: PaymentStatus
    ) -> None:
        begun, _ = rig.started()
        bank: Any = rig.simulator.bank
        monkeypatch.setattr(bank, "unknown_code", lambda _: simulator._answer(returned, code))
        rig.fault("query", "unknown_code")
        assert rig.adapter.query_payment(begun).status is status

    def test_a_reason_in_the_return_code_itself_is_read_too(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(rig.simulator.bank, "unknown_code", lambda _: simulator._json({"return_code": -101}))
        rig.fault("query", "unknown_code")
        begun, _ = rig.started()
        assert rig.adapter.query_payment(begun) == NotFound()

    def test_the_payer_may_try_again_after_a_decline(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "decline")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.DECLINED
        rig.play(url, "succeed")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    # Callbacks.

    def test_a_callback_tells_no_more_of_its_payer_than_that_it_paid(self, rig: Rig) -> None:
        _, url = rig.started()
        rig.play(url, "succeed")
        (request,) = rig.inbox.wait_for(1)
        assert all(told in request.body.decode() for told in simulator.PAYER.values())
        verified = rig.adapter.verify(request, datetime.now(UTC))
        assert set(verified.payload) <= set(wire._KEPT)

    def test_a_bare_zero_is_asked_three_times_more_and_then_nobody_is_told(self, rig: Rig) -> None:
        rig.inbox.answers.extend([rig.adapter.ack(AckResult.RETRY)] * 50)
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.quiet()
        assert len(rig.inbox.requests) == simulator.TRIES
        assert rig.adapter.query_payment(begun).status is PaymentStatus.SUCCEEDED

    @pytest.mark.parametrize(
        ("result", "code"),
        [
            (AckResult.APPLIED, 1),
            (AckResult.DUPLICATE, 2),
            (AckResult.NOT_FOUND, 1),
            (AckResult.AMOUNT_MISMATCH, 1),
            (AckResult.REJECTED, -1),
            (AckResult.RETRY, 0),
        ],
    )
    def test_each_result_is_acknowledged_in_zalopays_words(self, rig: Rig, result: AckResult, code: int) -> None:
        reply = rig.adapter.ack(result)
        assert reply.status == 200
        assert json.loads(reply.body)["return_code"] == code

    def test_the_type_is_not_signed_so_that_it_cannot_hide_a_payment(self, rig: Rig) -> None:
        _, url = rig.started()
        rig.play(url, "succeed")
        (request,) = rig.inbox.wait_for(1)
        assert rig.read(with_fields(request, type=2)) == rig.read(request) != []

    @pytest.mark.parametrize("body", [b"", b"[]", b'{"mac": "x"}', b'{"data": {}, "mac": "x"}', b'{"data": ""}'])
    def test_an_envelope_without_data_is_malformed(self, rig: Rig, body: bytes) -> None:
        with pytest.raises(WebhookRejected) as rejected:
            rig.adapter.verify(RawRequest("POST", "", {}, body), datetime.now(UTC))
        assert rejected.value.reason is RejectionReason.MALFORMED

    def test_an_order_of_another_system_on_the_same_account_is_not_ours(self, rig: Rig) -> None:
        data = {"app_id": 2553, "app_trans_id": "261125_shop-7", "zp_trans_id": 261125000000001, "amount": 5}
        (seen,) = rig.read(callback(json.dumps({**data, "server_time": 1_700_000_000_000})))
        assert isinstance(seen, PaymentObservation)
        assert (seen.payment_id, seen.provider_payment_id) == (None, "261125_shop-7")

    def test_the_browser_returns_with_more_than_it_was_given(self, rig: Rig) -> None:
        _, url = rig.started()
        told = parse_qs(httpx.URL(rig.play(url, "succeed").headers["location"]).query.decode())
        assert told["status"] == ["1"]
        assert "checksum" in told


class TestNames:
    """Our names for orders and refunds, made from our ids: the same on every retry."""

    def test_the_day_is_that_of_vietnam(self) -> None:
        late = datetime(2026, 1, 31, 17, 0, tzinfo=UTC)
        assert wire.day(late - timedelta(milliseconds=1)) == "260131"
        assert wire.day(late) == "260201"

    @given(st.uuids(), st.integers(0, 70 * 365))
    def test_our_ids_are_found_in_the_names_again(self, ours: UUID, days: int) -> None:
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=days)
        order, refund = wire.order_id(ours, at), wire.refund_id("1234567890", ours, at)
        assert len(order) <= 40
        assert len(refund) <= 45
        assert (wire.payment_of(order), wire.refund_of(refund)) == (ours, ours)

    @pytest.mark.parametrize("name", ["", "261125_1", "261125_2553_console1", "x" * 39, "261125_" + "g" * 32])
    def test_a_name_of_others_is_not_ours(self, name: str) -> None:
        assert wire.payment_of(name) is None
        assert wire.refund_of(name) is None


class TestSignatures:
    def test_an_order_is_signed_as_zalopays_own_sdk_does(self) -> None:
        """What the SDK makes of its public sandbox key."""
        values = ("2553", "230407_13221300383", "user123", 50_000, 1_680_848_533_635, "{}", "[]")
        assert (
            wire.mac("PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL", *values)
            == "66743b6b1093af5eb86e056663985e8d68ac1707285434776374001d4f810863"
        )

    @settings(deadline=None)
    @given(st.text(), st.text(min_size=1), st.data())
    def test_any_change_of_the_data_breaks_the_signature(self, data: str, key: str, draw: st.DataObject) -> None:
        other = draw.draw(st.text().filter(lambda text: text.encode(errors="replace") != data.encode(errors="replace")))
        assert wire.callback_mac(key, data) != wire.callback_mac(key, other)


def stranger(
    rig: Rig, *, app_id: str = APP_ID, key1: str = KEY1, callback_keys: tuple[str, ...] = KEYS2
) -> ZaloPayProvider:
    """An adapter with other keys."""
    return ZaloPayProvider(Access(rig.simulator.url, app_id, key1, callback_keys), settlement.files(rig.settings))


def with_fields(request: RawRequest, **fields: Any) -> RawRequest:
    """`request` with other fields in its envelope; None takes one away."""
    envelope = {**json.loads(request.body), **fields}
    kept = {name: value for name, value in envelope.items() if value is not None}
    return replace(request, body=json.dumps(kept).encode())


def altered_order(rig: Rig, change: Mapping[str, str]) -> dict[str, Any]:
    """What ZaloPay says to an order that is well but for `change`, and rightly signed."""
    since = len(rig.traffic())
    rig.started()
    sent = dict(parse_qsl(rig.traffic(since)[0]["body"], keep_blank_values=True))
    fresh = {**sent, "app_trans_id": wire.order_id(uuid4(), datetime.now(UTC)), **change}
    return posted(rig, "create", fresh | {"mac": wire.mac(KEY1, *(fresh[name] for name in simulator.CREATE.signed))})


def posted(rig: Rig, operation: str, fields: Mapping[str, str]) -> dict[str, Any]:
    form = urlencode(fields)
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer: dict[str, Any] = httpx.post(f"{rig.simulator.url}/v2/{operation}", content=form, headers=headers).json()
    return answer


def aged(rig: Rig, begun: PaymentRef, by: timedelta) -> None:
    """Make the order so much older."""
    bank = rig.simulator.bank
    payment = bank.books.find("payment", payment_id=str(begun.payment_id))
    assert payment is not None
    with bank.change() as change:
        change.put("payment", {**payment, "created": payment["created"] - int(by.total_seconds())})
