"""An amount in words, as a receipt must state it beside the figures, in Vietnamese and in English.

Vietnamese is read in groups of three digits. After a group that was read, one below a hundred says the hundred that it
lacks ("một triệu không trăm linh năm": 1,000,005), for otherwise it could be taken for a larger one.
"""

from collections.abc import Callable, Mapping

from gateway.domain.errors import Invalid
from gateway.domain.money import Money, exponent_of

LARGEST = 10**18 - 1

_UNITS_VI = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_AFTER_TENS_VI = {1: "mốt", 4: "tư", 5: "lăm"}  # after mươi; five is lăm after mười too
_GROUPS_VI = ("", "nghìn", "triệu")
_MILLIARD = 10**9

_BELOW_TWENTY_EN = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS_EN = ("", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_GROUPS_EN = ("", "thousand", "million", "billion", "trillion", "quadrillion")

# By language: the major unit for one and for more, and the minor unit likewise.
_CURRENCIES: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "VND": {"vi": ("đồng", "đồng", "", ""), "en": ("Vietnamese dong", "Vietnamese dong", "", "")},
    "KRW": {"vi": ("won Hàn Quốc", "won Hàn Quốc", "", ""), "en": ("South Korean won", "South Korean won", "", "")},
    "EUR": {"vi": ("euro", "euro", "cent", "cent"), "en": ("euro", "euros", "cent", "cents")},
    "DKK": {
        "vi": ("krone Đan Mạch", "krone Đan Mạch", "øre", "øre"),
        "en": ("Danish krone", "Danish kroner", "øre", "øre"),
    },
    "SGD": {
        "vi": ("đô la Singapore", "đô la Singapore", "cent", "cent"),
        "en": ("Singapore dollar", "Singapore dollars", "cent", "cents"),
    },
}


def amount_in_words(amount: Money, language: str) -> str:
    """`amount` in words in `language` ("vi" or "en"), beginning with a capital letter: "Hai trăm nghìn đồng".

    A currency that has no words here is named by its code. Raises Invalid for a negative amount, one above LARGEST, or
    a language that is not known.
    """
    if not 0 <= amount.amount_minor <= LARGEST:
        raise Invalid("Such an amount has no words.", fields={"amount_minor": f"must be 0 to {LARGEST}"})
    if language not in _SAY:
        raise Invalid(f"There are no words in {language!r}.", fields={"language": "must be vi or en"})
    say = _SAY[language]
    per_major = 10 ** exponent_of(amount.currency)
    major, minor = divmod(amount.amount_minor, per_major)
    code = amount.currency
    one, many, minor_one, minor_many = _CURRENCIES.get(code, {}).get(language, (code, code, "", ""))
    words = f"{say(major)} {one if major == 1 else many}"
    if minor and minor_one:
        words += f" {_AND[language]} {say(minor)} {minor_one if minor == 1 else minor_many}"
    elif minor:
        words += f" {_AND[language]} {minor}/{per_major}"
    return words[0].upper() + words[1:]


def _vietnamese(number: int) -> str:
    return " ".join(_vietnamese_parts(number, follows=False)) or _UNITS_VI[0]


def _vietnamese_parts(number: int, *, follows: bool) -> list[str]:
    """`follows`: words of higher groups stand before it."""
    parts: list[str] = []
    if number >= _MILLIARD:
        parts += [*_vietnamese_parts(number // _MILLIARD, follows=follows), "tỷ"]
        number %= _MILLIARD
    for place in (2, 1, 0):
        group = number // 1000**place % 1000
        if group:
            parts += _group_vi(group, full=follows or bool(parts))
            parts += [_GROUPS_VI[place]] if place else []
    return parts


def _group_vi(group: int, *, full: bool) -> list[str]:
    hundreds, tens, units = group // 100, group // 10 % 10, group % 10
    words = [_UNITS_VI[hundreds], "trăm"] if hundreds or full else []
    if tens == 0:
        return words + ((["linh"] if words else []) + [_UNITS_VI[units]] if units else [])
    words += ["mười"] if tens == 1 else [_UNITS_VI[tens], "mươi"]
    if units:
        words.append(_AFTER_TENS_VI.get(units, _UNITS_VI[units]) if tens > 1 or units == 5 else _UNITS_VI[units])
    return words


def _english(number: int) -> str:
    if number == 0:
        return _BELOW_TWENTY_EN[0]
    parts: list[str] = []
    for place in range(len(_GROUPS_EN) - 1, -1, -1):
        group = number // 1000**place % 1000
        if group:
            name = f" {_GROUPS_EN[place]}" if place else ""
            and_before = "and " if place == 0 and group < 100 and parts else ""
            parts.append(f"{and_before}{_group_en(group)}{name}")
    return " ".join(parts)


def _group_en(group: int) -> str:
    hundreds, rest = divmod(group, 100)
    words = [f"{_BELOW_TWENTY_EN[hundreds]} hundred"] if hundreds else []
    if rest:
        tens, units = divmod(rest, 10)
        below = (
            _BELOW_TWENTY_EN[rest] if rest < 20 else _TENS_EN[tens] + (f"-{_BELOW_TWENTY_EN[units]}" if units else "")
        )
        words.append(below)
    return " and ".join(words)


_SAY: Mapping[str, Callable[[int], str]] = {"vi": _vietnamese, "en": _english}
_AND = {"vi": "và", "en": "and"}
