"""MoMo's settlement: a file a business date, in the layout of the contract, or of the demo where none is named.

A payment bears its orderId, which is our payment id, and its transId; a refund those of its payment, and the transId of
its own.
"""

from collections.abc import Mapping
from pathlib import Path

from providers.column_map import ColumnMap
from providers.momo import wire
from providers.settlement_files import FileSettlements, directory_setting, layout_of

NAME = "momo"
FOLDER = directory_setting(NAME)

_DEMO_MAP = Path(__file__).with_name("settlement.yaml")


def layout(environment: Mapping[str, str]) -> ColumnMap:
    """Raises MissingSettings or UnusableSetting."""
    return layout_of(NAME, environment, _DEMO_MAP)


def files(folder: str, environment: Mapping[str, str]) -> FileSettlements:
    """Raises MissingSettings or UnusableSetting."""
    return FileSettlements(Path(folder), layout(environment), _payment_of)


def _payment_of(order_id: str) -> str | None:
    ours = wire.payment_of(order_id)
    return None if ours is None else str(ours)
