"""Agencies of a catalogue: each collects on an account of its country, and a mistake is told with path and fix."""

from pathlib import Path

import pytest

from gateway.services.read_catalogue import read_catalogue
from tests.unit.catalogue_folder import AGENCY, faults, write
from tests.unit.test_catalogue import PROCEDURE

ESTONIAN = {
    "country": "EE",
    "bank_account": "EE382200221020145685",
    "bank_code": "HABAEE2X",
    "reference_style": "viitenumber",
}
DANISH = {"country": "DK", "bank_account": "80882939", "bank_code": "", "reference_style": "fik71"}
SINGAPOREAN = {"country": "SG", "bank_account": "T20GA9999A", "bank_code": ""}
KOREAN = {
    "country": "KR",
    "bank_account": "11012345678",
    "bank_code": "",
    "reference_style": "epn",
    "reference_prefix": "12345101",
}
ELSEWHERE = {"country": "US", "bank_account": "021000021-12345", "bank_code": ""}


@pytest.mark.parametrize(
    "change", [{}, ESTONIAN, DANISH, SINGAPOREAN, KOREAN, ELSEWHERE], ids=lambda c: c.get("country")
)
def test_an_agency_of_each_country_in_order_is_read(tmp_path: Path, change: dict[str, str]) -> None:
    (agency,) = read_catalogue(write(tmp_path, PROCEDURE, [{**AGENCY, **change}])).agencies
    assert agency.bank_account == change.get("bank_account", AGENCY["bank_account"])
    assert agency.reference_style == change.get("reference_style", "rf")


@pytest.mark.parametrize(
    ("change", "path", "fix"),
    [
        ({"country": "Vietnam"}, "country", "must be an ISO 3166 country code such as VN"),
        ({"country": "ZX"}, "country", "must be an ISO 3166 country code such as VN"),
        ({"bank_account": "0123 456"}, "bank_account", "must be written in digits and capital letters, without spaces"),
        ({"bank_account": "1" * 20}, "bank_account", "must be an account number of 1 to 19 digits"),
        ({"bank_account": "KBNN-1"}, "bank_account", "must be an account number of 1 to 19 digits"),
        ({"bank_code": "97043"}, "bank_code", "must be the bank's BIN of 6 digits"),
        ({"bank_code": ""}, "bank_code", "must be the bank's BIN of 6 digits"),
        ({"account_holder": "Kho bạc"}, "account_holder", "at most 70 letters without accents"),
        ({"account_holder": "K" * 26}, "account_holder", "must have at most 25 characters: a QR code holds no more"),
        ({"reference_style": "iban"}, "reference_style", "must be one of rf, viitenumber, fik71, epn"),
        ({"reference_style": "viitenumber"}, "reference_style", "must be rf in VN; viitenumber is of EE"),
        ({"reference_prefix": "12345101"}, "reference_prefix", "belongs to the style epn alone: leave it out"),
        (ESTONIAN | {"bank_account": "EE392200221020145685"}, "bank_account", "has wrong check digits"),
        (ESTONIAN | {"bank_account": "80882939"}, "bank_account", "has wrong check digits"),
        (ESTONIAN | {"bank_account": "EE2322002210201456"}, "bank_account", "IBAN"),
        (ESTONIAN | {"bank_code": "970436"}, "bank_code", "must be a BIC such as HABAEE2X, or be left out"),
        (DANISH | {"bank_account": "8088293"}, "bank_account", "must be a creditor number of 8 digits"),
        (DANISH | {"reference_style": "rf"}, "bank_account", "IBAN"),
        (SINGAPOREAN | {"bank_account": "T20GA9999B"}, "bank_account", "has a wrong check letter"),
        (SINGAPOREAN | {"bank_account": "1234"}, "bank_account", "must be a UEN such as T20GA9999A"),
        (SINGAPOREAN | {"bank_account": "T20GA9999-"}, "bank_account", "UEN"),
        (KOREAN | {"bank_account": "1234567"}, "bank_account", "must be an account number of 8 to 16 digits"),
        (
            KOREAN | {"reference_prefix": "1234510"},
            "reference_prefix",
            "must be 8 digits: organisation 5, type 1, item 2",
        ),
        (KOREAN | {"reference_prefix": "12345-1-01"}, "reference_prefix", "must be written in digits"),
    ],
)
def test_a_mistake_in_an_agency_is_told_with_its_path_and_the_fix(
    tmp_path: Path, change: dict[str, str], path: str, fix: str
) -> None:
    told = faults(write(tmp_path, PROCEDURE, [{**AGENCY, **change}]))
    assert fix in told[f"agencies.yaml: agencies[0].{path}"]


def test_two_agencies_cannot_collect_on_one_account(tmp_path: Path) -> None:
    told = faults(write(tmp_path, PROCEDURE, [AGENCY, {**AGENCY, "code": "b"}]))
    assert told == {
        "agencies.yaml: agencies[1].bank_account": "is the account of agencies[0]: each agency needs one of its own"
    }


def test_two_ways_of_writing_one_account_are_one_account(tmp_path: Path) -> None:
    elsewhere = {**AGENCY, **ELSEWHERE}
    spelled = {**elsewhere, "code": "b", "bank_account": ELSEWHERE["bank_account"].replace("-", "")}
    assert faults(write(tmp_path, PROCEDURE, [elsewhere, spelled])) == {
        "agencies.yaml: agencies[1].bank_account": "is the account of agencies[0]: each agency needs one of its own"
    }
