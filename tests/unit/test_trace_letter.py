"""A trace request as a letter: both sides by references, amounts and days, and never who paid."""

import io
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pypdf import PdfReader

from reconciliation.reports.pdf import as_pdf
from reconciliation.reports.trace import Letter, trace_document

PAYMENT = UUID(int=7)
EVIDENCE: dict[str, Any] = {
    "provider_transaction_id": "SBX-1",
    "expected_minor": 200_000,
    "expected_currency": "VND",
    "reported_minor": 180_000,
    "reported_currency": "VND",
    "settlement": {
        "batch": "2026-11-22-VND-1",
        "line": 4,
        "line_id": "L4",
        "transaction": "SBX-1",
        "merchant_reference": "NGUYEN VAN CANARY nop le phi",
        "gross_minor": 180_000,
        "fee_minor": 2_200,
        "currency": "VND",
        "occurred_at": "2026-11-22T03:00:00+00:00",
    },
    "ledger": {
        "reference": "SBX-1",
        "amount_minor": 200_000,
        "currency": "VND",
        "business_date": "2026-11-22",
    },
}


def letter(kind: str = "trace", **changed: Any) -> Letter:
    trace: Any = SimpleNamespace(id=UUID(int=9), kind=kind, addressee="Ngân hàng Thử", due_on=date(2027, 1, 6))
    about = {
        "kind": "amount_mismatch",
        "provider": "sandbox",
        "business_date": date(2026, 11, 22),
        "amount_minor": -20_000,
        "currency": "VND",
        "payment_id": PAYMENT,
        "refund_id": None,
        "evidence": EVIDENCE,
    }
    found: Any = SimpleNamespace(**about | changed)
    return Letter(trace, found, {"vi": "Công an tỉnh", "en": "Provincial police"}, date(2026, 11, 23))


def text_of(letter: Letter, language: str) -> tuple[PdfReader, str]:
    reader = PdfReader(io.BytesIO(b"".join(as_pdf(trace_document(letter, language)))))
    return reader, " ".join(" ".join(page.extract_text() for page in reader.pages).split())


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("vi", ("Đề nghị tra soát", "Công an tỉnh", "200.000 VND", "180.000 VND", "trả lời bằng văn bản")),
        ("en", ("Trace request", "Provincial police", "200,000 VND", "180,000 VND", "tell us in writing")),
    ],
)
def test_the_letter_says_what_is_asked_and_what_both_sides_have(language: str, told: tuple[str, ...]) -> None:
    reader, text = text_of(letter(), language)
    for piece in (*told, "Ngân hàng Thử", "SBX-1", str(PAYMENT), "2026-11-22-VND-1", "L4"):
        assert piece in text
    root: Any = reader.trailer["/Root"]
    assert (root["/Lang"], root["/MarkInfo"]["/Marked"]) == (language, True)
    assert "CANARY" not in text


def test_a_dispute_contests_the_figure() -> None:
    assert "We contest your figure" in text_of(letter("dispute"), "en")[1]


def test_what_one_side_does_not_have_is_left_out() -> None:
    at = datetime(2026, 11, 22, tzinfo=UTC).isoformat()
    evidence = {"provider_transaction_id": "VB-7", "account": "999", "occurred_at": at}
    document = trace_document(letter(kind="trace", payment_id=None, evidence=evidence), "en")
    (table,) = document.tables
    assert [(name, ours, theirs) for name, ours, theirs in table.rows] == [
        ("Transaction", "VB-7", None),
        ("Business date", date(2026, 11, 22), None),
        ("Ledger account", "999", None),
    ]
