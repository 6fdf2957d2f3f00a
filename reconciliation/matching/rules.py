"""The ordered steps of matching. A line and an entry are decided once: what one step takes, no later step sees.

The first steps match. What people decided to be one comes before all else. The provider's own reference is the
strongest evidence there is, so it goes next. Our payment id, which some providers hand back, counts only where one side
lacks that reference, and only if it leaves no choice. After them come the sums of several (groups.py) and the names
that were garbled (repaired.py).

The steps after them name what is left: first what belongs together and differs, then what came twice. What is alone
on its side is named last, after it was looked at for what it may be (`proposals`, which decide nothing). Every line and
every entry of the day ends in exactly one decision, so that the difference between the two sides is the sum of what is
explained.

Each step reads `free_lines` and `free_entries`: what is undecided. `later` marks what a run of a later day has matched;
this run may not match it again, but names it as it would have been named had it run in time, so that a day looks the
same whenever it is run.
"""

from dataclasses import dataclass

from reconciliation.matching import groups, repaired

RULES_VERSION = "2"

ACCEPTED_PROPOSAL = "accepted_proposal"
PROVIDER_REFERENCE = "provider_reference"
MERCHANT_REFERENCE = "merchant_reference"


@dataclass(frozen=True, slots=True)
class Step:
    """`sql` yields (line, entry, rule, kind, evidence): a rule for a match, a kind of discrepancy for a finding.

    `grouped`: it matches groups, and yields the line that a row is `part_of` as well.
    """

    name: str
    sql: str
    grouped: bool = False


MACROS = f"""
{repaired.MACROS};
CREATE MACRO what_differs(currency, amount, settled, other_currency, other_amount) AS
    CASE WHEN currency <> other_currency THEN 'currency_mismatch'
         WHEN amount <> other_amount THEN 'amount_mismatch'
         WHEN NOT settled THEN 'status_mismatch' END
"""
"""`what_differs` is null where nothing does."""

# What people said is one: `accepted`, which the first join leaves alone. They may be wrong, and the other line or entry
# that would have matched is then named.
_ACCEPTED = """
SELECT line, entry, 'accepted_proposal', NULL, to_json({'resolution': accepted.resolution})
  FROM accepted JOIN free_lines AS line USING (line) JOIN free_entries AS entry USING (entry)
 WHERE line.settled AND NOT line.later AND NOT entry.later
   AND line.gross = entry.amount AND line.currency = entry.currency
"""

# Several movements can share a reference and an amount (two disputes about one payment): the first line takes the
# first entry, the second the second.
_BY_PROVIDER_REFERENCE = """
WITH line AS (
    SELECT *, row_number() OVER (PARTITION BY movement, reference, currency, gross ORDER BY line) AS nth
      FROM free_lines WHERE settled AND NOT later AND reference IS NOT NULL
), entry AS (
    SELECT *, row_number() OVER (PARTITION BY movement, reference, currency, amount ORDER BY entry) AS nth
      FROM free_entries WHERE NOT later AND reference IS NOT NULL
)
SELECT line.line, entry.entry, 'provider_reference', NULL, NULL
  FROM line JOIN entry ON entry.movement = line.movement AND entry.reference = line.reference
   AND entry.currency = line.currency AND entry.amount = line.gross AND entry.nth = line.nth
"""

# Two refunds of one payment over the same amount cannot be told apart by the payment: a tie is left to a person.
_BY_MERCHANT_REFERENCE = """
WITH pair AS (
    SELECT line.line, entry.entry, line.merchant,
           count(*) OVER (PARTITION BY line.line) AS choices,
           row_number() OVER (PARTITION BY entry.entry ORDER BY line.line) AS nth
      FROM free_lines AS line JOIN free_entries AS entry
        ON entry.merchant = line.merchant AND entry.movement = line.movement
       AND entry.currency = line.currency AND entry.amount = line.gross
     WHERE line.settled AND NOT line.later AND NOT entry.later
       AND (line.reference IS NULL OR entry.reference IS NULL)
)
SELECT line, entry, 'merchant_reference', NULL, to_json({'merchant_reference': merchant})
  FROM pair WHERE choices = 1 AND nth = 1
"""

_DIFFERS_BY_PROVIDER_REFERENCE = """
WITH line AS (
    SELECT *, row_number() OVER (PARTITION BY movement, reference ORDER BY line) AS nth
      FROM free_lines WHERE reference IS NOT NULL
), entry AS (
    SELECT *, row_number() OVER (PARTITION BY movement, reference ORDER BY entry) AS nth
      FROM free_entries WHERE reference IS NOT NULL
), pair AS (
    SELECT line.line, entry.entry,
           what_differs(line.currency, line.gross, line.settled, entry.currency, entry.amount) AS kind
      FROM line JOIN entry ON entry.movement = line.movement AND entry.reference = line.reference
       AND entry.nth = line.nth
)
SELECT line, entry, NULL, kind, NULL FROM pair WHERE kind IS NOT NULL
"""

_DIFFERS_BY_MERCHANT_REFERENCE = """
WITH pair AS (
    SELECT line.line, entry.entry,
           what_differs(line.currency, line.gross, line.settled, entry.currency, entry.amount) AS kind,
           count(*) OVER (PARTITION BY line.line) AS choices,
           row_number() OVER (PARTITION BY entry.entry ORDER BY line.line) AS nth
      FROM free_lines AS line JOIN free_entries AS entry
        ON entry.merchant = line.merchant AND entry.movement = line.movement
     WHERE line.reference IS NULL OR entry.reference IS NULL
)
SELECT line, entry, NULL, kind, NULL FROM pair WHERE choices = 1 AND nth = 1 AND kind IS NOT NULL
"""

# Of disputes there can be several about one payment, so a second one is news, not a repetition.
_DUPLICATE = """
WITH known AS (
    SELECT DISTINCT line_details.movement, line_details.reference
      FROM decisions JOIN line_details USING (line) WHERE line_details.reference IS NOT NULL
), line AS (
    SELECT *, row_number() OVER (PARTITION BY movement, reference ORDER BY line) AS nth
      FROM free_lines WHERE movement IN ('payment', 'refund', 'refund_return')
)
SELECT line.line, NULL, NULL, 'duplicate_at_provider', NULL
  FROM line LEFT JOIN known ON known.movement = line.movement AND known.reference = line.reference
 WHERE known.reference IS NOT NULL OR (line.reference IS NOT NULL AND line.nth > 1)
    OR line.counterpart_matched
    OR line.counterpart IN (SELECT entry FROM matches WHERE entry IN (SELECT counterpart FROM free_lines))
"""

# The payment is known, but never succeeded here with this amount, so that the ledger has no entry of it.
_DIFFERS_FROM_PAYMENT = """
WITH line AS (
    SELECT line, what_differs(currency, gross, settled, payment_currency, payment_amount) AS kind
      FROM free_lines WHERE movement = 'payment' AND payment IS NOT NULL
)
SELECT line, NULL, NULL, kind, NULL FROM line WHERE kind IS NOT NULL
"""

_ONLY_AT_PROVIDER = """
SELECT line, NULL, NULL,
       CASE WHEN movement IN ('refund', 'refund_return') THEN 'refund_unknown' ELSE 'missing_in_gateway' END, NULL
  FROM free_lines
"""

# What was made after the run's day is not looked for yet.
_ONLY_IN_LEDGER = """
SELECT NULL, entry, NULL, CASE WHEN getvariable('day') < due_on THEN 'timing' ELSE 'missing_at_provider' END, NULL
  FROM free_entries WHERE sought_from <= getvariable('day')
"""

STEPS = (
    Step(ACCEPTED_PROPOSAL, _ACCEPTED),
    Step(PROVIDER_REFERENCE, _BY_PROVIDER_REFERENCE),
    Step(MERCHANT_REFERENCE, _BY_MERCHANT_REFERENCE),
    *(Step(groups.SETTLED_IN_PARTS, sql, grouped=True) for sql in groups.IN_PARTS),
    *(Step(groups.SETTLED_TOGETHER, sql, grouped=True) for sql in groups.TOGETHER),
    Step(repaired.REPAIRED_REFERENCE, repaired.REPAIRED),
    Step("differs_by_provider_reference", _DIFFERS_BY_PROVIDER_REFERENCE),
    Step("differs_by_merchant_reference", _DIFFERS_BY_MERCHANT_REFERENCE),
    Step("duplicate", _DUPLICATE),
    Step("differs_from_payment", _DIFFERS_FROM_PAYMENT),
)
ALONE = (
    Step("only_at_provider", _ONLY_AT_PROVIDER),
    Step("only_in_ledger", _ONLY_IN_LEDGER),
)
