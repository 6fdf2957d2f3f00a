"""The steps that match one side's several with the other side's one: a sum of parts that share a reference.

    settled_in_parts    several lines of the provider are one entry: a payment that it settles in parts
    settled_together    one line is several entries: payments of one checkout, or one payment's refunds, in one sum

A sum proves little by itself, because among many amounts some always add up. So a group is all that shares the
reference and is undecided, never a choice among it: it adds up to the last unit, or nothing of it matches. All of a
group move in one direction, in one currency, and a line that is told twice is no part.

The first line stands for the group: `part_of` is its handle, and its row holds the first entry. The others have a row
each, with a line or with an entry.
"""

SETTLED_IN_PARTS = "settled_in_parts"
SETTLED_TOGETHER = "settled_together"

_LACKS_REFERENCE = "(line.reference IS NULL OR entry.reference IS NULL)"
_BY_REFERENCE = "entry.reference = line.reference"
_BY_MERCHANT = f"entry.merchant = line.merchant AND {_LACKS_REFERENCE}"
_BY_CHECKOUT = "entry.checkout = line.checkout"

# By the name of what is shared, in the order of how much it proves.
_SHARED_BY_LINES = {"provider_reference": _BY_REFERENCE, "merchant_reference": _BY_MERCHANT}
_SHARED_BY_ENTRIES = _SHARED_BY_LINES | {"checkout": _BY_CHECKOUT}

_NAMED = """
WITH named AS (
    SELECT line.line, entry.entry, line.line_id, line.gross, entry.amount, entry.agency,
           entry.payment = line.payment AS is_named,
           line.settled AND NOT line.later AND NOT entry.later AND line.currency = entry.currency
           AND sign(line.gross) = sign(entry.amount) AS fits,
           count(*) OVER (PARTITION BY line.line) AS entries,
           count(*) OVER (PARTITION BY entry.entry) AS lines
      FROM free_lines AS line JOIN free_entries AS entry
        ON entry.movement = line.movement AND {shared}
)"""

_IN_PARTS = """
, whole AS (
    SELECT entry, min(line) AS first, count(*) AS parts
      FROM named
     GROUP BY entry
    HAVING count(*) > 1 AND bool_and(fits AND entries = 1) AND sum(gross) = min(amount)
       AND count(DISTINCT line_id) = count(*)
)
SELECT line, CASE WHEN line = first THEN entry END, 'settled_in_parts', NULL,
       to_json({{'shared': '{name}', 'lines': parts, 'amount_minor': amount}}), first
  FROM named JOIN whole USING (entry)
"""

# A checkout is named by one of its payments: the line has to say which.
_TOGETHER = """
, whole AS (
    SELECT line, min(entry) AS first, count(*) AS parts
      FROM named
     GROUP BY line
    HAVING count(*) > 1 AND bool_and(fits AND lines = 1) AND sum(amount) = min(gross)
       AND count(DISTINCT agency) = 1 AND ('{name}' <> 'checkout' OR bool_or(is_named))
)
SELECT CASE WHEN entry = first THEN line END, entry, 'settled_together', NULL,
       to_json({{'shared': '{name}', 'entries': parts, 'amount_minor': gross}}), line
  FROM named JOIN whole USING (line)
"""


def _steps(after: str, shared: dict[str, str]) -> list[str]:
    return [(_NAMED + after).format(name=name, shared=condition) for name, condition in shared.items()]


IN_PARTS = _steps(_IN_PARTS, _SHARED_BY_LINES)
TOGETHER = _steps(_TOGETHER, _SHARED_BY_ENTRIES)
