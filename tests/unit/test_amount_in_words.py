"""Amounts in words: known readings, and that no two amounts read alike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.amount_in_words import LARGEST, amount_in_words
from gateway.domain.errors import Invalid
from gateway.domain.money import Money

VIETNAMESE = [
    (0, "Không đồng"),
    (5, "Năm đồng"),
    (10, "Mười đồng"),
    (11, "Mười một đồng"),
    (14, "Mười bốn đồng"),
    (15, "Mười lăm đồng"),
    (20, "Hai mươi đồng"),
    (21, "Hai mươi mốt đồng"),
    (24, "Hai mươi tư đồng"),
    (55, "Năm mươi lăm đồng"),
    (105, "Một trăm linh năm đồng"),
    (110, "Một trăm mười đồng"),
    (1_015, "Một nghìn không trăm mười lăm đồng"),
    (135_000, "Một trăm ba mươi lăm nghìn đồng"),
    (200_000, "Hai trăm nghìn đồng"),
    (1_005_000, "Một triệu không trăm linh năm nghìn đồng"),
    (1_000_005, "Một triệu không trăm linh năm đồng"),
    (2_100_000_001, "Hai tỷ một trăm triệu không trăm linh một đồng"),
    (1_000_000_000_000, "Một nghìn tỷ đồng"),
]
ENGLISH = [
    (Money(0, "VND"), "Zero Vietnamese dong"),
    (Money(200_000, "VND"), "Two hundred thousand Vietnamese dong"),
    (Money(1_005_000, "VND"), "One million five thousand Vietnamese dong"),
    (Money(1_000_005, "VND"), "One million and five Vietnamese dong"),
    (Money(115, "KRW"), "One hundred and fifteen South Korean won"),
    (Money(4521, "EUR"), "Forty-five euros and twenty-one cents"),
    (Money(101, "EUR"), "One euro and one cent"),
    (Money(123_450, "DKK"), "One thousand two hundred and thirty-four Danish kroner and fifty øre"),
    (Money(1_500, "SGD"), "Fifteen Singapore dollars"),
    (Money(1_250, "USD"), "Twelve USD and 50/100"),
]


@pytest.mark.parametrize(("amount", "words"), VIETNAMESE)
def test_vietnamese_as_it_is_read(amount: int, words: str) -> None:
    assert amount_in_words(Money(amount, "VND"), "vi") == words


@pytest.mark.parametrize(("amount", "words"), ENGLISH)
def test_english_with_its_currencies(amount: Money, words: str) -> None:
    assert amount_in_words(amount, "en") == words


def test_minor_units_are_said_in_vietnamese_too() -> None:
    assert amount_in_words(Money(4505, "EUR"), "vi") == "Bốn mươi lăm euro và năm cent"


@pytest.mark.parametrize("language", ["vi", "en"])
@given(number=st.integers(0, LARGEST))
def test_words_can_be_read_back(language: str, number: int) -> None:
    words = amount_in_words(Money(number, "VND"), language)
    assert READ[language](words.lower()) == number


@pytest.mark.parametrize(
    ("amount", "language", "field"),
    [(-1, "vi", "amount_minor"), (LARGEST + 1, "en", "amount_minor"), (1, "da", "language")],
)
def test_what_has_no_words_is_refused(amount: int, language: str, field: str) -> None:
    with pytest.raises(Invalid) as error:
        amount_in_words(Money(amount, "VND"), language)
    assert field in error.value.fields


UNITS_VI = {"không": 0, "một": 1, "mốt": 1, "hai": 2, "ba": 3, "bốn": 4, "tư": 4, "năm": 5, "lăm": 5}
UNITS_VI |= {"sáu": 6, "bảy": 7, "tám": 8, "chín": 9, "mười": 10}
SCALES_VI = {"mươi": 10, "trăm": 100}
GROUPS_VI = {"nghìn": 10**3, "triệu": 10**6}
BELOW_TWENTY_EN = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen"""
TENS_EN = "twenty thirty forty fifty sixty seventy eighty ninety"
UNITS_EN = {word: number for number, word in enumerate(BELOW_TWENTY_EN.split())}
UNITS_EN |= {word: 10 * tens for tens, word in enumerate(TENS_EN.split(), start=2)}
GROUPS_EN = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12, "quadrillion": 10**15}


def read_vietnamese(words: str) -> int:
    """Units; mươi and trăm multiply the last unit, nghìn and triệu close a group, tỷ closes all before it."""
    milliards = group = below = unit = 0
    for word in words.removesuffix(" đồng").split():
        if word in UNITS_VI:
            below, unit = below + unit, UNITS_VI[word]
        elif word in SCALES_VI:
            unit *= SCALES_VI[word]
        elif word in GROUPS_VI:
            group, below, unit = group + (below + unit) * GROUPS_VI[word], 0, 0
        elif word == "tỷ":
            milliards, group, below, unit = (milliards + group + below + unit) * 10**9, 0, 0, 0
        else:
            assert word == "linh"
    return milliards + group + below + unit


def read_english(words: str) -> int:
    total = group = 0
    for word in words.removesuffix(" vietnamese dong").replace("-", " ").split():
        if word in UNITS_EN:
            group += UNITS_EN[word]
        elif word == "hundred":
            group *= 100
        elif word in GROUPS_EN:
            total, group = total + group * GROUPS_EN[word], 0
        else:
            assert word == "and"
    return total + group


READ = {"vi": read_vietnamese, "en": read_english}
