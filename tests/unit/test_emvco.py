"""The EMVCo code: what others published is read and written to the letter, and whatever does not add up is refused."""

import string
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.bank_transfer import emvco, paynow, vietqr
from providers.bank_transfer.emvco import Malformed

VIETQR = (
    "00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA53037045405100005802VN62150811Chuyen tien6304"
    "53E6"
)
VIETQR_STATIC = (
    "00020101021138580010A000000727012800069704070114190304136010180208QRIBFTTA53037045802VN63040283"  # a zero in front
)
PAYNOW = (
    "00020101021226490009SG.PAYNOW010120210201101550Z03010040820201127520400005303702540550.005802SG5907Qryptal"
    "6009Singapore62060102AJ630488E9"
)
ANNEX = (  # of the specification itself: templates of strangers, and lengths counted in characters, not in bytes
    "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678520441115802CN5914BEST TRANSPORT"
    "6007BEIJING64200002ZH0104最佳运输0202北京540523.7253031565502016233030412340603***0708A60086670902ME91320016"
    "A0112233449988770708123456786304A13A"
)
PUBLISHED = (VIETQR, VIETQR_STATIC, PAYNOW, ANNEX)

ids = st.integers(0, 99).map(lambda number: f"{number:02d}").filter(lambda name: name not in ("00", "63"))
texts = st.text("ABz019 .-ếđ最佳", min_size=1, max_size=12)
inner = st.dictionaries(st.integers(0, 99).map(lambda number: f"{number:02d}"), texts, min_size=1, max_size=3)


@st.composite
def codes(draw: st.DrawFn) -> emvco.Fields:
    fields: dict[str, emvco.Value] = {emvco.FORMAT: emvco.FORMAT_VERSION}
    for name in draw(st.lists(ids, unique=True, max_size=6)):
        fields[name] = draw(inner) if name in emvco.TEMPLATES else draw(texts)
    return fields


def resealed(body: str) -> str:
    """`body` with a checksum that is right."""
    return body + "6304" + emvco.checksum(body + "6304")


class TestTheEngine:
    @pytest.mark.parametrize("code", PUBLISHED)
    def test_what_was_published_is_read_and_written_again_to_the_letter(self, code: str) -> None:
        assert emvco.build(emvco.parse(code)) == code

    def test_the_checksum_is_that_of_the_catalogue(self) -> None:
        assert emvco.checksum("123456789") == "29B1"
        assert emvco.checksum("") == "FFFF"

    def test_lengths_are_counted_in_characters_and_the_checksum_in_bytes(self) -> None:
        assert emvco.text(emvco.parse(ANNEX), "64", "01") == "最佳运输"

    @given(codes())
    def test_what_is_built_is_read_as_it_was(self, fields: emvco.Fields) -> None:
        assert emvco.parse(emvco.build(fields)) == fields

    @settings(max_examples=400)
    @given(st.sampled_from(PUBLISHED), st.data())
    def test_any_one_changed_character_is_refused(self, code: str, data: st.DataObject) -> None:
        at = data.draw(st.integers(0, len(code) - 1))
        other = data.draw(st.sampled_from(string.printable).filter(lambda character: character != code[at]))
        with pytest.raises(Malformed):
            emvco.parse(code[:at] + other + code[at + 1 :])

    @given(st.sampled_from(PUBLISHED), st.data())
    def test_a_code_that_is_cut_or_goes_on_is_refused(self, code: str, data: st.DataObject) -> None:
        with pytest.raises(Malformed):
            emvco.parse(code[: data.draw(st.integers(0, len(code) - 1))])
        with pytest.raises(Malformed):
            emvco.parse(code + data.draw(st.text(min_size=1, max_size=3)))

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ("000201" + "5303704" + "5303704", "53"),  # twice
            ("000201" + "5x03704", ""),
            ("000201" + "53x3704", "53"),
            ("000201" + "53٠٣704", "53"),  # digits, but not those of the code
            ("000201" + "5399704", "53"),
            ("000201" + "5300", "53"),
            ("000201" + "530", "53"),
            ("000202" + "5303704", "00"),
            ("5303704" + "000201", "00"),
            ("", "00"),
            # templates whose inner lengths do not add up, though the outer ones and the checksum do
            ("000201" + "3812" + "0010A0000007", "38.00"),
            ("000201" + "3812" + "0007A0000000", "38"),
            ("000201" + "3816" + "0004A0000004B000", "38.00"),
            ("000201" + "6208" + "0809RF18", "62.08"),
            ("000201" + "9105" + "00029", "91.00"),
            ("000201" + "63045D82" + "5303704", "63"),
        ],
    )
    def test_what_does_not_add_up_is_refused_with_its_path_though_the_checksum_is_right(
        self, body: str, path: str
    ) -> None:
        with pytest.raises(Malformed) as malformed:
            emvco.parse(resealed(body))
        assert malformed.value.path == path

    def test_a_checksum_in_small_letters_is_refused(self) -> None:
        with pytest.raises(Malformed, match="63"):
            emvco.parse(PAYNOW[:-4] + PAYNOW[-4:].lower())

    def test_an_endless_code_is_refused_before_it_is_read(self) -> None:
        with pytest.raises(Malformed, match="longer"):
            emvco.parse("00" * 100_000)

    @pytest.mark.parametrize("fields", [{"0": "x"}, {"xx": "x"}, {"54": ""}, {"54": "9" * 100}, {"26": {}}])
    def test_what_does_not_fit_is_not_built(self, fields: emvco.Fields) -> None:
        with pytest.raises(Malformed):
            emvco.build(fields)

    def test_a_fault_never_shows_what_the_code_holds(self) -> None:
        with pytest.raises(Malformed) as malformed:
            vietqr.parse(resealed(VIETQR[:-8].replace("257678859", "25767885!")))
        assert "25767885" not in str(malformed.value)


class TestVietQr:
    def test_what_was_published_is_read(self) -> None:
        assert vietqr.parse(VIETQR) == vietqr.VietQr("970416", "257678859", "10000", "Chuyen tien")
        assert vietqr.parse(VIETQR_STATIC) == vietqr.VietQr("970407", "19030413601018", None, None)

    @pytest.mark.parametrize("code", [VIETQR, VIETQR_STATIC])
    def test_and_built_to_the_letter(self, code: str) -> None:
        assert vietqr.build(vietqr.parse(code)) == code

    @given(
        st.from_regex(r"[0-9]{6}", fullmatch=True),
        st.from_regex(r"[0-9A-Z]{1,19}", fullmatch=True),
        st.integers(1, 10**13 - 1),
        st.from_regex(r"RF[0-9]{2}[0-9]{14}", fullmatch=True),
    )
    def test_what_is_built_is_read_as_it_was(self, bank: str, account: str, amount: int, purpose: str) -> None:
        code = vietqr.VietQr(bank, account, str(amount), purpose)
        assert vietqr.parse(vietqr.build(code)) == code

    @pytest.mark.parametrize(
        ("bank", "account", "amount", "purpose", "path"),
        [
            ("97041", "1", "1", "x", "38.01"),
            ("970416", "1" * 20, "1", "x", "38.01"),
            ("970416", "1", "10.50", "x", "54"),
            ("970416", "1", "0", "x", "54"),
            ("970416", "1", "1" * 14, "x", "54"),
            ("970416", "1", "1", "x" * 26, "62.08"),
            ("970416", "1", "1", "phí", "62.08"),
        ],
    )
    def test_what_the_template_does_not_allow_is_not_built(
        self, bank: str, account: str, amount: str, purpose: str, path: str
    ) -> None:
        with pytest.raises(Malformed) as malformed:
            vietqr.build(vietqr.VietQr(bank, account, amount, purpose))
        assert malformed.value.path == path

    @pytest.mark.parametrize(
        ("old", "new", "path"),
        [
            ("5303704", "5303702", "53"),
            ("5802VN", "5802SG", "58"),
            ("A000000727", "A000000728", "38.00"),
            ("QRIBFTTA", "QRIBFTTX", "38.02"),
            ("0006970416", "0006 70416", "38.01"),
            ("0109257678859", "0109257678 59", "38.01"),
            ("0123000697041601092576788590208", "0123000697041601082576788590208", "38.01"),
            ("540510000", "540501000", "54"),
        ],
    )
    def test_a_code_of_another_kind_is_refused_though_its_checksum_is_right(
        self, old: str, new: str, path: str
    ) -> None:
        assert old in VIETQR
        with pytest.raises(Malformed) as malformed:
            vietqr.parse(resealed(VIETQR[:-8].replace(old, new)))
        assert malformed.value.path == path


class TestPayNow:
    def test_what_was_published_is_read_and_built_to_the_letter(self) -> None:
        code = paynow.parse(PAYNOW)
        assert (code.uen, code.name, code.amount, code.reference) == ("201101550Z", "Qryptal", "50.00", "AJ")
        assert (code.editable, str(code.expires_on)) == (False, "2020-11-27")
        assert paynow.build(code) == PAYNOW

    @given(
        st.integers(1, 20_000_000),
        st.dates(date(2000, 1, 1)),
        st.from_regex(r"RF[0-9]{16}", fullmatch=True),
        st.booleans(),
    )
    def test_what_is_built_is_read_as_it_was(self, cents: int, day: date, reference: str, editable: bool) -> None:
        amount = f"{cents // 100}.{cents % 100:02d}"
        code = paynow.PayNow("201403121WXYZ", "MINISTRY", amount, reference, editable, expires_on=day)
        assert paynow.parse(paynow.build(code)) == code

    @pytest.mark.parametrize(
        ("old", "new", "path"),
        [
            ("5303702", "5303704", "53"),
            ("SG.PAYNOW", "SG.PAYLAH", "26.00"),
            ("01012021", "01010021", "26.01"),
            ("0210201101550Z", "02102011015500", "26.02"),
            ("03010", "03012", "26.03"),
            ("040820201127", "040820201131", "26.04"),
            ("040820201127", "04082020 127", "26.04"),
            ("540550.00", "540550000", "54"),
            ("62060102AJ", "62060202AJ", "62.01"),
        ],
    )
    def test_a_code_of_another_kind_is_refused_though_its_checksum_is_right(
        self, old: str, new: str, path: str
    ) -> None:
        assert old in PAYNOW
        with pytest.raises(Malformed) as malformed:
            paynow.parse(resealed(PAYNOW[:-8].replace(old, new)))
        assert malformed.value.path == path

    def test_an_amount_that_is_fixed_must_be_there(self) -> None:
        with pytest.raises(Malformed, match="54"):
            paynow.parse(resealed(PAYNOW[:-8].replace("540550.00", "")))
        assert paynow.parse(resealed(PAYNOW[:-8].replace("540550.00", "").replace("03010", "03011"))).amount is None
