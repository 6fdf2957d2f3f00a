"""camt.053 and camt.054: read as banks write them in any version, and refused whole where anything does not add up."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.ports import camt
from gateway.ports.statement import Statement, StatementEntry, UnreadableStatement
from providers.bank_transfer.camt_writer import Booking, Page, notification, statement

NAMESPACE = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"
ENTRY = """
<Ntry><NtryRef>1</NtryRef><Amt Ccy="EUR">100.50</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts>
<BookgDt><Dt>2026-11-25</Dt></BookgDt><ValDt><Dt>2026-11-26</Dt></ValDt><AcctSvcrRef>BANK-1</AcctSvcrRef>
<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>ESCT</SubFmlyCd></Fmly></Domn></BkTxCd>
<NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId><TxId>TX-1</TxId></Refs>
<RltdPties><Dbtr><Pty><Nm>MARI MAASIKAS</Nm></Pty></Dbtr></RltdPties>
<RmtInf><Ustrd>FEE FOR</Ustrd><Ustrd>A PASSPORT</Ustrd>
<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>"""
MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{namespace}"><BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId></GrpHdr><Stmt><Id>S1</Id>
<FrToDt><FrDtTm>2026-11-25T00:00:00+02:00</FrDtTm><ToDtTm>2026-11-25T23:59:59+02:00</ToDtTm></FrToDt>
<Acct><Id><IBAN>EE382200221020145685</IBAN></Id></Acct>
{balances}{entries}</Stmt></BkToCstmrStmt></Document>"""
BALANCES = """<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">10.00</Amt><CdtDbtInd>DBIT</CdtDbtInd>
<Dt><Dt>2026-11-25</Dt></Dt></Bal><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">90.50</Amt>
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-11-25</Dt></Dt></Bal>"""


def message(entries: str = "", version: str = "08", balances: str = BALANCES) -> str:
    entries = entries or ENTRY.format(status="<Cd>BOOK</Cd>")
    return MESSAGE.format(namespace=NAMESPACE.format(version=version), balances=balances, entries=entries)


def read(text: str) -> list[Statement | StatementEntry]:
    return list(camt.read([text.encode()]))


def entries_of(text: str) -> list[StatementEntry]:
    return [row for row in read(text) if isinstance(row, StatementEntry)]


class TestReading:
    def test_the_head_comes_first_and_is_whole(self) -> None:
        head = read(message())[0]
        expected = Statement(
            "S1", "EE382200221020145685", date(2026, 11, 25), Money(-1_000, "EUR"), Money(9_050, "EUR")
        )
        assert head == expected
        assert expected.net == Money(10_050, "EUR")

    def test_an_entry_is_read_without_its_payer(self) -> None:
        (entry,) = entries_of(message())
        assert entry == StatementEntry(
            statement_id="S1",
            account="EE382200221020145685",
            number=1,
            amount=Money(10_050, "EUR"),
            credit=True,
            reversal=False,
            returned=False,
            status="BOOK",
            booked_on=date(2026, 11, 25),
            booked_at=None,
            valued_on=date(2026, 11, 26),
            code="RCDT/ESCT",
            entry_reference="1",
            servicer_reference="BANK-1",
            end_to_end_id="",
            transaction_id="TX-1",
            instruction_id="",
            reference="RF18539007547034",
            remittance="FEE FOR A PASSPORT",
        )
        assert "PASSPORT" not in repr(entry)
        assert "MARI" not in str([getattr(entry, name) for name in entry._fields])

    @pytest.mark.parametrize("version", [f"{number:02d}" for number in range(2, 14)])
    @pytest.mark.parametrize("status", ["BOOK", "<Cd>BOOK</Cd>"])
    def test_every_version_is_read(self, version: str, status: str) -> None:
        assert entries_of(message(ENTRY.format(status=status), version))[0].booked

    @pytest.mark.parametrize("version", ["01", "14", "8", "008", ""])
    def test_no_other_version_is(self, version: str) -> None:
        with pytest.raises(UnreadableStatement, match="version"):
            read(message(version=version))

    def test_it_is_read_from_pieces_of_any_size(self) -> None:
        whole = message().encode()
        for size in (1, 7, 1_000):
            assert list(camt.read(whole[at : at + size] for at in range(0, len(whole), size))) == read(message())

    def test_a_time_with_its_zone_is_an_instant_and_one_without_is_a_day(self) -> None:
        stated = "<BookgDt><DtTm>2026-11-25T23:30:00+02:00</DtTm></BookgDt>"
        (entry,) = entries_of(message().replace("<BookgDt><Dt>2026-11-25</Dt></BookgDt>", stated))
        assert entry.booked_at == datetime(2026, 11, 25, 21, 30, tzinfo=UTC)
        assert entry.booked_on == date(2026, 11, 25)
        (entry,) = entries_of(message().replace("<BookgDt><Dt>2026-11-25</Dt></BookgDt>", stated.replace("+02:00", "")))
        assert (entry.booked_at, entry.booked_on) == (None, date(2026, 11, 25))

    def test_an_account_may_be_known_by_something_else_than_an_iban(self) -> None:
        other = "<Othr><Id>0071000123456</Id></Othr>"
        assert entries_of(message().replace("<IBAN>EE382200221020145685</IBAN>", other))[0].account == "0071000123456"

    def test_a_collective_booking_is_a_row_for_each_payment(self) -> None:
        details = "".join(
            f'<TxDtls><Refs>{refs}</Refs><Amt Ccy="EUR">{amount}</Amt></TxDtls>'
            for refs, amount in (
                ("<AcctSvcrRef>OWN</AcctSvcrRef>", "50.25"),
                ("<TxId>T2</TxId>", "40.25"),
                ("", "10.00"),
            )
        )
        start, end = message().index("<TxDtls>"), message().index("</NtryDtls>")
        rows = entries_of(message()[:start] + details + message()[end:])
        assert [row.servicer_reference for row in rows] == ["OWN", "BANK-1/T2", "BANK-1/3"]
        assert [row.amount.amount_minor for row in rows] == [5_025, 4_025, 1_000]
        assert {row.number for row in rows} == {1}

    @pytest.mark.parametrize(
        ("whole", "details", "expected"),
        [
            ("E", [("E", "T1", ""), ("E", "T2", "")], ["E/T1", "E/T2"]),
            ("E", [("E", "T1", ""), ("E", "T1", "")], ["E/1", "E/2"]),
            ("E", [("E", "T1", "A"), ("E", "T1", "B")], ["E/A", "E/B"]),
            ("E", [("E", "", "NOTPROVIDED"), ("E", "NOTPROVIDED", "")], ["E/1", "E/2"]),
            ("E", [("D", "T1", ""), ("D", "T2", ""), ("O", "T3", "")], ["E/T1", "E/T2", "O"]),
            ("E", [("D1", "T", ""), ("D2", "T", "")], ["D1", "D2"]),
            ("", [("D", "T1", ""), ("D", "T2", "")], ["D/T1", "D/T2"]),
            ("", [("", "T1", ""), ("", "T2", "")], ["", ""]),
            ("E", [("", "2", ""), ("", "", "")], ["E/1", "E/2"]),
            ("E", [("", "X", ""), ("", "", "X")], ["E/1", "E/2"]),
            ("E", [("", "X", "X"), ("", "Y", "Y")], ["E/X", "E/Y"]),
        ],
    )
    def test_each_payment_of_a_collective_booking_has_a_name_of_its_own(
        self, whole: str, details: list[tuple[str, str, str]], expected: list[str]
    ) -> None:
        """In a notification and in a statement alike, whatever the bank repeats in each of them."""
        paths = ("AcctSvcrRef", "TxId", "EndToEndId")
        written = "".join(
            "<TxDtls><Refs>"
            + "".join(f"<{path}>{name}</{path}>" for path, name in zip(paths, names, strict=True) if name)
            + f'</Refs><Amt Ccy="EUR">{100.5 / len(details)}</Amt></TxDtls>'
            for names in details
        )
        start, end = message().index("<TxDtls>"), message().index("</NtryDtls>")
        text = message()[:start] + written + message()[end:]
        text = text.replace("<AcctSvcrRef>BANK-1</AcctSvcrRef>", f"<AcctSvcrRef>{whole}</AcctSvcrRef>" if whole else "")
        told = text.replace("camt.053", "camt.054").replace("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn")
        for one in (text, told.replace("<Stmt>", "<Ntfctn>").replace("</Stmt>", "</Ntfctn>")):
            assert [row.servicer_reference for row in entries_of(one)] == expected

    def test_version_02_has_the_amount_of_a_detail_one_level_deeper(self) -> None:
        detail = '<TxDtls><AmtDtls><TxAmt><Amt Ccy="EUR">50.25</Amt></TxAmt></AmtDtls></TxDtls>'
        start, end = message().index("<TxDtls>"), message().index("</NtryDtls>")
        text = message(version="02")[:start] + 2 * detail + message()[end:]
        assert [row.amount for row in entries_of(text)] == 2 * [Money(5_025, "EUR")]

    def test_what_is_pending_counts_in_no_balance(self) -> None:
        pending = ENTRY.format(status="PDNG")
        both = message(ENTRY.format(status="BOOK") + pending)
        assert [entry.booked for entry in entries_of(both)] == [True, False]

    def test_several_accounts_in_one_message_each_come_before_their_entries(self) -> None:
        one = message()
        start, end = one.index("<Stmt>"), one.index("</Stmt>") + len("</Stmt>")
        second = one[start:end].replace("<Id>S1</Id>", "<Id>S2</Id>")
        rows = read(one[:end] + second + one[end:])
        names = [row.id if isinstance(row, Statement) else row.statement_id for row in rows]
        assert names == ["S1", "S1", "S2", "S2"]
        with pytest.raises(UnreadableStatement, match="twice"):
            read(one[:end] + one[start:end] + one[end:])

    def test_a_day_on_which_nothing_moved_is_a_statement_too(self) -> None:
        rows = read(message(entries=" ", balances=BALANCES.replace("90.50", "10.00").replace("CRDT", "DBIT")))
        assert [type(row) for row in rows] == [Statement]

    def test_memory_does_not_grow_with_the_entries(self) -> None:
        """Ten thousand entries come one after the other: the first is there before the last was even made."""
        made = 0

        def chunks() -> Iterator[bytes]:
            nonlocal made
            yield message(balances="").partition("<Ntry>")[0].encode()
            for _ in range(10_000):
                made += 1
                yield ENTRY.format(status="BOOK").encode()
            yield b"</Stmt></BkToCstmrStmt></Document>"

        rows = camt.read(chunks())
        next(rows), next(rows)
        assert made < 5
        assert sum(1 for _ in rows) == 9_999


class TestRefusing:
    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            ("90.50", "90.51", "closing balance"),
            ('Ccy="EUR">90.50', 'Ccy="USD">90.50', "two currencies"),
            ('Ccy="EUR">100.50', 'Ccy="USD">100.50', "entry 1: it is in another currency"),
            ("100.50", "100.505", "entry 1: an amount"),
            ("100.50", "-100.50", "entry 1: Amt is not an amount"),
            ("100.50", "1e2", "entry 1: Amt is not an amount"),
            ("100.50", "١٠٠", "entry 1: Amt is not an amount"),
            ('Ccy="EUR">100.50', 'Ccy="EURO">100.50', "entry 1: an amount"),
            ('<Amt Ccy="EUR">100.50', "<Amt>100.50", "entry 1: an amount"),
            ("CRDT</CdtDbtInd><Sts>", "XXXX</CdtDbtInd><Sts>", "entry 1: CdtDbtInd"),
            ("<BookgDt><Dt>2026-11-25</Dt>", "<BookgDt><Dt>2026-11-31</Dt>", "entry 1: an amount or a date"),
            ("<BookgDt><Dt>2026-11-25</Dt></BookgDt>", "", "entry 1: BookgDt/Dt is missing"),
            ("<Id>S1</Id>", "", "no id"),
            ("<Acct>", "<Acct_>", "not well-formed"),
            ("<IBAN>EE382200221020145685</IBAN>", "", "no id or no number"),
            ("</Document>", "", "not well-formed"),
            ("BkToCstmrStmt", "BkToCstmrDbtCdtNtfctn", "something else than BkToCstmrStmt"),
            ("FEE FOR", "x" * 501, "entry 1: a text is longer"),
            ("FEE FOR", "&xxe;", "not well-formed"),
            ("Stmt>", "Other>", "something else"),
        ],
    )
    def test_what_is_wrong_is_named_and_the_message_refused(self, old: str, new: str, complaint: str) -> None:
        assert old in message()
        with pytest.raises(UnreadableStatement, match=complaint):
            read(message().replace(old, new))

    def test_details_that_do_not_add_up_are_refused(self) -> None:
        detail = '<TxDtls><Amt Ccy="EUR">50.00</Amt></TxDtls>'
        start, end = message().index("<TxDtls>"), message().index("</NtryDtls>")
        with pytest.raises(UnreadableStatement, match="entry 1: its details do not add up"):
            read(message()[:start] + 2 * detail + message()[end:])

    @pytest.mark.parametrize("size", [1, 3, 10**6])
    @pytest.mark.parametrize(
        "text",
        [
            '<!DOCTYPE Document [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;">]>' + message().partition("\n")[2],
            '<!DOCTYPE Document SYSTEM "http://127.0.0.1/evil.dtd">' + message().partition("\n")[2],
            "<!doctype Document><Document/>",
            message().replace("UTF-8", "UTF-16"),
            message().replace("UTF-8", "cp037"),
            message().replace("UTF-8", "UTF-7"),
            "",
            " ",
            "{}",
            "<Document/>",
            "<a>" * 1_000,
            message().replace("<Ntry>", "<Ntry>" + "<a>" * 50 + "</a>" * 50),
            message().partition("<Stmt>")[0] + "</BkToCstmrStmt></Document>",
        ],
    )
    def test_what_could_hide_something_is_refused_before_it_is_read(self, text: str, size: int) -> None:
        whole = text.encode()
        with pytest.raises(UnreadableStatement):
            list(camt.read(whole[at : at + size] for at in range(0, len(whole), size)))

    def test_a_document_type_that_comes_in_two_pieces_is_seen(self) -> None:
        text = b'<?xml version="1.0"?><!DOCTYPE Document><Document/>'
        for at in range(len(text)):
            with pytest.raises(UnreadableStatement):
                list(camt.read([text[:at], text[at:]]))

    @pytest.mark.parametrize("size", range(1, 12))
    def test_a_document_type_is_seen_in_pieces_of_any_size_wherever_it_stands(self, size: int) -> None:
        declaration, _, document = message().partition("\n")
        whole = f"{declaration}{' ' * 600}<!DOCTYPE Document>{document}".encode()
        with pytest.raises(UnreadableStatement, match="document type"):
            list(camt.read(whole[at : at + size] for at in range(0, len(whole), size)))

    @pytest.mark.parametrize("size", [1, 10**6])
    def test_an_encoding_is_judged_in_pieces_of_any_size(self, size: int) -> None:
        whole = message().replace("UTF-8", "cp1252").encode()
        with pytest.raises(UnreadableStatement, match="its encoding"):
            list(camt.read(whole[at : at + size] for at in range(0, len(whole), size)))

    def test_utf_16_is_refused(self) -> None:
        with pytest.raises(UnreadableStatement):
            list(camt.read([message().replace("UTF-8", "UTF-16").encode("utf-16")]))

    def test_an_entry_without_end_is_given_up(self) -> None:
        def chunks() -> Iterator[bytes]:
            yield message().partition("FEE FOR")[0].encode()
            while True:
                yield b"x" * 1_000_000

        with pytest.raises(UnreadableStatement, match="longer than"):
            list(camt.read(chunks()))

    def test_a_message_cut_anywhere_is_refused(self) -> None:
        whole = message().encode()
        for at in range(0, len(whole) - 1, 7):
            with pytest.raises(UnreadableStatement):
                list(camt.read([whole[:at]]))


money = st.integers(-(10**12), 10**12).filter(bool)
TALLINN = timezone(timedelta(hours=2))
NOW = datetime(2026, 11, 25, 12, 0, tzinfo=TALLINN)


movements = st.lists(st.tuples(money, st.text("RF0189 AZ<>&\"'õ", max_size=30)), max_size=8)


@given(movements, st.sampled_from(["EUR", "VND", "KWD"]))
def test_what_a_bank_writes_is_read_as_it_was(moved: list[tuple[int, str]], currency: str) -> None:
    bookings = [
        Booking(str(at), f"B{at}", "credit", Money(amount, currency), NOW, text=text.strip())
        for at, (amount, text) in enumerate(moved)
    ]
    closing = Money(sum(amount for amount, _ in moved), currency)
    page = Page("S", "EE382200221020145685", NOW.date(), Money(0, currency), closing, bookings)
    head, *rows = camt.read([statement(page, NOW)])
    assert isinstance(head, Statement)
    assert head.net == closing
    assert [(row.signed, row.remittance) for row in rows if isinstance(row, StatementEntry)] == [
        (booking.amount, booking.text) for booking in bookings
    ]


def test_a_notification_is_read_likewise() -> None:
    booking = Booking("1", "B1", "reversal", Money(-500, "EUR"), NOW, undoes="B0")
    head, entry = camt.read([notification("N", "EE382200221020145685", [booking], NOW)])
    assert isinstance(head, Statement)
    assert isinstance(entry, StatementEntry)
    assert (head.opening, head.closing, head.net) == (None, None, None)
    assert (entry.reversal, entry.credit, entry.transaction_id) == (True, False, "B0")
