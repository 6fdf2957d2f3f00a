"""MT940: read as banks write it, page by page, and refused whole where anything does not add up."""

import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from gateway.ports.statements import read_statement

GERMAN = (
    "166?00GUTSCHRIFT?20EREF+E2E-7?21SVWZ+GEBUEHR PASS?22 RF18539007547034?30DEUTDEFF?31DE8937040044?32MARI MAASIKAS"
)
DUTCH = "/TRTP/SEPA/IBAN/NL91ABNA0417164300/NAME/M MAASIKAS/REMI/USTD//FEE 42/EREF/E2E-8"
ENTRY = ":61:2512310102C100,50NTRFNONREF//BANK-1\nSUPPLEMENT\n:86:" + GERMAN
WHOLE = f""":20:STMT1
:25:EE382200221020145685
:28C:7/1
:60F:D251230EUR10,00
{ENTRY}
:61:251231D0,50NMSCOURS//BANK-2
:86:{DUTCH}
:62F:C251231EUR90,00
:64:C251231EUR90,00
:86:OF THE STATEMENT
-"""


def read(text: str | bytes) -> list[Statement | StatementEntry]:
    return list(read_statement(io.BytesIO(text if isinstance(text, bytes) else text.encode())))


def entries_of(text: str | bytes) -> list[StatementEntry]:
    return [row for row in read(text) if isinstance(row, StatementEntry)]


class TestReading:
    def test_the_head_comes_first_with_both_balances(self) -> None:
        assert read(WHOLE)[0] == Statement(
            "STMT1/7/2025-12-31",
            "EE382200221020145685",
            date(2025, 12, 31),
            Money(-1_000, "EUR"),
            Money(9_000, "EUR"),
        )

    def test_an_entry_is_read_without_its_payer(self) -> None:
        first, second = entries_of(WHOLE)
        assert (first.signed, first.booked_on, first.valued_on) == (
            Money(10_050, "EUR"),
            date(2026, 1, 2),
            date(2025, 12, 31),
        )
        assert (first.end_to_end_id, first.remittance) == ("E2E-7", "GEBUEHR PASS RF18539007547034")
        assert (first.code, first.servicer_reference, first.instruction_id) == ("NTRF/166", "BANK-1", "")
        assert (second.signed, second.instruction_id) == (Money(-50, "EUR"), "OURS")
        assert (second.end_to_end_id, second.remittance) == ("E2E-8", "FEE 42")
        for entry in (first, second):
            told = str([getattr(entry, name) for name in entry._fields])
            assert not any(word in told for word in ("MAASIKAS", "DE8937", "NL91", "SUPPLEMENT"))

    @pytest.mark.parametrize(
        ("mark", "signed", "reversal"), [("C", 1, False), ("D", -1, False), ("RC", -1, True), ("RD", 1, True)]
    )
    def test_a_mark_says_the_direction_and_whether_it_undoes(self, mark: str, signed: int, reversal: bool) -> None:
        closing = f"{'C' if signed > 0 else 'D'}251231EUR1,00"
        text = f":20:S\n:25:A\n:28C:1\n:60F:C251231EUR0,\n:61:251231{mark}R1,NTRFX\n:62F:{closing}"
        (entry,) = entries_of(text)
        assert (entry.signed.amount_minor, entry.reversal) == (100 * signed, reversal)

    def test_the_kind_of_a_transaction_is_three_digits_and_holds_no_text(self) -> None:
        assert entries_of(WHOLE.replace("166?00", "166?MARI MAASIKAS?00"))[0].code == "NTRF/166"

    def test_a_reference_may_be_as_long_as_banks_write_it(self) -> None:
        assert entries_of(WHOLE.replace("BANK-1", "B" * 40))[0].servicer_reference == "B" * 40
        with pytest.raises(UnreadableStatement, match="not an entry"):
            read(WHOLE.replace("BANK-1", "B" * 41))

    def test_a_file_of_many_blocks_is_read_line_by_line(self) -> None:
        """With a line in another charset among them, and a fault told by its line far down."""
        entry = ":61:251231C1,00NTRFNONREF//B\n:86:GEBÜHR\n"
        text = f":20:S\n:25:A\n:28C:1\n:60F:C251231EUR0,\n{entry * 10_000}:62F:C251231EUR10000,00\n-"
        rows = entries_of(text)
        assert (len(rows), rows[-1].number, rows[-1].remittance) == (10_000, 10_000, "GEBÜHR")
        assert entries_of(text.encode().replace("Ü".encode(), b"\xdc", 1)) == rows
        with pytest.raises(UnreadableStatement, match="line 20003: it is not an entry"):
            read(text.replace(f"{entry}:62F:", f"{entry.replace(',00', '')}:62F:"))

    def test_blocks_and_other_line_ends_change_nothing(self) -> None:
        blocks = "{1:F01BANKEE22AXXX0000000000}{2:O9400000}{4:\n" + WHOLE + "}"
        assert read(blocks.replace("\n", "\r\n")) == read(WHOLE)
        assert read(b"\xef\xbb\xbf" + WHOLE.encode()) == read(WHOLE)

    def test_a_text_in_another_charset_is_read(self) -> None:
        text = WHOLE.replace("GEBUEHR", "GEBÜHR")
        assert read(text.encode("iso-8859-1")) == read(text.encode())

    def test_the_pages_of_a_statement_are_one(self) -> None:
        pages = WHOLE.replace(":61:251231D", ":62M:C260102EUR90,50\n-\n:20:STMT1\n:25:EE382200221020145685\n"
                              ":28C:7/2\n:60M:C260102EUR90,50\n:61:251231D")  # fmt: skip
        assert read(pages) == read(WHOLE)
        with pytest.raises(UnreadableStatement, match="does not begin with the balance"):
            read(pages.replace(":60M:C260102EUR90,50", ":60M:C260102EUR90,51"))
        with pytest.raises(UnreadableStatement, match="closing balance"):
            read(pages.partition(":60M:")[0])

    def test_several_statements_come_one_after_the_other(self) -> None:
        rows = read(WHOLE + "\n" + WHOLE.replace("STMT1", "STMT2"))
        assert [type(row) for row in rows] == 2 * [Statement, StatementEntry, StatementEntry]
        with pytest.raises(UnreadableStatement, match="twice"):
            read(WHOLE + "\n" + WHOLE)

    def test_a_stream_that_cannot_go_back_is_read_too(self) -> None:
        class Pipe(io.BytesIO):
            def seekable(self) -> bool:
                return False

        assert list(read_statement(Pipe(WHOLE.encode()))) == read(WHOLE)


class TestRefusing:
    @pytest.mark.parametrize(
        ("old", "new", "line", "field", "complaint"),
        [
            ("C100,50", "C100,51", 10, ":62F:", "closing balance"),
            ("C100,50", "C100.50", 5, ":61:", "not an entry"),
            ("C100,50", "C100,505", 5, ":61:", "amount"),
            ("C100,50", "X100,50", 5, ":61:", "not an entry"),
            (":61:251231D", ":61:251331D", 8, ":61:", "no such date"),
            ("2512310102C", "2512310231C", 5, ":61:", "no such entry date"),
            ("D251230EUR", "D251230XXX", 4, ":60F:", "known currency"),
            (":60F:D251230EUR10,00", ":60F:D251230EUR", 4, ":60F:", "not a balance"),
            (":62F:C251231EUR90,00\n", "", 4, ":62F:", "closing balance is missing"),
            (":25:EE382200221020145685\n", "", 2, ":28C:", "not to be expected"),
            (":28C:7/1", ":28C:x", 3, ":28C:", "number of a statement"),
            ("GEBUEHR", "x" * 501, 7, ":86:", "longer than 500"),
            ("GEBUEHR", "x" * 9_000, 7, "", "longer than 8192 bytes"),
            ("GEBUEHR", "x\0", 7, "", "zero byte"),
            ("SUPPLEMENT", "S\n" * 30, 5, ":61:", "more than 20 lines"),
            (":64:", ":99:", 11, ":99:", "no field 99"),
        ],
    )
    def test_what_is_wrong_is_named_and_the_file_refused(
        self, old: str, new: str, line: int, field: str, complaint: str
    ) -> None:
        assert old in WHOLE
        with pytest.raises(UnreadableStatement, match=complaint) as refused:
            read(WHOLE.replace(old, new, 1))
        assert (refused.value.line, refused.value.field) == (line, field)

    def test_a_file_cut_before_its_closing_balance_is_refused(self) -> None:
        lines = WHOLE.split("\n")
        for count in range(9):
            with pytest.raises(UnreadableStatement):
                read("\n".join(lines[:count]))

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x1f\x8b", b"a;b\n1;2\n", b"{}"])
    def test_what_is_no_statement_is_refused(self, content: bytes) -> None:
        with pytest.raises(UnreadableStatement, match="none of the formats"):
            read(content)


amounts = st.lists(st.integers(-(10**9), 10**9).filter(bool), max_size=8)


def written(moved: list[int], opening: int, closing: int) -> str:
    def money(minor: int) -> str:
        return f"{abs(minor) // 100},{abs(minor) % 100:02d}"

    def balance(minor: int) -> str:
        return f"{'C' if minor >= 0 else 'D'}251231EUR{money(minor)}"

    entries = [
        f":61:251231{'C' if minor > 0 else 'D'}{money(minor)}NTRFNONREF//B{at}" for at, minor in enumerate(moved)
    ]
    return "\n".join(
        [":20:S", ":25:A", ":28C:1", f":60F:{balance(opening)}", *entries, f":62F:{balance(closing)}", "-"]
    )


@given(amounts, st.integers(-(10**9), 10**9))
def test_what_a_bank_writes_is_read_as_it_was(moved: list[int], opening: int) -> None:
    head, *rows = read(written(moved, opening, opening + sum(moved)))
    assert isinstance(head, Statement)
    assert head.net == Money(sum(moved), "EUR")
    assert [row.signed.amount_minor for row in rows if isinstance(row, StatementEntry)] == moved


@given(amounts, st.integers(-(10**9), 10**9), st.integers(-(10**6), 10**6).filter(bool))
def test_a_balance_that_is_off_by_anything_is_refused(moved: list[int], opening: int, off: int) -> None:
    with pytest.raises(UnreadableStatement):
        read(written(moved, opening, opening + sum(moved) + off))
