"""What the simulators of providers send that settle by file."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.domain.money import Money
from gateway.ports.provider import BatchRef, OutcomeUnknown, SettlementWindow
from providers.simulation.faults import FILE_FAULTS, Fault, Switchboard
from providers.simulation.outbox import SETTLED, Outbox
from tests.providers.settlement_layout import DAY, NAME, layout, read, source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "settlements"


class TestOutbox:
    def outbox(self, folder: Path) -> Outbox:
        return Outbox(folder, layout(folder.parent), lambda ours: ours.upper())

    def batch(self, outbox: Outbox) -> dict[str, Any]:
        moved = {"kind": "payment", "payment_id": "abc", "currency": "VND", "status": SETTLED, "refund_id": None}
        lines = [
            {
                **moved,
                "id": f"m{n}",
                "transaction_id": f"t{n}",
                "gross_minor": 150_000 + n,
                "fee_minor": n,
                "occurred": n,
            }
            for n in range(3)
        ]
        lines[2] |= {"status": "reversed", "payment_id": None}
        return {"id": outbox.batch_id(DAY, 1), "currency": "VND", "lines": lines}

    def test_the_gateway_reads_what_the_simulator_sends(self, folder: Path) -> None:
        outbox = self.outbox(folder)
        outbox.send(DAY, [(self.batch(outbox), 450_000)], Switchboard())
        files = source(folder)
        (batch,) = files.list_settlements(SettlementWindow(DAY, DAY))
        assert batch == BatchRef(NAME, DAY, Money(450_000, "VND"))
        lines = list(files.read_settlement(batch))
        assert [line.gross.amount_minor - line.fee.amount_minor for line in lines] == [150_000] * 3
        assert [(line.settled, line.merchant_reference) for line in lines] == [
            (True, "ABC"),
            (True, "ABC"),
            (False, None),
        ]

    @pytest.mark.parametrize("fault", FILE_FAULTS)
    def test_every_fault_of_a_file_is_refused_until_it_is_sent_again(self, folder: Path, fault: str) -> None:
        board, outbox = Switchboard(), self.outbox(folder)
        board.arm(Fault("settlement_file", fault))
        outbox.send(DAY, [(self.batch(outbox), 450_000)], board)
        with pytest.raises(OutcomeUnknown):
            read(source(folder))
        outbox.send(DAY, [(self.batch(outbox), 450_000)], board)
        assert len(read(source(folder))) == 3

    def test_a_day_on_which_nothing_moved_has_an_empty_file(self, folder: Path) -> None:
        outbox, after = self.outbox(folder), DAY + timedelta(days=1)
        assert outbox.missing_days(after) == set()
        outbox.send(DAY, [(self.batch(outbox), 450_000)], Switchboard())
        assert outbox.missing_days(after) == {after}
        outbox.send(after, [], Switchboard())
        assert outbox.missing_days(after) == set()
        (batch,) = source(folder).list_settlements(SettlementWindow(after, after))
        assert batch.total == Money(0, "VND")
        assert read(source(folder), after) == []

    def test_today_has_no_empty_file_while_something_can_still_move(self, folder: Path) -> None:
        outbox, today = self.outbox(folder), datetime.now(layout(folder.parent).zone).date()
        outbox.send(today, [], Switchboard())
        assert not folder.exists()
