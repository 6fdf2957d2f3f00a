"""The languages of the pages: which one to show, and how it writes amounts, days and times.

Texts stand in the templates, in English, those of the console too; translations/ holds a gettext catalogue for each
other language. CONTRIBUTING.md says how to change a text and how to add a language.

What the catalogue of fees says (titles, explained steps, notices) it says in each language by itself.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time
from babel.numbers import format_currency
from babel.support import NullTranslations, Translations
from babel.units import format_unit

from gateway.domain.money import Money

LANGUAGES: Mapping[str, str] = {"vi": "Tiếng Việt", "en": "English"}
"""By code, as its speakers call it; the first is shown to those who ask for none of them."""

_LOCALES: Mapping[str, Locale] = {"vi": Locale("vi"), "en": Locale("en", "GB")}
_FOLDER = Path(__file__).parent / "translations"


def spoken(wish: str | None) -> str | None:
    """The language that `wish` names, its region ignored ("en-GB" is "en"); None if there is no such here."""
    primary = (wish or "").replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


def first(*languages: str | None) -> str:
    """The first that is one, or else the first of all."""
    return next(filter(None, languages), next(iter(LANGUAGES)))


def translations(language: str) -> NullTranslations:
    """The catalogue of `language`; English, in which the templates are written, needs none."""
    return Translations.load(_FOLDER, [language], "pages")


def in_words_of(language: str, texts: Mapping[str, str]) -> str:
    """What the fee catalogue says in `language`, or else in any."""
    return texts.get(language) or next(iter(texts.values()), "")


def amount(language: str, money: Money) -> str:
    written = format_currency(money.major(), money.currency, locale=_LOCALES[language])
    # The CLDR parts a symbol of letters from the figures ("alphaNextToNumber"), Babel does not: DKK 893.75.
    return re.sub(r"(?<=[A-Z])(?=[0-9])", "\xa0", written)


def day(language: str, on: date) -> str:
    return format_date(on, "long", locale=_LOCALES[language])


def minutes(language: str, time: timedelta) -> str:
    """Rounded up, and none if it is over: "14 minutes"."""
    left = max(0, -(-time // timedelta(minutes=1)))
    return format_unit(left, "duration-minute", "long", locale=_LOCALES[language])


def moment(language: str, at: datetime, time_zone: str) -> str:
    """The minute and the day of `at` where people of `time_zone` live."""
    local = at.astimezone(ZoneInfo(time_zone))
    return f"{format_time(local, 'HH:mm', locale=_LOCALES[language])}, {day(language, local.date())}"
