"""Settlement files: what is written is read, what is not as agreed is refused with its line, none is half believed."""

import tracemalloc
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.money import Money
from gateway.ports.cells import Fault
from gateway.ports.provider import BatchRef, LineKind, NotSent, OutcomeUnknown, SettlementLine, SettlementWindow
from providers.settlement_files import LINE_BYTES_MAX, FileSettlements, place, write
from tests.providers.settlement_layout import DAY, FILE, LINE, MAP, NAME, REFUND, changed, layout, read, source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "settlements"


@pytest.fixture(scope="module")
def lasting_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the tests that hypothesis repeats."""
    return tmp_path_factory.mktemp("settlements")


@pytest.fixture(scope="module")
def lasting_source(lasting_folder: Path) -> FileSettlements:
    return source(lasting_folder)


def refused(folder: Path, file: bytes, content: object = MAP) -> str:
    """Why reading the file, listed as if nothing were wrong, is refused."""
    place(folder, NAME, [file])
    with pytest.raises(OutcomeUnknown) as unreadable:
        list(source(folder, content).read_settlement(BatchRef(NAME, DAY)))
    assert unreadable.value.code == "unreadable"
    return str(unreadable.value)


def told(files: FileSettlements) -> tuple[list[SettlementLine], str]:
    """What is read of the file before it is refused, if it is, and why."""
    lines = []
    try:
        for line in files.read_settlement(BatchRef(NAME, DAY)):
            lines.append(line)
    except OutcomeUnknown as unreadable:
        return lines, str(unreadable)
    return lines, ""


class TestReading:
    def test_a_file_is_a_batch_with_its_lines_and_stated_total(self, folder: Path) -> None:
        place(folder, NAME, [FILE])
        files = source(folder)
        (batch,) = files.list_settlements(SettlementWindow(DAY, DAY))
        assert batch == BatchRef(NAME, DAY, Money(12_108_350, "VND"))
        assert list(files.read_settlement(batch)) == [LINE, REFUND]

    def test_what_is_written_is_this_file(self, folder: Path) -> None:
        assert b"".join(write(layout(folder.parent), [LINE, REFUND])) == FILE

    def test_our_payment_is_recognised_in_the_providers_form_of_its_id(self, folder: Path) -> None:
        place(folder, NAME, [FILE])
        files = FileSettlements(folder, layout(folder.parent), lambda given: f"ours-{given}" if given else None)
        assert [line.merchant_reference for line in read(files)] == ["ours-abc", None]

    @pytest.mark.parametrize(
        ("old", "new", "complaint"),
        [
            (b"id,type", b"id,typ", "line 1: it is not the header of layout 3"),
            (b"id,type", b"\xef\xbb\xbfid,type", "line 1: its first bytes are a byte order mark"),
            (b",shop\n", b",shop,more\n", "line 1: it is not the header"),
            (b"1,PAY", b"1;PAY", "line 2: it has 11 cells instead of 12"),
            (b"OK,\n", b"OK,,\n", "line 2: it has 13 cells"),
            (b"OK,\n", b"OK,\n\n", "line 3: it has 1 cells"),
            (b"OK,\n", b"OK,\r\n", "line 2: it holds a control character, or its line end is another"),
            (b"abc", b"a\x00c", "line 2: it holds a control character"),
            (b"abc", b"a\xffc", "line 2: it is not utf-8"),
            (b"abc", b'"abc', "line 2: its quotes do not match"),
            (b"abc", b" abc", "line 2: merchant_reference: there are blanks around it"),
            (b"1,PAY", b",PAY", "line 2: line_id: it is empty"),
            (b"PAY", b"PAID", "line 2: kind: the map does not know this word"),
            (b"VND,12150000", b"XXX,12150000", "line 2: gross: it is not an amount of a known currency"),
            (b"12150000", b"-12150000", "line 2: gross: it is not an amount as agreed"),
            (b"12150000", b"12,150,000", "line 2: it has 14 cells"),
            (b"12150000", b"12150000.5", "line 2: gross: it is not an amount of a known currency"),
            (b"12150000", b"012150000", "line 2: gross: it is not an amount as agreed"),
            (b"12150000", b"1.215E7", "line 2: gross: it is not an amount as agreed"),
            (b"12150000", "١٢١٥٠٠٠٠".encode(), "line 2: gross: it is not an amount as agreed"),
            (b"12150000", b"", "line 2: gross: it is not an amount as agreed"),
            (b"12150000", b"9" * 40, "line 2: gross: it is not an amount of a known currency"),
            (b",1650,", b",-1650,", "line 2: fee: it is not an amount as agreed"),
            (b"12148350", b"12148351", "line 2: net: it is not gross less fee"),
            (b"31/01/2026 23", b"1/31/2026 23", "line 2: occurred_at: it is not a time as agreed"),
            (b"31/01/2026 23", b"31/02/2026 23", "line 2: occurred_at: there is no such time"),
            (b"31/01/2026 23", b"01/01/0001 00", "line 2: occurred_at: there is no such time"),
            (b"2,BACK", b"1,BACK", "line 3: line_id: another line has it already"),
            (b"SUM,2", b"SUM,3", "line 4: the last row counts other lines than there are"),
            (b"SUM,2", b"SUM,x", "line 4: count: it is not a whole number"),
            (b"SUM,2,,", b"SUM,2,x,", "line 4: the last row holds something in a blank cell"),
            (b"SUM,2,,", b"SUM,2,", "line 4: the last row has not the agreed cells"),
            (b"12108350\n", b"12108350\nmore\n", "line 5: something follows the last row"),
            (b"12108350\n", b"12108350", "line 4: it has not the agreed line end, or was cut"),
            (b"SUM,2,,12108350\n", b"", "line 3: the last row is missing: the file was cut"),
        ],
    )
    def test_a_fault_is_named_with_its_line_and_field(
        self, folder: Path, old: bytes, new: bytes, complaint: str
    ) -> None:
        assert old in FILE
        assert complaint in refused(folder, FILE.replace(old, new, 1))

    @pytest.mark.parametrize(
        "old", [b"id,type", b"1,PAY", b"PAY", b"VND", b"12150000", b"1650", b"31/01", b"2,BACK", b"SUM"]
    )
    def test_no_fault_shows_a_value(self, folder: Path, old: bytes) -> None:
        assert "Nguyen" not in refused(
            folder, FILE.replace(old, old + b"Nguyen Thi Bi Mat", 1).replace(b"2,BACK", b"1,BACK")
        )

    def test_a_file_cut_anywhere_is_not_read_to_its_end(self, folder: Path) -> None:
        for length in range(len(FILE)):
            place(folder, NAME, [FILE[:length]])
            with pytest.raises(OutcomeUnknown):
                read(source(folder))
            with pytest.raises(OutcomeUnknown):
                list(source(folder).read_settlement(BatchRef(NAME, DAY)))

    @given(at=st.integers(0, len(FILE) - 1), by=st.integers(1, 255))
    def test_one_changed_byte_is_refused_or_read_as_what_it_says(self, lasting_folder: Path, at: int, by: int) -> None:
        """A file bears no signature; but nothing may break, and nothing that is no line may pass for one."""
        spoilt = bytearray(FILE)
        spoilt[at] ^= by
        with pytest.MonkeyPatch.context() as patch:
            folder = lasting_folder / "bytes"
            place(folder, NAME, [bytes(spoilt)])
            patch.setattr("providers.settlement_files._SEEN_BITS", 2**10)
            try:
                lines = read(source(folder))
            except OutcomeUnknown:
                return
            assert len(lines) == 2

    @given(at=st.integers(0, len(FILE) - 1), by=st.integers(1, 255))
    def test_many_lines_at_once_come_to_the_same_as_line_by_line(
        self, lasting_folder: Path, lasting_source: FileSettlements, at: int, by: int
    ) -> None:
        spoilt = bytearray(FILE)
        spoilt[at] ^= by
        (lasting_folder / NAME).write_bytes(spoilt)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("providers.settlement_files._SEEN_BITS", 2**10)
            at_once = told(lasting_source)
            patch.setattr("gateway.ports.lines.BLOCK_BYTES", 1)
            assert told(lasting_source) == at_once

    def test_a_fault_far_down_is_told_with_its_line_after_those_before_it(self, folder: Path) -> None:
        lines = [line_of(str(number)) for number in range(3_000)]
        whole = b"".join(write(layout(folder.parent), lines))
        place(folder, NAME, [whole.replace(b"\n2345,PAY", b"\n2345,PAID")])
        assert told(source(folder)) == (lines[:2345], f"{NAME} line 2347: kind: the map does not know this word")

    def test_a_line_without_end_is_refused_before_it_fills_the_memory(self, folder: Path) -> None:
        endless = (b"x" * 2**20 for _ in range(64))
        place(folder, NAME, [FILE.partition(b"\n")[0] + b"\n", *endless])
        tracemalloc.start()
        with pytest.raises(OutcomeUnknown, match=f"line 2: it is longer than {LINE_BYTES_MAX} bytes"):
            list(source(folder).read_settlement(BatchRef(NAME, DAY)))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 32 * 2**20  # of which half is for the ids that were seen

    def test_a_wrong_total_is_reported_unless_the_contract_has_it_checked(self, folder: Path) -> None:
        wrong = FILE.replace(b",,12108350", b",,12098350")
        place(folder, NAME, [wrong])
        files = source(folder)
        (batch,) = files.list_settlements(SettlementWindow(DAY, DAY))
        assert batch.total == Money(12_098_350, "VND")
        assert len(list(files.read_settlement(batch))) == 2
        checked = changed("trailer.total", "checked")
        assert "line 4: the last row states another total" in refused(folder, wrong, checked)
        place(folder, NAME, [FILE])
        assert read(source(folder, checked)) == [LINE, REFUND]

    def test_ids_that_only_look_alike_are_no_repetition(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("providers.settlement_files._SEEN_BITS", 8)
        lines = [line_of(str(number)) for number in range(200)]
        place(folder, NAME, write(layout(folder.parent), lines))
        assert read(source(folder)) == lines
        place(folder, NAME, write(layout(folder.parent), [*lines, lines[17]]))
        with pytest.raises(OutcomeUnknown, match="line 202: line_id: another line has it already"):
            read(source(folder))


class TestListing:
    def test_only_files_of_the_layout_and_the_window_are_listed_in_order(self, folder: Path) -> None:
        for name in (
            "bank_20260131_10.csv",
            "bank_20260131_2.csv",
            "bank_20260201_1.csv",
            "bank_20260131_1.csv.part",
            ".bank_20260131_3.csv.new",
            "bank_20260131_01.csv",
            "bank_20260132_1.csv",
            "bank_20260131.csv",
            "other_20260131_1.csv",
        ):
            place(folder, name, [FILE])
        (folder / "bank_20260131_4.csv").mkdir()
        listed = source(folder).list_settlements(SettlementWindow(DAY, DAY))
        assert [batch.id for batch in listed] == ["bank_20260131_2.csv", "bank_20260131_10.csv"]

    def test_a_file_without_its_last_row_is_no_empty_settlement(self, folder: Path) -> None:
        place(folder, NAME, [FILE.rpartition(b"SUM")[0]])
        with pytest.raises(OutcomeUnknown, match="still being written, or was cut"):
            source(folder).list_settlements(SettlementWindow(DAY, DAY))

    def test_a_day_that_should_have_a_file_is_not_empty(self, folder: Path) -> None:
        place(folder, NAME, [FILE])
        files = source(folder)
        missing = DAY + timedelta(days=1)
        with pytest.raises(NotSent, match="2026-02-01 has not arrived") as late:
            files.list_settlements(SettlementWindow(DAY, missing))
        assert late.value.code == "not_arrived"
        before, ahead = DAY - timedelta(days=1), date(2999, 1, 1)
        assert files.list_settlements(SettlementWindow(before, before)) == []
        assert files.list_settlements(SettlementWindow(ahead, ahead)) == []
        occasional = source(folder, changed("file.daily", False))
        assert occasional.list_settlements(SettlementWindow(missing, missing)) == []

    def test_a_folder_that_is_not_there_is_no_empty_settlement(self, folder: Path) -> None:
        with pytest.raises(NotSent, match="cannot be read"):
            source(folder).list_settlements(SettlementWindow(DAY, DAY))

    def test_a_file_that_went_away_was_not_read(self, folder: Path) -> None:
        place(folder, "bank_20260131_2.csv", [FILE])
        with pytest.raises(NotSent, match="cannot be opened"):
            list(source(folder).read_settlement(BatchRef(NAME, DAY)))

    @pytest.mark.parametrize("name", ["../map.yaml", "/etc/passwd", "map.yaml", "bank_20260131_1.csv/../../map.yaml"])
    def test_only_files_of_the_layout_are_opened(self, folder: Path, name: str) -> None:
        with pytest.raises(OutcomeUnknown, match="no name of a settlement file"):
            list(source(folder).read_settlement(BatchRef(name, DAY)))


def line_of(line_id: str) -> SettlementLine:
    return SettlementLine(line_id, LineKind.PAYMENT, Money(1, "VND"), Money(0, "VND"), LINE.occurred_at, status="OK")


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=0x1EF9, exclude_categories=("C", "Z")), max_size=12)
CURRENCIES = ("VND", "USD", "KWD")
LAYOUTS: dict[str, dict[str, Any]] = {
    "signs by kind": MAP,
    "signs written": {
        **changed("outgoing", None),
        "amounts": {"unit": "major", "decimal_mark": ",", "thousands_mark": ".", "signs": "written"},
        "file": MAP["file"] | {"delimiter": ";", "line_end": "crlf", "encoding": "utf-8-sig"},
        "times": {"format": "%Y%m%d%H%M%S", "zone": "-03:30"},
    },
    "minor units": changed("amounts.unit", "minor"),
}


@st.composite
def lines(draw: st.DrawFn) -> SettlementLine:
    currency = draw(st.sampled_from(CURRENCIES))
    kind = draw(st.sampled_from(LineKind))
    amount = draw(st.integers(0, 10**15))
    leaves = {LineKind.CHARGEBACK: True, LineKind.FEE: True, LineKind.PAYMENT: False}
    leaving = leaves.get(kind, draw(st.booleans())) and kind is not LineKind.CHARGEBACK_REVERSAL
    status = draw(st.sampled_from(["OK", "DONE", "LATER", ""]))
    moment = draw(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - given its zone below
    return SettlementLine(
        line_id=draw(st.uuids()).hex,
        kind=kind,
        gross=Money(-amount if leaving else amount, currency),
        fee=Money(draw(st.integers(0, 10**9)), currency),
        occurred_at=moment.replace(microsecond=0, tzinfo=UTC),
        provider_transaction_id=draw(TEXT) or None,
        provider_refund_id=draw(TEXT) or None,
        merchant_reference=draw(TEXT) or None,
        status=status,
        settled=status in ("OK", "DONE"),
    )


@pytest.mark.parametrize("name", LAYOUTS)
@given(written=st.lists(lines(), max_size=5))
def test_what_is_written_is_read(lasting_folder: Path, name: str, written: list[SettlementLine]) -> None:
    folder = lasting_folder / name.replace(" ", "-")
    content = LAYOUTS[name]
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("providers.settlement_files._SEEN_BITS", 2**10)
        place(folder, NAME, write(layout(folder, content), written))
        assert read(FileSettlements(folder, layout(folder, content))) == written


class TestWriting:
    def test_hundredths_of_a_dong_are_what_a_provider_may_count_in(self, folder: Path) -> None:
        content = changed("amounts.unit", "hundredths")
        place(folder, NAME, write(layout(folder.parent, content), [LINE]))
        assert b",VND,1215000000,165000,1214835000," in (folder / NAME).read_bytes()
        assert read(source(folder, content)) == [LINE]

    @pytest.mark.parametrize(
        "change",
        [
            {"fee": Money(-1, "VND")},
            {"status": "LATER"},
            {"kind": LineKind.CHARGEBACK},
            {"line_id": ""},
            {"merchant_reference": " x"},
            {"occurred_at": LINE.occurred_at.replace(microsecond=1)},
        ],
    )
    def test_a_line_that_the_layout_cannot_say_is_not_written(self, tmp_path: Path, change: dict[str, Any]) -> None:
        said = {name: getattr(LINE, name) for name in LINE.__slots__}
        with pytest.raises(Fault):
            list(write(layout(tmp_path), [SettlementLine(**{**said, **change})]))

    def test_a_file_is_there_whole_or_not_at_all(self, folder: Path) -> None:
        def interrupted() -> Iterator[bytes]:
            yield FILE[:50]
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            place(folder, NAME, interrupted())
        assert not (folder / NAME).exists()
        assert source(folder).list_settlements(SettlementWindow(DAY, DAY)) == []
