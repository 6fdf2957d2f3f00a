"""What the matching writes: the files that gateway.store.matches.replace_matches takes, by its words.

The bulk goes by the block of 1,024 lines, as many blocks at a time as fit into memory; a pair of it is one number. The
handles of a batch begin with a block, so that no block has lines of two batches.
"""

AT_A_TIME = 1_000

MATCHES = {
    "rows": """
        SELECT batches.id, number_of(line), entry, getvariable('run'), rule, evidence, group_no
          FROM step_matches LEFT JOIN batches ON batches.place = batch_of(line)
    """,
    "lines": """
        SELECT batches.id, number_of(block << 10) >> 10, getvariable('run'), bits
          FROM (SELECT line >> 10 AS block, bitstring_agg(line & 1023, 0, 1023)::VARCHAR AS bits
                  FROM matches WHERE line IS NOT NULL GROUP BY block)
          JOIN batches ON batches.place = batch_of(block << 10)
    """,
    "entries": """
        SELECT entry >> 10 AS block, getvariable('run'), bitstring_agg(entry & 1023, 0, 1023)::VARCHAR
          FROM matches WHERE entry IS NOT NULL GROUP BY block
    """,
}
BLOCKS = "SELECT DISTINCT line >> 10 FROM plain_matches ORDER BY 1"
CHUNKS = """
SELECT batches.id, number_of(block << 10) >> 10, getvariable('run'), pairs
  FROM (SELECT line >> 10 AS block, '{' || string_agg(((entry << 10) | (line & 1023))::VARCHAR, ',') || '}' AS pairs
          FROM plain_matches WHERE line >> 10 BETWEEN getvariable('first') AND getvariable('last') GROUP BY block)
  JOIN batches ON batches.place = batch_of(block << 10)
"""
