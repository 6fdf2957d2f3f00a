"""The European code and the slips: held against code and numbers that are not ours."""

from decimal import Decimal

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from segno.helpers import make_epc_qr

from gateway.domain.national_references import hyphenated
from gateway.domain.reference import fik71, rf
from providers.bank_transfer import epc, slip
from providers.bank_transfer.epc import Epc, MalformedEpc
from providers.bank_transfer.slip import FikLine, MalformedSlip

IBAN = "EE382200221020145685"
CODE = Epc("Police and Border Guard", IBAN, "12.34", reference="RF18539007547034", bic="HABAEE2X")


class TestEpc:
    @pytest.mark.parametrize("bic", ["", "HABAEE2X"])
    def test_it_is_the_code_that_segno_makes(self, bic: str) -> None:
        ours = epc.build(Epc("Politsei- ja Piirivalveamet", IBAN, "12.34", reference="RF18539007547034", bic=bic))
        theirs = make_epc_qr(
            name="Politsei- ja Piirivalveamet",
            iban=IBAN,
            amount=Decimal("12.34"),
            reference="RF18539007547034",
            bic=bic or None,
            encoding="utf-8",
        )
        assert segno.make(ours.encode(), error="m", micro=False).matrix == theirs.matrix

    @given(st.integers(1, 99_999_999_999), st.text("ABCDEÕÄÖÜ ", min_size=1, max_size=70))
    def test_what_is_built_is_read_as_it_was(self, cents: int, name: str) -> None:
        code = Epc(name, IBAN, f"{cents // 100}.{cents % 100:02d}", reference=rf("26012345678901"))
        assert epc.parse(epc.build(code)) == code

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("BCD", "BCE", "head"),
            ("\n002\n", "\n003\n", "head"),
            ("\nSCT\n", "\nINST\n", "head"),
            ("\n1\n", "\n2\n", "character set"),
            ("HABAEE2X", "HABA", "IBAN or BIC"),
            (IBAN, "EE382200221020145686", "IBAN or BIC"),
            ("Police and Border Guard", "", "name"),
            ("Police and Border Guard", "P" * 71, "name"),
            ("EUR12.34", "EUR12.345", "amount"),
            ("EUR12.34", "EUR0.00", "amount"),
            ("EUR12.34", "USD12.34", "amount"),
            ("EUR12.34", "EUR012.34", "amount"),
            ("RF18539007547034", "RF17539007547034", "structured reference"),
            ("RF18539007547034", "RF18539007547034\nfor a passport", "only one"),
            ("RF18539007547034", "\n" + "x" * 141, "text"),
            ("RF18539007547034", "\n" + "ö" * 140, "331 bytes"),
            ("\nRF18539007547034", "", "9 lines"),
        ],
    )
    def test_what_the_standard_does_not_allow_is_refused(self, old: str, new: str, complaint: str) -> None:
        good = epc.build(CODE)
        assert old in good
        with pytest.raises(MalformedEpc, match=complaint):
            epc.parse(good.replace(old, new, 1))

    def test_a_reference_and_a_text_are_never_both_built(self) -> None:
        with pytest.raises(MalformedEpc, match="only one"):
            epc.build(Epc("Police", IBAN, "1.00", reference="RF18539007547034", text="passport"))

    def test_version_001_needs_a_bic(self) -> None:
        without = epc.build(Epc("Police", IBAN, "1.00", text="passport"))
        assert epc.parse(without).text == "passport"
        with pytest.raises(MalformedEpc, match="BIC"):
            epc.parse(without.replace("\n002\n", "\n001\n"))


class TestSlips:
    def test_the_danish_line_is_written_and_read(self) -> None:
        line = "+71<026840149965328+80882939<"
        assert str(FikLine("026840149965328", "80882939")) == line
        assert slip.read_fik_line(line) == FikLine("026840149965328", "80882939")
        assert slip.read_fik_line("+71< 026840149965328 +80882939<") == FikLine("026840149965328", "80882939")

    @pytest.mark.parametrize(
        "line",
        [
            "+71<026840149965329+80882939<",  # the check digit
            "+71<02684014996532+80882939<",
            "+71<026840149965328+8088293<",
            "+73<026840149965328+80882939<",
            "+71<026840149965328+80882939",
            "71<026840149965328+80882939<",
            "+71<٠26840149965328+80882939<",
            "",
        ],
    )
    def test_a_danish_line_that_is_not_right_is_refused(self, line: str) -> None:
        with pytest.raises(MalformedSlip):
            slip.read_fik_line(line)

    @given(st.from_regex(r"[0-9]{14}", fullmatch=True), st.integers(0, 14), st.integers(1, 9))
    def test_any_one_wrong_digit_of_a_danish_number_is_refused(self, base: str, at: int, by: int) -> None:
        number = fik71(base)
        wrong = number[:at] + str((int(number[at]) + by) % 10) + number[at + 1 :]
        with pytest.raises(MalformedSlip):
            slip.checked_fik(wrong)

    def test_the_korean_number_is_grouped_by_its_parts_and_read_again(self) -> None:
        number = "1234512600123456789"
        assert hyphenated(number) == "12345-1-26-00-123456789"
        assert slip.checked_epn(hyphenated(number)) == number
        for wrong in (number[:-1], number + "0", number[:-1] + "x", "", "١" * 19):
            with pytest.raises(MalformedSlip):
                slip.checked_epn(wrong)
