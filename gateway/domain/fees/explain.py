"""The words and figures in which a fee is explained to the person who pays it.

A step is one line of the sum: its text holds the figures, its amount what it adds (a reduction is negative). Figures
are grouped in the habit of the language: 1.000.000 đồng in Vietnamese, 1,000,000 VND in English.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from gateway.domain.money import Money

LANGUAGES = ("vi", "en")

Figure = Money | Fraction | int | str | Mapping[str, str]

_CURRENCY_NAMES = {("vi", "VND"): "đồng"}
_VIETNAMESE_MARKS = str.maketrans(",.", ".,")

_TEXTS: dict[str, dict[str, str]] = {
    "fixed": {"vi": "Mức thu: {amount}", "en": "Fixed amount: {amount}"},
    "units": {"vi": "{units}: {count} × {amount}", "en": "{units}: {count} × {amount}"},
    "units_each": {"vi": "{units}: {count} × {amount} × {groups}", "en": "{units}: {count} × {amount} × {groups}"},
    "units_free": {"vi": "{units}: không thu", "en": "{units}: no charge"},
    "group_cap": {
        "vi": "Tối đa {cap} một {group}, thay vì {uncapped}: {count} × −{excess}",
        "en": "At most {cap} a {group}, instead of {uncapped}: {count} × −{excess}",
    },
    "slab": {"vi": "{why}: {amount}", "en": "{why}: {amount}"},
    "value": {"vi": "giá trị {value} ({range})", "en": "value of {value} ({range})"},
    "value_any": {"vi": "giá trị {value}", "en": "value of {value}"},
    "rate": {"vi": "{rate} × {part} ({range})", "en": "{rate} × {part} ({range})"},
    "rate_any": {"vi": "{rate} × {part}", "en": "{rate} × {part}"},
    "rate_above": {
        "vi": "{rate} × {part} là phần vượt {bound} (của {value})",
        "en": "{rate} × {part}, the part above {bound} (of {value})",
    },
    "floor": {"vi": "Tối thiểu {bound}, thay vì {amount}", "en": "At least {bound}, instead of {amount}"},
    "cap": {"vi": "Tối đa {bound}, thay vì {amount}", "en": "At most {bound}, instead of {amount}"},
    "keep": {
        "vi": "{title}: {rate} × {before} = {after} ({basis})",
        "en": "{title}: {rate} × {before} = {after} ({basis})",
    },
    "reduced_to": {
        "vi": "{title}: {after} thay vì {before} ({basis})",
        "en": "{title}: {after} instead of {before} ({basis})",
    },
    "value_in_all": {
        "vi": "Tổng giá trị: {value} lần này + {already} đã tính phí = {whole}",
        "en": "Value in all: {value} now + {already} assessed before = {whole}",
    },
    "already_raised": {
        "vi": "Trừ phí đã thu trên {already}: {raised}",
        "en": "Less the fee already raised on {already}: {raised}",
    },
    "from": {"vi": "từ {bound}", "en": "from {bound}"},
    "above": {"vi": "trên {bound}", "en": "above {bound}"},
    "up_to": {"vi": "đến {bound}", "en": "up to {bound}"},
    "below": {"vi": "dưới {bound}", "en": "under {bound}"},
    "units_counted": {"vi": "{count} {units}", "en": "{count} {units}"},
    "one": {"vi": "{unit} thứ {first}", "en": "{unit} {first}"},
    "many": {"vi": "{units} thứ {first} đến {last}", "en": "{units} {first} to {last}"},
}


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a sum: `texts` by language, `amount` what it adds; the amounts of a line's steps make its amount."""

    texts: Mapping[str, str]
    amount: Money


def say(sentence: str, **figures: Figure) -> dict[str, str]:
    """The sentence named `sentence` in every language, with its figures written in."""
    return {
        language: _TEXTS[sentence][language].format(
            **{name: shown(figure, language) for name, figure in figures.items()}
        )
        for language in LANGUAGES
    }


def joined(texts: list[Mapping[str, str]], separator: str) -> dict[str, str]:
    return {language: separator.join(text[language] for text in texts) for language in LANGUAGES}


def capitalised(text: Mapping[str, str]) -> dict[str, str]:
    return {language: text[language][:1].upper() + text[language][1:] for language in LANGUAGES}


def shown(figure: Figure, language: str) -> str:
    """A figure as people write it: shown(Money(1000, "VND"), "vi") == "1.000 đồng", Fraction(6, 10000) is "0,06%"."""
    if isinstance(figure, Mapping):
        return figure[language]
    if isinstance(figure, Money):
        name = _CURRENCY_NAMES.get((language, figure.currency), figure.currency)
        return f"{_marked(f'{figure.major():,f}', language)} {name}"
    if isinstance(figure, Fraction):
        percent = figure * 100
        if 10**6 % percent.denominator:
            return f"{figure.numerator}/{figure.denominator}"
        exact = Decimal(percent.numerator) / Decimal(percent.denominator)
        return f"{_marked(f'{exact:f}', language)}%"
    return _marked(f"{figure:,}", language) if isinstance(figure, int) else figure


def _marked(english: str, language: str) -> str:
    return english.translate(_VIETNAMESE_MARKS) if language == "vi" else english
