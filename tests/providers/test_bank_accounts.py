"""Statements that a bank leaves in a folder, and accounts that it names otherwise than payers do."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.domain.payment import PaymentStatus
from gateway.ports.provider import CreatePayment, CreditObservation, OutcomeUnknown, SettlementWindow
from providers.bank_transfer import wire
from providers.bank_transfer.adapter import Builder
from providers.bank_transfer.schemes import SCHEMES
from providers.settings import UnusableSetting
from providers.transport import TIMEOUT
from tests.providers.rig import ref
from tests.providers.test_bank_api import FACTS, HOUR, opened
from tests.providers.transfer_rig import TransferRig

NAMES = "0071000123456=201403121W, 0071000999999=T20GA9999A"


class TestStatementsInAFolder:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        folder = tmp_path / "arrived"
        folder.mkdir()
        return folder

    @pytest.fixture
    def rig(self, tmp_path: Path, folder: Path) -> Iterator[TransferRig]:
        yield from opened("vietqr", tmp_path, GATEWAY_VIETQR_STATEMENT_DIR=str(folder))

    @pytest.fixture
    def arrived(self, rig: TransferRig, folder: Path) -> Path:
        """Today's statement in the folder, as the bank's API would give it; it holds one payment."""
        rig.paid()
        (batch, _), window = rig.settled()[0], SettlementWindow(rig.today(), rig.today())
        assert [one.id for one in rig.adapter.list_settlements(window)] == [batch.id]
        account, statement = batch.id.split("/")
        written = rig.simulator.bank.statements.written(account, statement, datetime.now(UTC))  # type: ignore[attr-defined]
        file = folder / "camt053-today.xml"
        file.write_bytes(written)
        return file

    def test_one_that_the_api_has_too_is_one_statement_and_read_without_the_bank(
        self, rig: TransferRig, arrived: Path
    ) -> None:
        expected, today = rig.settled(), rig.today()
        assert len(expected) == 1
        batch, lines = expected[0]
        rig.fault("read_settlement", "error_500_before", times=9)
        assert list(rig.adapter.read_settlement(batch)) == lines
        arrived.unlink()
        with pytest.raises(OutcomeUnknown):
            list(rig.adapter.read_settlement(batch))
        assert (
            list(rig.adapter.list_settlements(SettlementWindow(today - 9 * timedelta(1), today - timedelta(1)))) == []
        )

    def test_a_file_that_the_api_does_not_list_counts(self, rig: TransferRig, arrived: Path) -> None:
        other = arrived.read_bytes().replace(b"257678859", b"111111111")
        (arrived.parent / "other.XML").write_bytes(other)
        assert {batch.id.split("/")[0] for batch, _ in rig.settled()} == {"257678859", "111111111"}

    def test_what_is_no_statement_of_ours_is_named_or_left_alone(self, rig: TransferRig, arrived: Path) -> None:
        window = SettlementWindow(rig.today(), rig.today())
        (arrived.parent / "half.xml.part").write_bytes(b"<Docu")
        assert len(rig.adapter.list_settlements(window)) == 1
        (arrived.parent / "broken.xml").write_bytes(b"<Docu")
        with pytest.raises(OutcomeUnknown, match=r"broken\.xml"):
            rig.adapter.list_settlements(window)

    def test_one_whose_entries_do_not_make_its_balance_is_listed_and_refused_whole(
        self, rig: TransferRig, arrived: Path
    ) -> None:
        arrived.write_bytes(arrived.read_bytes().replace(b">150000<", b">150001<", 1))
        (batch,) = rig.adapter.list_settlements(SettlementWindow(rig.today(), rig.today()))
        with pytest.raises(OutcomeUnknown, match="closing balance"):
            list(rig.adapter.read_settlement(batch))

    def test_a_folder_that_is_not_there_is_no_empty_settlement(self, rig: TransferRig, folder: Path) -> None:
        folder.rmdir()
        with pytest.raises(OutcomeUnknown, match="folder"):
            rig.adapter.list_settlements(SettlementWindow(rig.today(), rig.today()))


class TestAnotherCurrency:
    """What another scheme has at the same bank, for the same client, is not this one's."""

    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[TransferRig]:
        folder = tmp_path / "arrived"
        folder.mkdir()
        yield from opened("vietqr", tmp_path, GATEWAY_VIETQR_STATEMENT_DIR=str(folder))

    @pytest.fixture
    def elsewhere(self, rig: TransferRig) -> CreatePayment:
        """A payment of ours, whose number and amount came in another currency."""
        command, bank = rig.command(), rig.simulator.bank
        booked = {"account": rig.payee.number, "amount_minor": command.amount.amount_minor, "text": command.reference}
        ours = bank.scheme  # type: ignore[attr-defined]
        bank.scheme = replace(ours, currency="EUR")  # type: ignore[attr-defined]
        rig.control("POST", "credits", **booked)
        bank.scheme = ours  # type: ignore[attr-defined]
        return command

    def test_its_credits_are_neither_listed_nor_pay(self, rig: TransferRig, elsewhere: CreatePayment) -> None:
        outcome = rig.adapter.create_payment(elsewhere)
        assert rig.adapter.query_payment(ref(elsewhere, outcome)).status is PaymentStatus.PENDING
        rig.fault("query", "unknown_code")
        assert rig.adapter.query_payment(ref(elsewhere, outcome)).status is PaymentStatus.PENDING
        assert list(rig.adapter.list_credits(elsewhere.created_at - HOUR, elsewhere.created_at + HOUR)) == []

    def test_nothing_is_heard_of_it(self, rig: TransferRig, elsewhere: CreatePayment) -> None:
        (request,) = rig.inbox.wait_for(1)
        assert b"EUR" in request.body
        assert rig.read(request) == []

    def test_its_statement_is_not_listed(self, rig: TransferRig, elsewhere: CreatePayment) -> None:
        assert rig.settled() == []
        (batch,) = rig.simulator.bank.books.all("batch")
        assert batch["currency"] == "EUR"

    def test_of_a_statement_without_balances_its_lines_are_left_out(
        self, rig: TransferRig, elsewhere: CreatePayment, tmp_path: Path
    ) -> None:
        rig.settled()
        (batch,) = rig.simulator.bank.books.all("batch")
        bank, now = rig.simulator.bank, datetime.now(UTC)
        written = bank.statements.written(rig.payee.number, batch["id"], now)  # type: ignore[attr-defined]
        assert b'Ccy="EUR"' in written
        days = f"<FrToDt><FrDtTm>{rig.today()}</FrDtTm><ToDtTm>{rig.today()}</ToDtTm></FrToDt>"
        unstated = re.sub(rb"<Bal>.*</Bal>", days.encode(), written, flags=re.DOTALL)
        (tmp_path / "arrived" / "other.xml").write_bytes(unstated)
        ((listed, lines),) = rig.settled()
        assert (listed.total, lines) == (None, [])


class TestAccountsThatTheBankNamesOtherwise:
    @pytest.fixture
    def rig(self, tmp_path: Path) -> Iterator[TransferRig]:
        yield from opened("paynow", tmp_path, GATEWAY_PAYNOW_ACCOUNTS=NAMES)

    @pytest.mark.parametrize("form", ["json", wire.CAMT])
    def test_a_credit_is_told_on_the_account_that_payers_know(self, rig: TransferRig, form: str) -> None:
        rig.control("POST", "notify-by", form=form)
        command = rig.command()
        outcome = rig.adapter.create_payment(command)
        booked = {"account": "0071000123456", "amount_minor": command.amount.amount_minor, "text": command.reference}
        rig.control("POST", "credits", **booked)
        (heard,) = rig.heard(CreditObservation)
        (listed,) = rig.adapter.list_credits(command.created_at - HOUR, command.created_at + HOUR)
        ((_, (line,)),) = rig.settled()
        assert heard == listed == line.credit
        assert heard.account == rig.payee.number
        assert rig.adapter.query_payment(ref(command, outcome)).status is PaymentStatus.SUCCEEDED

    @pytest.mark.parametrize("wrong", ["x", "a=b=c", "=b", "a=", "a=b,", "a=b,a=c"])
    def test_names_that_cannot_be_read_stop_the_start(self, wrong: str) -> None:
        settings = {**FACTS["paynow"].settings, "GATEWAY_PAYNOW_BANK_URL": "http://127.0.0.1:9"}
        with pytest.raises(UnusableSetting, match="GATEWAY_PAYNOW_ACCOUNTS"):
            Builder(SCHEMES["paynow"])({**settings, "GATEWAY_PAYNOW_ACCOUNTS": wrong}, TIMEOUT)
