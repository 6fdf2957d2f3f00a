-- A signed run stays as it was signed, whatever the code does. Only a correction says more about its day.

CREATE FUNCTION refuse_signed_run(run reconciliation_runs, what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the run of % for % is signed off: % is refused; a correction says what is different',
        run.provider, run.business_date, what
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_run';
END $$;

-- What is written while somebody signs waits for the signature, and is refused then. `changed` are the rows of the
-- statement that fires it.
CREATE FUNCTION refuse_rows_of_signed_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    run reconciliation_runs;
BEGIN
    FOR run IN SELECT * FROM reconciliation_runs WHERE id IN (SELECT run_id FROM changed) FOR SHARE LOOP
        IF run.status = 'signed_off' THEN
            PERFORM refuse_signed_run(run, TG_OP || ' of ' || TG_TABLE_NAME);
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

DO $$
DECLARE
    target text;
BEGIN
    FOREACH target IN ARRAY ARRAY['match_rows', 'match_chunks', 'matched_lines', 'matched_entries', 'bank_matches',
                                  'run_findings', 'finding_causes', 'discrepancies'] LOOP
        EXECUTE format('CREATE TRIGGER signed_run_takes_no_more AFTER INSERT ON %I REFERENCING NEW TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_rows_of_signed_run()', target);
        EXECUTE format('CREATE TRIGGER signed_run_loses_nothing AFTER DELETE ON %I REFERENCING OLD TABLE AS changed
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_rows_of_signed_run()', target);
    END LOOP;
END $$;

-- The bits of a match are cleared when its line is gone and the match is ended, and change in no other way.
CREATE FUNCTION refuse_other_bits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    cleared bit(1024) := OLD.bits & ~NEW.bits;
    known boolean := (to_jsonb(NEW) - 'bits') = (to_jsonb(OLD) - 'bits') AND bit_count(NEW.bits & ~OLD.bits) = 0;
BEGIN
    IF known AND TG_TABLE_NAME = 'matched_lines' THEN
        known := bit_count(cleared) = (SELECT count(DISTINCT line) FROM ended_matches
                                        WHERE run_id = OLD.run_id AND batch = OLD.batch AND line >> 10 = OLD.block
                                          AND get_bit(cleared, line & 1023) = 1);
    ELSIF known THEN
        known := bit_count(cleared) = (SELECT count(DISTINCT entry_id) FROM ended_matches
                                        WHERE run_id = OLD.run_id AND entry_id >> 10 = OLD.block
                                          AND get_bit(cleared, (entry_id & 1023)::int) = 1);
    END IF;
    IF NOT known THEN
        RAISE EXCEPTION 'the bits of % are cleared only for matches that have ended', TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ended_matches';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER only_ended_matches_are_cleared BEFORE UPDATE ON matched_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_other_bits();
CREATE TRIGGER only_ended_matches_are_cleared BEFORE UPDATE ON matched_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_other_bits();

-- Whose money a payout is may be known after its run is signed, and a match may end once, when the bank takes the payout
-- back; nothing else of it changes.
CREATE FUNCTION refuse_change_of_bank_match() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a match at the bank is written anew by its run, or stays as it is'
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_run';
END $$;

CREATE TRIGGER bank_matches_stay BEFORE UPDATE ON bank_matches
    FOR EACH ROW WHEN (to_jsonb(OLD) - '{unplaced_minor,ended_by}'::text[]
                       IS DISTINCT FROM to_jsonb(NEW) - '{unplaced_minor,ended_by}'::text[]
                       OR OLD.ended_by IS NOT NULL AND NEW.ended_by IS DISTINCT FROM OLD.ended_by)
    EXECUTE FUNCTION refuse_change_of_bank_match();

-- The signature comes first, because the reports show it; then the reports, and last the digest of the one that counts,
-- which is empty until then. All of it is one transaction.
CREATE FUNCTION refuse_change_of_signed_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.report_sha256 = '' AND NEW.report_sha256 <> ''
       AND (to_jsonb(NEW) - 'report_sha256') = (to_jsonb(OLD) - 'report_sha256') THEN
        RETURN NEW;
    END IF;
    PERFORM refuse_signed_run(OLD, TG_OP);
    RETURN NULL;
END $$;

CREATE TRIGGER signed_runs_stay BEFORE UPDATE OR DELETE ON reconciliation_runs
    FOR EACH ROW WHEN (OLD.status = 'signed_off') EXECUTE FUNCTION refuse_change_of_signed_run();

CREATE FUNCTION refuse_signature_without_report() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM reconciliation_runs AS run JOIN run_reports AS report ON report.run_id = run.id
                    WHERE run.id = NEW.id AND report.format = 'json' AND report.sha256 = run.report_sha256) THEN
        RAISE EXCEPTION 'a run is signed in the transaction that keeps its report'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_with_report';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER signed_with_report AFTER INSERT OR UPDATE ON reconciliation_runs
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.status = 'signed_off') EXECUTE FUNCTION refuse_signature_without_report();

CREATE FUNCTION refuse_report_of_other_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM reconciliation_runs
                WHERE id IN (SELECT run_id FROM changed) AND (status <> 'signed_off' OR report_sha256 <> '')) THEN
        RAISE EXCEPTION 'a report is kept in the transaction that signs its run, and in no other'
            USING ERRCODE = 'restrict_violation', CONSTRAINT = 'signed_run';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER kept_when_signed AFTER INSERT ON run_reports REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_report_of_other_run();
CREATE TRIGGER kept_when_signed AFTER INSERT ON run_report_chunks REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_report_of_other_run();

SELECT make_append_only(name::regclass) FROM unnest(ARRAY['run_reports', 'run_report_chunks', 'ended_matches']) AS name;
