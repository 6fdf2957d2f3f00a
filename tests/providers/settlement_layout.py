"""A layout with everything that one can have, a file in it, and its lines."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from gateway.domain.money import Money
from gateway.ports.provider import LineKind, SettlementLine, SettlementWindow
from providers.column_map import ColumnMap, read_map
from providers.settlement_files import FileSettlements

MAP: dict[str, Any] = {
    "version": 3,
    "file": {
        "name": "bank_{date}_{number}.csv",
        "date": "%Y%m%d",
        "daily": True,
        "encoding": "utf-8",
        "line_end": "lf",
        "delimiter": ",",
    },
    "columns": ["id", "type", "order", "ref", "refund", "ccy", "amount", "fee", "net", "at", "state", "shop"],
    "fields": {
        "line_id": "id",
        "kind": "type",
        "merchant_reference": "order",
        "provider_transaction_id": "ref",
        "provider_refund_id": "refund",
        "currency": "ccy",
        "gross": "amount",
        "fee": "fee",
        "net": "net",
        "occurred_at": "at",
        "status": "state",
    },
    "kinds": {
        "PAY": "payment",
        "BACK": "refund",
        "BACK_FAILED": "refund",
        "DISPUTE": "chargeback",
        "DISPUTE_WON": "chargeback_reversal",
        "COST": "fee",
        "PLUS": "adjustment",
        "MINUS": "adjustment",
    },
    "outgoing": ["BACK", "DISPUTE", "COST", "MINUS"],
    "amounts": {"unit": "major", "decimal_mark": ".", "thousands_mark": "", "signs": "by_kind"},
    "times": {"format": "%d/%m/%Y %H:%M:%S", "zone": "+07:00"},
    "settled": ["OK", "DONE"],
    "trailer": {"cells": ["marker", "count", "blank", "net"], "marker": "SUM", "currency": "VND", "total": "reported"},
}
DAY = date(2026, 1, 31)
NAME = "bank_20260131_1.csv"
LINE = SettlementLine(
    line_id="1",
    kind=LineKind.PAYMENT,
    gross=Money(12_150_000, "VND"),
    fee=Money(1_650, "VND"),
    occurred_at=datetime(2026, 1, 31, 16, 59, 58, tzinfo=UTC),
    provider_transaction_id="900",
    merchant_reference="abc",
    status="OK",
)
REFUND = SettlementLine(
    line_id="2",
    kind=LineKind.REFUND,
    gross=Money(-40_000, "VND"),
    fee=Money(0, "VND"),
    occurred_at=datetime(2026, 1, 31, 17, 0, tzinfo=UTC),
    provider_transaction_id="900",
    provider_refund_id="r-1",
    status="LATER",
    settled=False,
)
FILE = b"""id,type,order,ref,refund,ccy,amount,fee,net,at,state,shop
1,PAY,abc,900,,VND,12150000,1650,12148350,31/01/2026 23:59:58,OK,
2,BACK,,900,r-1,VND,40000,0,40000,01/02/2026 00:00:00,LATER,
SUM,2,,12108350
"""


def changed(path: str, value: object) -> dict[str, Any]:
    """MAP with what is at `path` replaced; None takes it away."""
    result: dict[str, Any] = yaml.safe_load(yaml.safe_dump(MAP))
    *parents, last = path.split(".")
    inner = result
    for name in parents:
        inner = inner[name]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return result


def layout(tmp_path: Path, content: object = MAP) -> ColumnMap:
    path = tmp_path / "map.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return read_map(path)


def source(folder: Path, content: object = MAP) -> FileSettlements:
    return FileSettlements(folder, layout(folder.parent, content))


def read(files: FileSettlements, day: date = DAY) -> list[SettlementLine]:
    batches = files.list_settlements(SettlementWindow(day, day))
    return [line for batch in batches for line in files.read_settlement(batch)]
