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

-- The account of a code, opened if it is used for the first time. One transaction opens accounts at a time, so that two
-- that open the same ones in another order do not deadlock.
CREATE FUNCTION open_ledger_account(the_agency uuid, the_currency text, the_code text, the_kind text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    found_id bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('open_ledger_account', 0));
    INSERT INTO ledger_accounts (agency_id, currency, code, kind)
    VALUES (the_agency, the_currency, the_code, the_kind) ON CONFLICT DO NOTHING;
    SELECT id INTO STRICT found_id FROM ledger_accounts
     WHERE agency_id = the_agency AND currency = the_currency AND code = the_code;
    RETURN found_id;
END $$;

-- Posts entries in one round trip. An entry whose key is already there with the same content changes nothing; with another
-- content it is refused. When it happened is not part of the content: a repeat that learnt of the fact at another time is
-- still a repeat.
--   entries: [{"key", "cause", "agency_id", "subject_id", "occurred_at", "business_date",
--              "transfers": [{"debit", "debit_kind", "credit", "credit_kind", "currency", "amount_minor"}]}]
-- Two batches that share entries wait for one another instead of deadlocking: each opens what accounts it lacks first, and
-- then writes its entries in the order of their keys. Plain inserts in loops over numbers, because starting a query, even
-- one that only unpacks JSON, costs more than it saves (measured, us of CPU for one entry: 73, against 100 with such a
-- query for each loop, and 170 with one query over sets; in a batch of 500: 67, 60 and 50 each).
CREATE FUNCTION post_entries(entries jsonb) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    ordered jsonb := entries;
    asked jsonb;
    moved jsonb;
    agency uuid;
    hash bytea;
    new_id bigint;
BEGIN
    IF jsonb_array_length(entries) > 1 THEN
        PERFORM open_ledger_account(agency_id, currency, code, kind)
           FROM (SELECT DISTINCT (entry ->> 'agency_id')::uuid AS agency_id, transfer ->> 'currency' AS currency,
                        side.code, side.kind
                   FROM jsonb_array_elements(entries) AS entry,
                        jsonb_array_elements(entry -> 'transfers') AS transfer,
                        LATERAL (VALUES (transfer ->> 'debit', transfer ->> 'debit_kind'),
                                        (transfer ->> 'credit', transfer ->> 'credit_kind')) AS side (code, kind)) AS used
          WHERE NOT EXISTS (SELECT FROM ledger_accounts AS account
                             WHERE account.agency_id = used.agency_id AND account.currency = used.currency
                               AND account.code = used.code);
        ordered := (SELECT jsonb_agg(entry ORDER BY entry ->> 'key') FROM jsonb_array_elements(entries) AS entry);
    END IF;

    FOR n IN 0 .. jsonb_array_length(ordered) - 1 LOOP
        asked := ordered -> n;
        agency := asked ->> 'agency_id';
        hash := sha256(convert_to((asked - 'occurred_at' - 'business_date')::text, 'UTF8'));
        INSERT INTO ledger_entries (key, cause, agency_id, subject_id, occurred_at, business_date, content_hash)
        VALUES (asked ->> 'key', asked ->> 'cause', agency, (asked ->> 'subject_id')::uuid,
                (asked ->> 'occurred_at')::timestamptz, (asked ->> 'business_date')::date, hash)
        ON CONFLICT (key) DO NOTHING
        RETURNING id INTO new_id;

        IF NOT FOUND THEN
            IF hash <> (SELECT content_hash FROM ledger_entries WHERE key = asked ->> 'key') THEN
                RAISE EXCEPTION 'an entry with this key was posted before with another content'
                    USING ERRCODE = 'unique_violation', CONSTRAINT = 'ledger_entries_content';
            END IF;
            CONTINUE;
        END IF;

        FOR m IN 0 .. jsonb_array_length(asked -> 'transfers') - 1 LOOP
            moved := asked -> 'transfers' -> m;
            INSERT INTO ledger_transfers
                   (entry_id, agency_id, currency, debit_account_id, credit_account_id, amount_minor, business_date)
            VALUES (new_id, agency, moved ->> 'currency',
                    coalesce((SELECT id FROM ledger_accounts AS account
                               WHERE account.agency_id = agency AND account.currency = moved ->> 'currency'
                                 AND account.code = moved ->> 'debit'),
                             open_ledger_account(agency, moved ->> 'currency', moved ->> 'debit', moved ->> 'debit_kind')),
                    coalesce((SELECT id FROM ledger_accounts AS account
                               WHERE account.agency_id = agency AND account.currency = moved ->> 'currency'
                                 AND account.code = moved ->> 'credit'),
                             open_ledger_account(agency, moved ->> 'currency', moved ->> 'credit', moved ->> 'credit_kind')),
                    (moved ->> 'amount_minor')::bigint, (asked ->> 'business_date')::date);
        END LOOP;
    END LOOP;
END $$;
