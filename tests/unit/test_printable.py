"""Whatever a document is to say, it can be set: the typesetter refuses one that has a letter without a glyph."""

from pathlib import Path

import pytest
import typst
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.printable import ALLOWED, printable
from reconciliation.reports.words import WORDS

PLAIN = (
    '#set document(title: "t")\n#set text(lang: "vi", font: "Libertinus Serif")\n#sys.inputs.said\n*#sys.inputs.said*\n'
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("typst") / "plain.typ"
    file.write_text(PLAIN)
    return file


def is_set(template: Path, said: str) -> bool:
    pdf = typst.compile(
        str(template), format="pdf", sys_inputs={"said": said}, pdf_standards=["ua-1"], ignore_system_fonts=True
    )
    return bool(pdf.startswith(b"%PDF-"))


def test_every_letter_that_is_let_through_has_its_glyph(template: Path) -> None:
    assert is_set(template, " ".join(sorted(ALLOWED)))


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40))
def test_what_anybody_writes_can_be_set(template: Path, said: str) -> None:
    assert is_set(template, printable(said))


def test_vietnamese_stays_as_it_is_also_if_it_came_in_pieces() -> None:
    assert printable("Nguyễn Thị Lan") == "Nguyễn Thị Lan"
    assert printable({"a": ["김민수 😀", 7, None]}) == {"a": ["??? ?", 7, None]}


def test_nothing_that_a_report_says_by_itself_is_lost() -> None:
    assert printable(dict(WORDS)) == {name: list(said) for name, said in WORDS.items()}
