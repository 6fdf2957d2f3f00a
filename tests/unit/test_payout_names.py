"""Names in a bank's text: found however the bank wrote them, and never within another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciliation.bank.payout_names import names_in


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("PAYOUT po_1AbC-77 OF STRIPE", {"po_1AbC-77", "stripe"}),
        ("TT PO1ABC\n77", {"po_1AbC-77"}),
        ("po_1AbC-778", set()),
        ("xpo_1AbC-77", set()),
        ("NGUYEN VAN A 0901234567", set()),
    ],
)
def test_a_name_is_found_as_banks_write_it(text: str, found: set[str]) -> None:
    assert names_in(text, ["po_1AbC-77", "stripe", "A"]) == found


@given(st.text(max_size=20), st.text("AB12", min_size=4, max_size=8), st.text(max_size=20))
def test_a_name_between_spaces_is_found_and_nothing_else_is_kept(before: str, name: str, after: str) -> None:
    assert names_in(f"{before} {name} {after}", [name]) == {name}
