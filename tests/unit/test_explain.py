"""Each kind of discrepancy is explained in both languages, with its figures."""

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from gateway.domain.money import Money
from gateway.domain.query_window import QueryWindow
from reconciliation.explain import CASES, LANGUAGES, TABLE, explain


def test_every_kind_has_words_in_every_language() -> None:
    assert set(TABLE) == set(DiscrepancyKind)
    assert {tuple(words) for words in TABLE.values()} == {LANGUAGES}


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_a_case_has_words_of_its_own_in_every_language(kind: DiscrepancyKind, case: str) -> None:
    assert tuple(CASES[kind, case]) == LANGUAGES
    plain = explain(kind, Money(5, "VND"), "village", {"expected_minor": 1, "reported_minor": 6})
    for evidence in ({"why": case}, {"proposed": case}):
        told = explain(kind, Money(5, "VND"), "village", {"expected_minor": 1, "reported_minor": 6} | evidence)
        for language in LANGUAGES:
            assert told[language] != plain[language]
            assert "{" not in "".join(told[language].values())


def test_proposed_invoices_are_no_case() -> None:
    evidence = {"proposed": ["RF18539007547034"]}
    assert explain(DiscrepancyKind.UNIDENTIFIED_RECEIPT, Money(5, "VND"), "village", evidence)


@pytest.mark.parametrize("kind", DiscrepancyKind)
def test_an_explanation_stands_also_without_any_evidence(kind: DiscrepancyKind) -> None:
    for words in explain(kind, Money(-200_000, "VND"), "sandbox", {}).values():
        assert all(words.values())
        assert "{" not in "".join(words.values())


def test_figures_are_written_as_the_language_writes_them() -> None:
    evidence = {"expected_minor": 1_234_567, "reported_minor": 1_000, "provider_transaction_id": "st_1"}
    explained = explain(DiscrepancyKind.AMOUNT_MISMATCH, Money(-1_233_567, "VND"), "sandbox", evidence)
    assert "1.234.567 VND" in explained["vi"]["text"]
    assert "1,234,567 VND" in explained["en"]["text"]
    assert "st_1" in explained["en"]["text"]


def test_decimals_follow_the_currency() -> None:
    explained = explain(DiscrepancyKind.TIMING, Money(105_050, "USD"), "stripe", {})
    assert "1.050,50 USD" in explained["vi"]["text"]
    assert "1,050.50 USD" in explained["en"]["text"]


@pytest.mark.parametrize("kind", [DiscrepancyKind.STATUS_MISMATCH, DiscrepancyKind.REFUND_UNKNOWN])
def test_what_has_no_end_is_explained_by_until_when_it_was_asked_about(kind: DiscrepancyKind) -> None:
    begun = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
    evidence = QueryWindow(begun, timedelta(hours=48)).evidence(begun + timedelta(days=3))
    for words in explain(kind, Money(-200_000, "VND"), "zalopay", evidence).values():
        assert "2026-03-04T04:00:00+00:00" in words["text"]
        assert words["text"] not in {w.what for w in TABLE[kind].values()}
