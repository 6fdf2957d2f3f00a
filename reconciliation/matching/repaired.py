"""The steps that read through a garbled name, and those that only propose.

A name is repaired where what is left of it proves what it was: by its check digits, or because a long enough piece of
our payment id is no other's. names.py reads such names, and the database tells whose they are; that is the table
`named`. Beside it a name is the same in another writing: in capitals, padded with zeros, with its hyphens lost.

Whatever could be another's as well matches nothing: another payment with this name and amount, wherever it stands and
whether it is matched or not; another line for the entry. A reference of the provider that is another one contradicts,
as in every rule.

What fits and is not proven is proposed: `proposals` is kept beside the two discrepancies for a person to decide.

    repaired_reference  several fit; or the provider's reference is one slip away, or cut
    amount_window       the same movement, currency and amount within some days, and nothing else like it on either side
"""

REPAIRED_REFERENCE = "repaired_reference"
AMOUNT_WINDOW = "amount_window"

# A part of a name, or another writing of it, means something from eight letters and digits on.
MACROS = """
CREATE MACRO folded(name) AS ltrim(regexp_replace(upper(name), '[^0-9A-Z]', '', 'g'), '0');
CREATE MACRO is_long(name) AS length(name) >= 8;
CREATE MACRO is_slip(read, name) AS
    is_long(read) AND is_long(name)
    AND (damerau_levenshtein(read, name) = 1 OR starts_with(name, read) OR ends_with(name, read))
"""

# `alike` are line and entry of one movement, currency and amount, undecided and free to be matched; `readings` those
# of them that a garbled name leads to each other, and `fitting` the same, each pair once. `rivals` is how many payments
# the name may be of.
VIEWS = """
CREATE VIEW alike AS
SELECT line.line, entry.entry, line.movement, entry.payment, line.transaction_id,
       line.reference AS read_reference, entry.reference, line.merchant AS read_merchant, entry.merchant,
       line.reference IS NULL OR entry.reference IS NULL AS lacks_reference
  FROM free_lines AS line JOIN free_entries AS entry
    ON entry.movement = line.movement AND entry.currency = line.currency AND entry.amount = line.gross
 WHERE line.settled AND NOT line.later AND NOT entry.later AND NOT line.counterpart_matched
   AND (line.payment IS NULL OR line.payment = entry.payment);
CREATE VIEW readings AS
WITH writing AS (
    SELECT line, entry, movement, read_reference AS read, reference AS name
      FROM alike WHERE folded(reference) = folded(read_reference) AND is_long(folded(reference))
     UNION ALL
    SELECT line, entry, NULL, read_merchant, merchant
      FROM alike WHERE folded(merchant) = folded(read_merchant) AND is_long(folded(merchant)) AND lacks_reference
), crowd AS (
    SELECT movement, name, count(*) AS number
      FROM (SELECT split_part(key, ':', 1) AS movement, folded(substr(key, instr(key, ':') + 1)) AS name
              FROM entries_file)
     WHERE name IN (SELECT folded(read) FROM writing WHERE movement IS NOT NULL)
     GROUP BY ALL HAVING count(*) > 1
), rivals AS (
    SELECT named.line, count(DISTINCT named.payment) AS number
      FROM named JOIN free_lines AS line USING (line)
     WHERE line.movement <> 'payment' OR (named.amount = line.gross AND named.currency = line.currency)
     GROUP BY named.line
)
SELECT line, entry, read, writing.name, 'writing' AS how, coalesce(crowd.number, 1) AS rivals
  FROM writing LEFT JOIN crowd ON crowd.movement = writing.movement AND crowd.name = folded(read)
 UNION
SELECT line, entry, named.read, named.name, named.how, rivals.number
  FROM named JOIN rivals USING (line) JOIN alike USING (line, payment)
 WHERE lacks_reference OR (named.read = read_reference AND read_reference = transaction_id);
CREATE VIEW fitting AS
SELECT line, entry, min(read) AS read, min(name) AS name, min(how) AS how, max(rivals) AS rivals,
       count(*) OVER (PARTITION BY line) AS entries, count(*) OVER (PARTITION BY entry) AS lines
  FROM readings GROUP BY line, entry
"""

# A name that is whole is our reference of the invoice, which some providers hand back instead of our payment id.
REPAIRED = """
SELECT line, entry, CASE how WHEN 'whole' THEN 'merchant_reference' ELSE 'repaired_reference' END, NULL,
       to_json({'read': read, 'repaired': name, 'how': how})
  FROM fitting WHERE entries = 1 AND lines = 1 AND rivals = 1
"""

# In a crowd of equal amounts nothing stands out: more than so many pairs are not compared. Where no money moved,
# there is nothing to look for. The window is three days.
PROPOSALS = """
CREATE TABLE proposals (line BIGINT, entry BIGINT, rule TEXT, why TEXT);
INSERT INTO proposals SELECT line, entry, 'repaired_reference', 'several_fit' FROM fitting;
CREATE TABLE lookalikes AS
WITH line AS (
    SELECT *, count(*) OVER (PARTITION BY movement, currency, gross) AS crowd FROM free_lines
     WHERE settled AND NOT later AND NOT counterpart_matched AND gross <> 0
), entry AS (
    SELECT *, count(*) OVER (PARTITION BY movement, currency, amount) AS crowd FROM free_entries
     WHERE NOT later AND sought_from <= getvariable('day')
)
SELECT line.line, entry.entry, coalesce(is_slip(line.reference, entry.reference), false) AS near,
       line.counterpart IS NULL AND abs(left(line.occurred_at, 10)::DATE - entry.business_date) <= 3 AS in_window
  FROM line JOIN entry
    ON entry.movement = line.movement AND entry.currency = line.currency AND entry.amount = line.gross
   AND line.crowd * entry.crowd <= 10000
 WHERE line.payment IS NULL OR line.payment = entry.payment;
INSERT INTO proposals
SELECT line, entry, 'repaired_reference', 'one_slip_away' FROM lookalikes ANTI JOIN proposals USING (line, entry)
 WHERE near;
INSERT INTO proposals
WITH pair AS (
    SELECT *, count(*) OVER (PARTITION BY line) AS entries, count(*) OVER (PARTITION BY entry) AS lines
      FROM lookalikes WHERE in_window
)
SELECT line, entry, 'amount_window', 'only_one_of_its_amount' FROM pair
 WHERE entries = 1 AND lines = 1
   AND line NOT IN (SELECT line FROM proposals) AND entry NOT IN (SELECT entry FROM proposals)
"""
