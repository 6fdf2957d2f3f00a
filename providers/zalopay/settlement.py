"""ZaloPay's settlement: a file a day in the layout of the contract, which ZaloPay does not publish.

The layout of the demo lies in column_map.yaml. A line names its order by app_trans_id, which holds our payment's id,
and a refund by m_refund_id, which holds our refund's.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gateway.ports.provider import SettlementLine
from providers.column_map import ColumnMap
from providers.settings import required
from providers.settlement_files import FileSettlements, directory_setting, layout_of
from providers.zalopay import wire

NAME = "zalopay"
FOLDER = directory_setting(NAME)
DEMO_MAP = Path(__file__).parent / "column_map.yaml"


def layout(environment: Mapping[str, str]) -> ColumnMap:
    """Raises MissingSettings, UnusableSetting."""
    return layout_of(NAME, environment, DEMO_MAP)


def files(environment: Mapping[str, str]) -> FileSettlements:
    """Raises MissingSettings, UnusableSetting."""
    folder = Path(required(NAME, environment, (FOLDER,))[FOLDER])
    return FileSettlements(folder, layout(environment), _payment)


def named(line: SettlementLine) -> SettlementLine:
    """A refund says which one of ours it is by its m_refund_id, also if its answer was lost."""
    ours = wire.refund_of(line.provider_refund_id or "")
    return line if ours is None else replace(line, merchant_reference=str(ours))


def _payment(app_trans_id: str) -> str | None:
    ours = wire.payment_of(app_trans_id)
    return None if ours is None else str(ours)
