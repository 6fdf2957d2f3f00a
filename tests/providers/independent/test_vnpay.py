"""VNPAY as the npm package `vnpay` understands it: its links, notifications and questions, and ours, are the same."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import PaymentObservation, RawRequest
from providers.plain_text import plain
from providers.vnpay import requests, wire
from tests.providers.independent.client import ask, needs
from tests.providers.rig import FOLDER, Inbox, Rig, ref

pytestmark = needs("vnpay")

TERMINAL, SECRET = "CONGPHI1", "a-secret-of-both"
SETTINGS = {
    "GATEWAY_VNPAY_TMN_CODE": TERMINAL,
    "GATEWAY_VNPAY_SECRETS": f"{SECRET},another",
    "GATEWAY_VNPAY_SETTLEMENT_DIR": FOLDER,
}


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    inbox = Inbox()
    rig = Rig("vnpay", SETTINGS, tmp_path_factory.mktemp("vnpay"), "GATEWAY_VNPAY_BASE_URL", inbox)
    yield rig
    rig.close()
    inbox.stop()


def client(do: str, **asked: Any) -> Any:
    return ask("vnpay.mjs", {"do": do, "terminal": TERMINAL, "secret": SECRET, **asked})


class TestOurs:
    def test_it_believes_our_link(self, rig: Rig) -> None:
        outcome = rig.adapter.create_payment(rig.command(title="Lệ phí: hộ chiếu (số 1) & phí"))
        query = outcome.next_action.url.partition("?")[2]
        assert client("verified", query=query)["isVerified"] is True
        spoilt = query.replace("vnp_Amount=15000000", "vnp_Amount=15000100")
        assert client("verified", query=spoilt)["isVerified"] is False

    def test_it_makes_the_same_link_of_the_same_fields(self, rig: Rig) -> None:
        query = rig.adapter.create_payment(rig.command()).next_action.url.partition("?")[2]
        fields = dict(parse_qsl(query))
        del fields["vnp_SecureHash"]
        assert client("signed", fields=fields) == query

    def test_it_believes_the_simulators_notification_and_reads_it_so(self, rig: Rig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        rig.quiet()
        told = client("verified", query=rig.inbox.requests[-1].query_string)
        assert (told["isVerified"], told["isSuccess"], told["vnp_Amount"]) == (True, True, begun.amount.amount_minor)
        assert told["vnp_TxnRef"] == wire.order_of(begun.payment_id)

    @settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.text(min_size=1, max_size=60).filter(lambda title: bool(plain(title))))
    def test_whatever_a_title_holds_both_encode_what_is_left_of_it_alike(self, title: str) -> None:
        fields = {"vnp_OrderInfo": plain(title), "vnp_ReturnUrl": "https://pay.example/a-b_c.d?payment=1", "vnp_A": ""}
        assert client("signed", fields=fields) == wire.signed_query(SECRET, fields)


class TestTheirs:
    def test_we_believe_a_notification_that_it_signs(self, rig: Rig) -> None:
        command = rig.command()
        fields = {
            "vnp_Amount": 15_000_000,
            "vnp_BankCode": "NCB",
            "vnp_BankTranNo": "",
            "vnp_OrderInfo": "Thanh toán đơn hàng: số 1 (hộ chiếu)",
            "vnp_PayDate": "20260131235959",
            "vnp_ResponseCode": "00",
            "vnp_TmnCode": TERMINAL,
            "vnp_TransactionNo": "14422574",
            "vnp_TransactionStatus": "00",
            "vnp_TxnRef": wire.order_of(command.payment_id),
        }
        (seen,) = rig.read(RawRequest("GET", client("signed", fields=fields), {}, b""))
        assert seen == PaymentObservation(
            status=PaymentStatus.SUCCEEDED,
            occurred_at=datetime(2026, 1, 31, 16, 59, 59, tzinfo=UTC),
            payment_id=command.payment_id,
            provider_payment_id=wire.order_of(command.payment_id),
            provider_transaction_id="14422574",
            amount=command.amount,
            code="00",
        )

    def test_the_simulator_takes_the_link_that_it_makes(self, rig: Rig) -> None:
        command = rig.command()
        link = client(
            "link",
            host=rig.simulator.url,
            fields={
                "vnp_Amount": command.amount.amount_minor,
                "vnp_IpAddr": "127.0.0.1",
                "vnp_TxnRef": wire.order_of(command.payment_id),
                "vnp_OrderInfo": "Phi",
                "vnp_ReturnUrl": "http://127.0.0.1:9/return",
                "vnp_CreateDate": int(wire.stamp(command.created_at)),
                "vnp_ExpireDate": int(wire.stamp(command.created_at + timedelta(minutes=15))),
            },
        )
        assert requests.link(link.partition("?")[2], TERMINAL, [SECRET])["vnp_Amount"] == "15000000"
        assert rig.browser.get(link).status_code == 200
        assert rig.adapter.query_payment(ref(command)).provider_payment_id == wire.order_of(command.payment_id)

    def test_the_simulator_answers_its_questions_and_it_believes_the_answers(self, rig: Rig) -> None:
        paid = rig.paid()
        fields = self.about(paid) | {"vnp_TransactionNo": int(paid.provider_transaction_id or 0)}
        told = client("query", host=rig.simulator.url, fields=fields)
        assert (told["isVerified"], told["isSuccess"]) == (True, True)
        assert (told["vnp_TransactionStatus"], told["vnp_Amount"]) == ("00", "15000000")
        unknown = client("query", host=rig.simulator.url, fields=fields | {"vnp_RequestId": "2", "vnp_TxnRef": "1"})
        assert (unknown["isVerified"], unknown["isSuccess"], unknown["vnp_ResponseCode"]) == (True, False, "91")

    def test_the_simulator_pays_back_what_it_asks_for(self, rig: Rig) -> None:
        """It divides the amount of the answer before it checks the signature, so what it says of that is not asked."""
        paid = rig.paid()
        refund = {"vnp_Amount": 40_000, "vnp_TransactionType": "03", "vnp_CreateBy": "officer"}
        fields = self.about(paid) | refund | {"vnp_TransactionNo": int(paid.provider_transaction_id or 0)}
        told = client("refund", host=rig.simulator.url, fields=fields)
        assert (told["vnp_ResponseCode"], told["isSuccess"]) == ("00", True)
        assert [refund["amount_minor"] for refund in rig.true_refunds(paid.payment_id)] == [40_000]

    def about(self, paid: Any) -> dict[str, Any]:
        return {
            "vnp_RequestId": wire.order_of(paid.payment_id)[::-1],
            "vnp_IpAddr": "127.0.0.1",
            "vnp_TxnRef": wire.order_of(paid.payment_id),
            "vnp_OrderInfo": "Hoi lai",
            "vnp_TransactionDate": int(wire.stamp(paid.created_at)),
            "vnp_CreateDate": int(wire.stamp(datetime.now(UTC))),
        }
