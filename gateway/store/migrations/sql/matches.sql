-- All matches, whether they were written by the row or by the block.
CREATE VIEW matches AS
SELECT batch, line, entry_id, run_id, rule, evidence, group_no FROM match_rows
 UNION ALL
SELECT chunk.batch, (chunk.block << 10) | (pair & 1023)::int, pair >> 10, chunk.run_id, 'provider_reference', NULL, NULL
  FROM match_chunks AS chunk CROSS JOIN LATERAL unnest(chunk.pairs) AS pair;

-- A bit that two runs have set is a line or an entry in two matches. Who writes waits for whoever is writing, so that
-- neither overlooks the other.
CREATE FUNCTION refuse_matched_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('matches'));
    IF EXISTS (SELECT FROM matched_lines AS other
                WHERE other.batch = NEW.batch AND other.block = NEW.block AND other.run_id <> NEW.run_id
                  AND bit_count(other.bits & NEW.bits) > 0) THEN
        RAISE unique_violation USING CONSTRAINT = 'matched_lines_exclusive',
            MESSAGE = format('a line of block %s of batch %s is in a match of another run', NEW.block, NEW.batch);
    END IF;
    RETURN NEW;
END
$$;

CREATE FUNCTION refuse_matched_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('matches'));
    IF EXISTS (SELECT FROM matched_entries AS other
                WHERE other.block = NEW.block AND other.run_id <> NEW.run_id
                  AND bit_count(other.bits & NEW.bits) > 0) THEN
        RAISE unique_violation USING CONSTRAINT = 'matched_entries_exclusive',
            MESSAGE = format('an entry of block %s is in a match of another run', NEW.block);
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER matched_lines_exclusive BEFORE INSERT OR UPDATE ON matched_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_matched_line();
CREATE TRIGGER matched_entries_exclusive BEFORE INSERT OR UPDATE ON matched_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_matched_entry();

-- What was matched before there were bits.
INSERT INTO matched_lines (batch, block, run_id, bits)
SELECT batch, line >> 10, run_id, bit_or(set_bit(repeat('0', 1024)::bit(1024), line & 1023, 1))
  FROM match_rows GROUP BY 1, 2, 3;
INSERT INTO matched_entries (block, run_id, bits)
SELECT entry_id >> 10, run_id, bit_or(set_bit(repeat('0', 1024)::bit(1024), (entry_id & 1023)::int, 1))
  FROM match_rows GROUP BY 1, 2;
