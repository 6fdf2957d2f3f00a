"""What a payer must have at hand, as each provider declares it and as the page says it."""

import pytest

from gateway.pages.rendering import _TEMPLATES
from gateway.ports.capabilities import Need


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "You need: the app of your bank, or a bank card, or the app of the wallet on your phone."),
        ("vi", "Bạn cần có: ứng dụng ngân hàng của bạn, hoặc thẻ ngân hàng, hoặc ứng dụng ví trên điện thoại."),
    ],
)
def test_each_need_is_said_in_each_language(language: str, words: str) -> None:
    bill = _TEMPLATES[language].get_template("bill.html").make_module({})
    said = bill.at_hand((Need.BANK_APP, Need.CARD, Need.WALLET))  # type: ignore[attr-defined]
    assert " ".join(str(said).split()) == words
