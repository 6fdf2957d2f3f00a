"""Every cause and every fact of the assistant has its words in both languages, and the words find their figures."""

import re
from pathlib import Path

import pytest

from gateway.domain.discrepancy import DiscrepancyKind
from reconciliation.assistant.cause_words import ASK_FIRST, CAUSE_WORDS
from reconciliation.assistant.causes import CAUSES, Cause, action_for
from reconciliation.assistant.fact_words import FACT_WORDS, fact_text
from reconciliation.assistant.facts import Fact
from reconciliation.explain import LANGUAGES

VIETNAMESE = re.compile(r"[ăâđêôơưàảãáạằắẳẵặầấẩẫậèẻẽéẹềếểễệìỉĩíịòỏõóọồốổỗộờớởỡợùủũúụừứửữựỳỷỹýỵ]", re.IGNORECASE)
NAMES = [name for words in FACT_WORDS.values() for text in words for name in re.findall(r"\{(\w+)\}", text)]
ANY_FIGURE: dict[str, str | int] = {name: 1 for name in NAMES if name != "rate"}
ANY_FIGURE |= {"rate_basis_points": 130, "rate_fixed_minor": 500}


@pytest.mark.parametrize("cause", Cause)
def test_a_cause_has_words_in_every_language(cause: Cause) -> None:
    assert tuple(CAUSE_WORDS[cause]) == LANGUAGES
    for words in CAUSE_WORDS[cause].values():
        assert words.cause.endswith(".")
        assert words.next_step.endswith(".")
    assert VIETNAMESE.search(CAUSE_WORDS[cause]["vi"].cause + CAUSE_WORDS[cause]["vi"].next_step)
    assert not VIETNAMESE.search(CAUSE_WORDS[cause]["en"].cause + CAUSE_WORDS[cause]["en"].next_step)


@pytest.mark.parametrize("fact", Fact)
def test_a_fact_has_words_in_every_language_that_name_the_same_figures(fact: Fact) -> None:
    vi, en = FACT_WORDS[fact]
    assert sorted(re.findall(r"\{\w+\}", vi)) == sorted(re.findall(r"\{\w+\}", en))
    assert VIETNAMESE.search(vi)
    assert not VIETNAMESE.search(en)
    for language in LANGUAGES:
        assert "{" not in fact_text(fact, ANY_FIGURE, language)


def test_a_rate_is_written_as_the_language_writes_it() -> None:
    figures = ANY_FIGURE | {"fitting": 4, "fees": 5, "since": "2026-03-02T13:00+07:00"}
    assert "1.30% + 500" in fact_text(Fact.SAME_RATE, figures, "en")
    assert "1,30% + 500" in fact_text(Fact.SAME_RATE, figures, "vi")


def test_asking_first_has_words_in_every_language() -> None:
    assert tuple(ASK_FIRST) == LANGUAGES


def test_every_cause_is_judged_and_every_kind_has_a_cause_beside_unknown() -> None:
    assert set(CAUSES) == set(Cause)
    explained = {kind for cause, judgement in CAUSES.items() if cause is not Cause.UNKNOWN for kind in judgement.kinds}
    assert explained == set(DiscrepancyKind)


def test_every_fact_speaks_for_or_against_something() -> None:
    assert {fact for judgement in CAUSES.values() for fact in judgement.weights} == set(Fact)


def test_the_document_names_every_cause_with_the_actions_that_it_proposes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reconciliation.md").read_text()
    table = [row for row in page.splitlines() if row.startswith("| `") and row.count("|") == 4]
    rows = [
        (set(re.findall(r"`(\w+)`", row.split("|")[1])), set(re.findall(r"`(\w+)`", row.split("|")[3])))
        for row in table
    ]
    for cause, judgement in CAUSES.items():
        proposed = {action_for(cause, kind) for kind in judgement.kinds}
        assert [row for row in rows if cause in row[0] and proposed <= row[1]], cause
