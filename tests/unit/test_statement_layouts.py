"""Column maps of banks' statements: read all or nothing, and each fault told with its place."""

import io
from pathlib import Path

import pytest

from gateway.ports.statement import Statement, StatementEntry
from gateway.ports.statements import StatementFormat, format_of, read_statement
from reconciliation.statements.layouts import newest, read_layouts

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "statement-layouts"
EXAMPLE = (EXAMPLES / "example-bank-1.yaml").read_text()
FILE = """SAO KÊ
Ngày;Số tham chiếu;Nợ;Có;Số dư;Nội dung
30/01/2026;FT1;;150.000;250.000;"LỆ PHÍ; HC42"
TỔNG;1;150.000
"""


def written(folder: Path, text: str, name: str = "map.yaml") -> str:
    (folder / name).write_text(text)
    return str(folder)


def test_the_example_reads_a_file_of_its_kind() -> None:
    layouts, faults = read_layouts(str(EXAMPLES))
    assert faults == []
    layout = layouts["example-bank/1"]
    assert format_of(FILE.encode(), layout) is StatementFormat.DELIMITED
    head, entry = read_statement(io.BytesIO(FILE.encode()), layout)
    assert isinstance(head, Statement)
    assert isinstance(entry, StatementEntry)
    assert (head.account, entry.signed.amount_minor, entry.servicer_reference) == ("0071000123456", 150_000, "FT1")


def test_the_newest_version_is_meant_unless_one_is_named(tmp_path: Path) -> None:
    written(tmp_path, EXAMPLE, "a.yaml")
    written(tmp_path, EXAMPLE.replace("version: 1", "version: 10"), "b.yaml")
    layouts, faults = read_layouts(str(tmp_path))
    assert faults == []
    assert newest(layouts, "example-bank") == "example-bank/10"
    assert newest(layouts, "example-bank/1") == "example-bank/1"
    assert (newest(layouts, "another"), newest(layouts, "example-bank/2")) == (None, None)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("version: 1", "version: one", "version: must be a whole number"),
        ("name: example-bank\n", "", "name: is missing: add it"),
        ("currency: VND", "currency: DONG", "currency: must be an ISO 4217 code"),
        ("  text: Nội dung", "  text: Diễn giải", "text is not in columns"),
        ("  booked_on: Ngày\n", "", "booked_on is missing"),
        ("newest_first: false", "newest: false", "newest: Unknown field."),
        ("version: 1", "version: 1\nversion: 2", "is not YAML"),
    ],
)
def test_a_fault_is_told_with_its_file_and_its_place(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in EXAMPLE
    layouts, faults = read_layouts(written(tmp_path, EXAMPLE.replace(old, new, 1)))
    assert layouts == {}
    assert len(faults) == 1
    assert faults[0].startswith(f"{tmp_path}/map.yaml: ")
    assert fault in faults[0]


def test_no_folder_is_no_layouts_and_a_wrong_one_a_fault(tmp_path: Path) -> None:
    assert read_layouts("") == ({}, [])
    (fault,) = read_layouts(str(tmp_path / "nowhere"))[1]
    assert "GATEWAY_STATEMENT_LAYOUTS" in fault
