"""Where a payer's browser may be sent: addresses of the web, and nothing else that a provider might answer with."""

import pytest

from gateway.ports.provider import OutcomeUnknown, Redirect


@pytest.mark.parametrize("url", ["https://pay.example/x?y=1", "http://127.0.0.1:9000/pay/1"])
def test_an_address_of_the_web_is_taken(url: str) -> None:
    assert Redirect(url).url == url


@pytest.mark.parametrize(
    "url", ["", "javascript:alert(1)", "data:text/html,x", "/pay", "https:///x", "https://a b", "momo://x"]
)
def test_any_other_address_leaves_the_outcome_unknown(url: str) -> None:
    with pytest.raises(OutcomeUnknown):
        Redirect(url)
