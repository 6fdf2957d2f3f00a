"""PayGov's settlement: a file a business date, laid out as the contract's column map says.

PayGov publishes no layout, so the demo's (settlement_map.yaml) is ours; a contract's is named by a setting. A line
names our payment by the transaction id, which is our payment id in other digits.
"""

from collections.abc import Mapping
from pathlib import Path
from uuid import UUID

from providers.column_map import ColumnMap
from providers.paygov import wire
from providers.settlement_files import FileSettlements, directory_setting, layout_of

PROVIDER = "paygov"
DIRECTORY = directory_setting(PROVIDER)
DEMO_MAP = Path(__file__).with_name("settlement_map.yaml")


def layout(environment: Mapping[str, str]) -> ColumnMap:
    """Raises MissingSettings or UnusableSetting."""
    return layout_of(PROVIDER, environment, DEMO_MAP)


def files(environment: Mapping[str, str], folder: Path) -> FileSettlements:
    """The files in `folder`. Raises MissingSettings or UnusableSetting."""
    return FileSettlements(folder, layout(environment), payment_of)


def payment_of(transaction: str) -> str | None:
    """Our payment id behind a transaction id; None if it is not of our making."""
    found = wire.payment_id(transaction)
    return None if found is None else str(found)


def reference_of(payment_id: str) -> str:
    """The reverse, for who plays PayGov."""
    return wire.transaction_id(UUID(payment_id))
