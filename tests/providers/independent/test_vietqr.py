"""VietQR as the npm package `vietnam-qr-pay` understands it: it reads our codes, and makes the same ones."""

from dataclasses import replace
from typing import Any

from gateway.domain.reference import rf
from providers.bank_transfer import vietqr
from providers.bank_transfer.vietqr import VietQr
from tests.providers.independent.client import ask, needs

pytestmark = needs("vietnam-qr-pay")

CODES = [
    VietQr(bank, account, amount, purpose)
    for bank, account in (("970416", "257678859"), ("970407", "19030413601018"), ("970999", "9990000000000000011"))
    for amount in ("1", "150000", "98765432", "499999999")
    for purpose in (rf("26012345678901"), "NOP PHI", "x" * vietqr.PURPOSE_MAX)
]


def client(do: str, **asked: Any) -> Any:
    return ask("vietqr.mjs", {"do": do, **asked})


def test_it_reads_our_codes_as_we_meant_them() -> None:
    read = client("read", payloads=[vietqr.build(code) for code in CODES])
    assert read == [
        {"valid": True, "bank": code.bank, "account": code.account, "amount": code.amount, "purpose": code.purpose}
        for code in CODES
    ]


def test_we_read_its_codes_as_they_were_meant_and_make_the_same() -> None:
    asked = [
        {"bank": code.bank, "account": code.account, "amount": code.amount, "purpose": code.purpose} for code in CODES
    ]
    theirs = client("built", codes=asked)
    assert [vietqr.parse(payload) for payload in theirs] == CODES
    assert theirs == [vietqr.build(code) for code in CODES]


def test_it_too_refuses_a_code_with_a_wrong_checksum() -> None:
    good = vietqr.build(replace(CODES[0], purpose="NOP PHI"))
    (read,) = client("read", payloads=[good[:-1] + ("0" if good[-1] != "0" else "1")])
    assert not read["valid"]
