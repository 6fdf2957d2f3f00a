"""Text that PostgreSQL writes into a report is byte for byte what Python would have written, however hostile it is."""

from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.store.database import Database
from gateway.store.reports import FORMULA_BEGINNINGS, harmless_sql, json_sql
from reconciliation.reports.facts import dumped
from reconciliation.reports.tabular import LINE_END, written

AWKWARD = (*FORMULA_BEGINNINGS, '"', "'", ",", "\\", "\\.", "\x01", "\x1f", "\x7f", "\u2028", " ", "\ufeff", "ệ", "😀")
# PostgreSQL tells an empty text from none by quotes, which csv does not; no name of a batch or a transaction is empty.
TEXTS = st.lists(
    st.lists(
        st.one_of(st.sampled_from(AWKWARD), st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        min_size=1,
        max_size=8,
    ).map("".join),
    min_size=1,
    max_size=30,
)


def copied(db: Database, column: str, texts: Sequence[str], options: str) -> list[bytes]:
    query = f"""
        COPY (SELECT 'match', {column}, n FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS given (told, n) ORDER BY n)
        TO STDOUT ({options})
    """  # noqa: S608 - of constants
    with db.transaction() as tx:
        driver: Any = tx.connection.connection.driver_connection
        with driver.cursor() as cursor, cursor.copy(query, {"texts": list(texts)}) as rows:
            return [bytes(row[:-1]) for row in rows]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(texts=TEXTS)
def test_a_cell_of_the_bulk_is_what_the_rest_of_the_report_would_write(db: Database, texts: list[str]) -> None:
    rows = ({"row": "match", "told": told, "n": n} for n, told in enumerate(texts, start=1))
    plain = b"".join(written(("row", "told", "n"), rows, heading=False))
    fast = copied(db, harmless_sql("told"), texts, "FORMAT csv")
    assert b"".join(row + LINE_END.encode() for row in fast) == plain


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(texts=TEXTS)
def test_a_text_of_the_bulk_is_the_json_that_the_digest_is_made_of(db: Database, texts: list[str]) -> None:
    whole = f"'{{' || {json_sql('told')} || '}}'"
    fast = copied(db, whole, texts, "FORMAT csv, DELIMITER E'\\x02', QUOTE E'\\x01'")
    assert fast == [b"match\x02{" + dumped(told) + f"}}\x02{n}".encode() for n, told in enumerate(texts, start=1)]
