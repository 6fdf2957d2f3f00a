-- The ledger holds itself: what is written stays, and a month's transfers have a partition before the month begins.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused; a mistake is undone by a reversing entry', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only';
END $$;

CREATE FUNCTION make_append_only(target regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER no_edit BEFORE UPDATE OR DELETE ON %s
                    FOR EACH ROW EXECUTE FUNCTION refuse_change()', target);
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %s
                    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', target);
END $$;

SELECT make_append_only(name::regclass)
  FROM unnest(ARRAY['ledger_accounts', 'ledger_entries', 'ledger_transfers', 'ledger_snapshots', 'ledger_totals',
                    'ledger_seals', 'ledger_seal_blocks', 'audit_log', 'vault_reads', 'payment_events', 'procedures']) AS name;

-- Row triggers reach partitions by themselves, TRUNCATE triggers do not.
-- Runs with the owner's rights, because the application's role may not create tables.
CREATE FUNCTION ensure_ledger_partitions(months_ahead int) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    month timestamptz;
    partition text;
    made int := 0;
BEGIN
    FOR month IN SELECT date_trunc('month', now(), 'UTC') + make_interval(months => n)
                   FROM generate_series(0, least(months_ahead, 120)) AS n LOOP
        partition := 'ledger_transfers_' || to_char(month AT TIME ZONE 'UTC', 'YYYY_MM');
        CONTINUE WHEN to_regclass(partition) IS NOT NULL;
        EXECUTE format('CREATE TABLE %I PARTITION OF ledger_transfers FOR VALUES FROM (%L) TO (%L)',
                       partition, month, month + interval '1 month');
        EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', partition);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Posts entries in one round trip. An entry whose key is already there with the same content changes nothing; with another
-- content it is refused. Accounts are opened as they are first used. Entries and accounts are written in the order of their
-- keys, so that two batches that share some wait for one another instead of deadlocking.
--   entries: [{"key", "cause", "agency_id", "subject_id", "occurred_at", "business_date",
--              "transfers": [{"debit", "debit_kind", "credit", "credit_kind", "currency", "amount_minor"}]}]
CREATE FUNCTION post_entries(entries jsonb) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO ledger_accounts (agency_id, currency, code, kind)
    SELECT DISTINCT (entry ->> 'agency_id')::uuid, transfer ->> 'currency', side.code, side.kind
      FROM jsonb_array_elements(entries) AS entry,
           jsonb_array_elements(entry -> 'transfers') AS transfer,
           LATERAL (VALUES (transfer ->> 'debit', transfer ->> 'debit_kind'),
                           (transfer ->> 'credit', transfer ->> 'credit_kind')) AS side (code, kind)
     WHERE NOT EXISTS (SELECT FROM ledger_accounts AS account
                        WHERE account.agency_id = (entry ->> 'agency_id')::uuid
                          AND account.currency = transfer ->> 'currency' AND account.code = side.code)
     ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING;

    WITH asked AS MATERIALIZED (
        SELECT DISTINCT ON (entry ->> 'key') entry ->> 'key' AS key, entry
          FROM jsonb_array_elements(entries) WITH ORDINALITY AS element (entry, n)
         ORDER BY entry ->> 'key', n
    ), inserted AS (
        INSERT INTO ledger_entries (key, cause, agency_id, subject_id, occurred_at, business_date, content_hash)
        SELECT key, entry ->> 'cause', (entry ->> 'agency_id')::uuid, (entry ->> 'subject_id')::uuid,
               (entry ->> 'occurred_at')::timestamptz, (entry ->> 'business_date')::date, entry_content_hash(entry)
          FROM asked
        ON CONFLICT (key) DO NOTHING
        RETURNING id, key, agency_id, business_date
    )
    INSERT INTO ledger_transfers
           (entry_id, agency_id, currency, debit_account_id, credit_account_id, amount_minor, business_date)
    SELECT inserted.id, inserted.agency_id, transfer ->> 'currency', debit.id, credit.id,
           (transfer ->> 'amount_minor')::bigint, inserted.business_date
      FROM asked
      JOIN inserted USING (key)
     CROSS JOIN LATERAL jsonb_array_elements(asked.entry -> 'transfers') AS transfer
      LEFT JOIN ledger_accounts AS debit
             ON debit.agency_id = inserted.agency_id AND debit.currency = transfer ->> 'currency'
            AND debit.code = transfer ->> 'debit'
      LEFT JOIN ledger_accounts AS credit
             ON credit.agency_id = inserted.agency_id AND credit.currency = transfer ->> 'currency'
            AND credit.code = transfer ->> 'credit';

    IF EXISTS (SELECT FROM jsonb_array_elements(entries) AS entry
                 JOIN ledger_entries AS known ON known.key = entry ->> 'key'
                WHERE known.content_hash <> entry_content_hash(entry)) THEN
        RAISE EXCEPTION 'an entry with this key was posted before with another content'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'ledger_entries_content';
    END IF;
END $$;

-- When it happened is not part of what an entry says: a repeat that learnt of the fact at another time is still a repeat.
CREATE FUNCTION entry_content_hash(entry jsonb) RETURNS bytea LANGUAGE sql IMMUTABLE AS $$
    SELECT sha256(convert_to((entry - 'occurred_at' - 'business_date')::text, 'UTF8'))
$$;
