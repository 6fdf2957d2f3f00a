"""VNPAY's daily files arrive by themselves, also for a day on which nothing moved."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.domain.money import Money
from gateway.ports.provider import BatchRef, SettlementWindow
from providers.settings import MissingSettings, UnusableSetting
from providers.simulation import server
from providers.vnpay.adapter import build
from providers.vnpay.settlement import DEMO_MAP
from tests.providers.rig import FOLDER, Inbox, Rig

SETTINGS = {
    "GATEWAY_VNPAY_TMN_CODE": "CONGPHI1",
    "GATEWAY_VNPAY_SECRETS": "one,two",
    "GATEWAY_VNPAY_SETTLEMENT_DIR": FOLDER,
}
PATIENCE_S = 30


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(server, "CLOSE_DAYS_EVERY_S", 0)
    inbox = Inbox()
    rig = Rig("vnpay", SETTINGS, tmp_path, "GATEWAY_VNPAY_BASE_URL", inbox)
    yield rig
    rig.close()
    inbox.stop()


def arrived(rig: Rig, window: SettlementWindow, count: int) -> list[BatchRef]:
    """The batches of `window`, once there are so many."""
    deadline = time.monotonic() + PATIENCE_S
    folder = Path(rig.settings["GATEWAY_VNPAY_SETTLEMENT_DIR"])
    while len(list(folder.glob("vnpay-*"))) < count:
        assert time.monotonic() < deadline, "the files did not come"
        time.sleep(0.05)
    return list(rig.adapter.list_settlements(window))


def test_a_file_comes_for_every_day_that_is_over(rig: Rig) -> None:
    bank, days = rig.simulator.bank, [rig.today() - timedelta(days=ago) for ago in (3, 2, 1)]
    paid = rig.paid()
    with bank.change() as change:
        for movement in bank.books.all("movement"):
            change.put("movement", {**movement, "occurred": movement["occurred"] - 3 * 24 * 60 * 60})
    batches = arrived(rig, SettlementWindow(days[0], rig.today()), count=3)
    assert [(batch.id, batch.business_date) for batch in batches] == [
        (f"vnpay-{day:%Y%m%d}-1.csv", day) for day in days
    ]
    assert [batch.total for batch in batches[1:]] == [Money(0, "VND")] * 2
    (line,) = rig.adapter.read_settlement(batches[0])
    assert (line.provider_transaction_id, line.merchant_reference) == (
        paid.provider_transaction_id,
        str(paid.payment_id),
    )


class TestSettings:
    GOOD = SETTINGS | {"GATEWAY_VNPAY_BASE_URL": "http://127.0.0.1:9"}

    def test_a_map_that_cannot_be_used_stops_the_start_and_says_why(self, tmp_path: Path) -> None:
        spoilt = tmp_path / "map.yaml"
        spoilt.write_text(DEMO_MAP.read_text().replace("delimiter:", "separator:"))
        with pytest.raises(UnusableSetting) as unusable:
            build(self.GOOD | {"GATEWAY_VNPAY_SETTLEMENT_MAP": str(spoilt)})
        assert "GATEWAY_VNPAY_SETTLEMENT_MAP" in str(unusable.value)
        assert f"{spoilt}: file.delimiter: is missing: add it" in str(unusable.value)

    @pytest.mark.parametrize("name", ["GATEWAY_VNPAY_API_BASE_URL", "GATEWAY_VNPAY_IP_ADDRESS"])
    def test_what_may_be_left_out_may_not_be_blank(self, name: str) -> None:
        with pytest.raises(MissingSettings, match=name):
            build(self.GOOD | {name: " "})

    def test_the_address_that_goes_out_must_be_one(self) -> None:
        with pytest.raises(UnusableSetting, match="GATEWAY_VNPAY_IP_ADDRESS: is not an IP address"):
            build(self.GOOD | {"GATEWAY_VNPAY_IP_ADDRESS": "localhost"})
        build(self.GOOD | {"GATEWAY_VNPAY_IP_ADDRESS": "203.0.113.7"}).close()
