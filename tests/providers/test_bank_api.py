"""The bank itself: what it tells and in which form, what its app refuses, what arrives in a folder and what is kept."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.domain.payment import PaymentStatus
from gateway.domain.reference import rf as rf_of
from gateway.ports.provider import (
    CreditObservation,
    DisputeObservation,
    OutcomeUnknown,
    Payee,
    RefundObservation,
    RefundRef,
    Rejected,
    Unsupported,
)
from providers import signing
from providers.bank_transfer import outcomes, wire
from providers.bank_transfer.adapter import Builder
from providers.bank_transfer.client import BankClient
from providers.bank_transfer.schemes import SCHEMES
from providers.settings import UnusableSetting
from providers.transport import TIMEOUT
from tests.providers.rig import Inbox, ref
from tests.providers.test_bank_transfer import SECRETS, TestEpn, TestFik, TestPayNow, TestSepa, TestVietQr
from tests.providers.transfer_rig import TransferRig

FACTS = {facts.provider: facts for facts in (TestVietQr, TestPayNow, TestSepa, TestFik, TestEpn)}
del TestVietQr, TestPayNow, TestSepa, TestFik, TestEpn  # they run in their own module

HOUR = timedelta(hours=1)


def opened(name: str, folder: Path, **settings: str) -> Iterator[TransferRig]:
    facts, inbox = FACTS[name], Inbox()
    rig = TransferRig(name, {**facts.settings, **settings}, folder, facts.base_url_setting, inbox)
    rig.payee, rig.fee = facts.payee, facts.fee
    yield rig
    rig.close()
    inbox.stop()


@pytest.fixture
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TransferRig]:
    yield from opened(getattr(request, "param", "vietqr"), tmp_path)


def every(*names: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("rig", names or list(FACTS), indirect=True)


class TestWhatThePayerIsGiven:
    def test_each_scheme_writes_the_reference_in_the_habit_of_its_country(self, tmp_path: Path) -> None:
        shown = {}
        for name in FACTS:
            for rig in opened(name, tmp_path / name):
                action = rig.adapter.create_payment(rig.command(reference=rf_of("02684014996532"))).next_action
                shown[name] = (action.reference, getattr(action, "slip_line", ""))
        assert shown == {
            "vietqr": (rf_of("02684014996532"), ""),
            "paynow": (rf_of("02684014996532"), ""),
            "sepa": (rf_of("02684014996532"), ""),
            "fik": ("026840149965328", "+71<026840149965328+80882939<"),
            "epn": ("1234560284014996532", "12345-6-02-84-014996532"),
        }

    @every("paynow")
    def test_a_paynow_code_expires_on_the_day_in_singapore(self, rig: TransferRig) -> None:
        late = datetime(2026, 11, 25, 16, 30, tzinfo=UTC)  # past midnight there
        action = rig.adapter.create_payment(rig.command(expires_at=late)).next_action
        assert "040820261126" in action.payload
        gone = rig.adapter.create_payment(rig.command(expires_at=datetime.now(UTC) - timedelta(days=2))).next_action
        answer = rig.play(rig.page(gone), "succeed")
        assert (answer.status_code, "expired" in answer.text, rig.credits()) == (422, True, [])

    @every("sepa")
    def test_a_payee_whose_name_no_code_can_hold_is_refused(self, rig: TransferRig) -> None:
        for name in ("", "Politsei\nja"):
            with pytest.raises(Unsupported):
                rig.adapter.create_payment(rig.command(payee=Payee(name, "HABAEE2X", rig.payee.number)))


class TestTheBankingApp:
    @every("vietqr", "paynow", "sepa")
    def test_a_code_that_a_real_app_would_refuse_moves_nothing(self, rig: TransferRig) -> None:
        _, url = rig.started()
        page = httpx.URL(url)
        payload = page.params["payload"]
        for wrong in (
            payload[:-1],
            payload + "0",
            payload.replace("RF", "RX"),
            payload[1:],
            "",
            "https://pay.example/",
        ):
            bad = page.copy_set_param("payload", wrong)
            assert httpx.get(bad).status_code == 422
            assert rig.play(str(bad), "succeed").status_code == 422
        assert rig.credits() == []

    @every("fik", "epn")
    def test_a_number_that_cannot_be_right_moves_nothing(self, rig: TransferRig) -> None:
        _, url = rig.started()
        page = httpx.URL(url)
        number = page.params["reference"]
        for wrong in (number[:-1], number + "0", "", "x" * len(number)):
            assert rig.play(str(page.copy_set_param("reference", wrong)), "succeed").status_code == 422
        for name, value in (("amount", "0"), ("amount", "-1"), ("amount", "x"), ("amount", ""), ("account", "")):
            assert rig.play(str(page.copy_set_param(name, value)), "succeed").status_code == 422
        assert rig.credits() == []

    @every()
    def test_the_bank_hands_on_a_text_in_capitals_cut_and_with_the_payers_words(self, rig: TransferRig) -> None:
        _, url = rig.started()
        rig.play(url, "garbled")
        (heard,) = rig.heard(CreditObservation)
        assert heard.remittance == heard.remittance.upper()
        assert outcomes.WORDS_BEFORE.strip().upper() in heard.remittance
        assert (heard.reference, heard.remittance in repr(heard)) == (None, False)
        rig.control("POST", "credits", account="1", amount_minor=1, text="ä" * 300)
        assert len(rig.heard(CreditObservation, count=2)[1].remittance) == outcomes.TEXT_MAX

    def test_a_payer_is_sent_on_where_the_page_was_asked_to(self, rig: TransferRig) -> None:
        _, url = rig.started()
        there = httpx.URL(url).copy_set_param("return_url", "http://127.0.0.1:9/return")
        assert rig.play(str(there), "succeed").headers["location"] == "http://127.0.0.1:9/return"

    def test_a_page_for_nothing_is_refused(self, rig: TransferRig) -> None:
        for fields in ({}, {"next_action": "x"}, {"next_action": {"type": "redirect"}}):
            answer = httpx.post(f"{rig.simulator.url}/_sim/pay-page", json=fields)
            assert answer.status_code == 409


class TestKnowingAPayment:
    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("{rf}", True),
            ("nop phi {rf} cam on", True),
            ("nopphi{rf}camon", True),
            ("{spaced}", True),
            ("{hyphened}", True),
            ("{rf}7", True),  # the check digits say where it ends
            ("{cut}", False),
            ("{rf} {other}", False),  # two references
            ("", False),
        ],
    )
    def test_a_reference_is_known_however_it_is_written(self, rig: TransferRig, text: str, found: bool) -> None:
        command = rig.command()
        outcome, rf = rig.adapter.create_payment(command), command.reference
        groups = [rf[at : at + 4] for at in range(0, len(rf), 4)]
        spellings = {"spaced": " ".join(groups), "hyphened": "-".join(groups), "cut": rf[:-1]}
        written = text.format(rf=rf.lower(), other=rig.command().reference, **spellings)
        account, amount = rig.payee.number, command.amount.amount_minor
        rig.control("POST", "credits", account=account, amount_minor=amount, text=written)
        status = rig.adapter.query_payment(ref(command, outcome)).status
        assert status is (PaymentStatus.SUCCEEDED if found else PaymentStatus.PENDING)

    @every("fik")
    def test_a_number_within_a_longer_one_is_another(self, rig: TransferRig) -> None:
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        number, amount = outcome.next_action.reference, command.amount.amount_minor
        for text in (f"1{number}", f"{number}1"):
            rig.control("POST", "credits", account=rig.payee.number, amount_minor=amount, text=text)
        assert rig.adapter.query_payment(ref(command, outcome)).status is PaymentStatus.PENDING

    def test_what_was_taken_back_pays_nothing_but_is_listed_as_it_moved(self, rig: TransferRig) -> None:
        begun, url = rig.started()
        rig.play(url, "reverse")
        assert rig.adapter.query_payment(begun).status is PaymentStatus.PENDING
        (listed,) = rig.adapter.list_credits(begun.created_at - HOUR, begun.created_at + HOUR)
        assert listed.amount == begun.amount

    def test_the_second_of_two_credits_is_another_movement(self, rig: TransferRig) -> None:
        begun, url = rig.started()
        rig.play(url, "twice")
        first, second = rig.heard(CreditObservation, count=2)
        assert first.provider_transaction_id != second.provider_transaction_id
        known = {first.provider_transaction_id, second.provider_transaction_id}
        assert rig.adapter.query_payment(begun).provider_transaction_id in known

    def test_a_long_list_comes_in_pages_and_whole(self, rig: TransferRig) -> None:
        for number in range(205):
            rig.control("POST", "credits", account="1", amount_minor=number + 1, text="x", silent=True)
        since, now = len(rig.traffic()), datetime.now(UTC)
        listed = list(rig.adapter.list_credits(now - HOUR, now + HOUR))
        assert sorted(credit.amount.amount_minor for credit in listed) == list(range(1, 206))
        assert len(rig.traffic(since)) == 3
        assert list(rig.adapter.list_credits(now - HOUR, now - HOUR)) == []


@every("sepa", "vietqr", "epn")
class TestNotifiedByCamt:
    @pytest.fixture(autouse=True)
    def by_camt(self, rig: TransferRig) -> None:
        rig.control("POST", "notify-by", form=wire.CAMT)

    def test_a_credit_is_told_as_the_list_tells_it(self, rig: TransferRig) -> None:
        begun, url = rig.started()
        rig.play(url, "succeed")
        heard = rig.heard(CreditObservation)
        assert rig.inbox.requests[0].headers["content-type"] == wire.XML
        assert heard == list(rig.adapter.list_credits(begun.created_at - HOUR, begun.created_at + HOUR))

    def test_a_return_is_told_as_a_query_tells_it(self, rig: TransferRig) -> None:
        command = rig.refund_command(rig.paid(), 5_000)
        rig.adapter.refund(command)
        (heard,) = rig.heard(RefundObservation)
        assert heard == rig.adapter.query_refund(RefundRef(command))

    def test_a_return_made_at_the_counter_has_no_id_of_ours(self, rig: TransferRig) -> None:
        paid = rig.paid()
        rig.control("POST", "dashboard-refund", payment=str(paid.payment_id), amount_minor=1_000)
        (heard,) = rig.heard(RefundObservation)
        assert (heard.refund_id, heard.provider_transaction_id) == (None, paid.provider_transaction_id)

    def test_what_the_bank_takes_back_is_a_dispute_and_what_it_gives_again_is_won(self, rig: TransferRig) -> None:
        paid = rig.paid()
        taken = rig.control("POST", "disputes", payment=str(paid.payment_id))
        rig.control("POST", f"disputes/{taken['id']}", status="won")
        heard = rig.heard(DisputeObservation, count=2)
        assert {seen.status for seen in heard} == {"open", "won"}
        for seen in heard:
            assert (seen.amount, seen.provider_dispute_id) == (paid.amount, taken["id"])
            assert seen.provider_transaction_id == paid.provider_transaction_id

    def test_nothing_of_the_payer_is_kept_and_a_repeat_is_known(self, rig: TransferRig) -> None:
        rig.fault("webhook", "duplicate")
        _, url = rig.started()
        rig.play(url, "succeed")
        requests = rig.inbox.wait_for(2)
        assert all(outcomes.PAYER_NAME.encode() in request.body for request in requests)
        verified = [rig.adapter.verify(request, datetime.now(UTC)) for request in requests]
        assert verified[0] == verified[1]
        assert outcomes.PAYER_NAME not in repr(verified)
        assert outcomes.PAYER_ACCOUNT not in repr(verified)


class TestTheApi:
    @pytest.mark.parametrize(
        "change",
        [
            {"surprise": "x"},
            {"return_id": "7"},
            {"amount_minor": "5000"},
            {"amount_minor": True},
            {"amount_minor": 0},
            {"amount_minor": 150_001},
            {"currency": "USD"},
            {"booking_id": "FT0"},
        ],
    )
    def test_a_return_that_is_not_as_agreed_is_refused(self, rig: TransferRig, change: dict[str, Any]) -> None:
        paid = rig.paid()
        fields = {
            "return_id": str(paid.payment_id),
            "booking_id": paid.provider_transaction_id,
            "amount_minor": 5_000,
            "currency": "VND",
        }
        client = BankClient(rig.simulator.url, "ministry", SECRETS[0], httpx.Timeout(10))
        with pytest.raises(Exception) as refused:  # noqa: PT011 - which one, wire.ERROR says
            client.changed("/v1/returns", "key", {**fields, **change})
        client.close()
        assert isinstance(refused.value, Rejected | wire.ERROR["unsupported_currency"])
        assert rig.true_refunds(paid.payment_id) == []

    def test_one_key_for_two_returns_is_refused_and_leaves_the_first(self, rig: TransferRig) -> None:
        paid = rig.paid()
        first, second = rig.refund_command(paid, 1_000), rig.refund_command(paid, 2_000)
        rig.adapter.refund(first)
        with pytest.raises(OutcomeUnknown, match="idempotency_mismatch"):
            rig.adapter.refund(
                type(second)(second.refund_id, paid, second.amount, first.idempotency_key, paid.created_at)
            )
        assert [r["amount_minor"] for r in rig.true_refunds(paid.payment_id)] == [1_000]

    def test_a_stranger_learns_nothing(self, rig: TransferRig) -> None:
        message = signing.request_message("GET", "/v1/credits?reference=", "", b"")
        for client, secret in (("ministry", "another"), ("stranger", SECRETS[0])):
            headers = {wire.CLIENT: client, wire.SIGNATURE: signing.signature(secret, datetime.now(UTC), message)}
            assert httpx.get(f"{rig.simulator.url}/v1/credits?reference=", headers=headers).status_code == 401
        assert httpx.get(f"{rig.simulator.url}/v1/statements").status_code == 401

    def test_a_refund_of_what_was_never_credited_sends_nothing(self, rig: TransferRig) -> None:
        begun, _ = rig.started()
        since = len(rig.traffic())
        with pytest.raises(Rejected):
            rig.adapter.refund(rig.refund_command(begun))
        assert rig.traffic(since) == []


def test_a_time_zone_that_does_not_exist_stops_the_start() -> None:
    settings = {**FACTS["sepa"].settings, "GATEWAY_SEPA_BANK_URL": "http://127.0.0.1:9"}
    for wrong in ("Europe/Atlantis", "../etc/passwd", "Tallinn"):
        with pytest.raises(UnusableSetting, match="GATEWAY_SEPA_TIME_ZONE"):
            Builder(SCHEMES["sepa"])({**settings, "GATEWAY_SEPA_TIME_ZONE": wrong}, TIMEOUT)
