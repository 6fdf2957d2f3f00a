-- What a transaction has to say at its end, in one round trip: ledger entries, events for portals, the audit trail and
-- the answer kept for a repeated request. Each part may be null.
--   events: [{"id", "agency_id", "type", "data", "occurred_at"}]
--   audits: [{"at", "actor", "action", "subject_type", "subject_id", "before", "after"}]
--   answer: {"caller", "key", "request_hash" (hex), "status", "response", "subject_id"}
CREATE FUNCTION record_facts(entries jsonb, new_events jsonb, audits jsonb, answer jsonb) RETURNS void
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF entries IS NOT NULL THEN
        PERFORM post_entries(entries);
    END IF;
    IF new_events IS NOT NULL THEN
        INSERT INTO events (id, agency_id, type, data, occurred_at)
        SELECT id, agency_id, type, data, occurred_at
          FROM jsonb_to_recordset(new_events)
               AS event (id uuid, agency_id uuid, type text, data jsonb, occurred_at timestamptz);
    END IF;
    IF audits IS NOT NULL THEN
        INSERT INTO audit_log (at, actor, action, subject_type, subject_id, before, after)
        SELECT at, actor, action, subject_type, subject_id, before, after
          FROM jsonb_to_recordset(audits)
               AS audit (at timestamptz, actor text, action text, subject_type text, subject_id text,
                         before jsonb, after jsonb);
    END IF;
    IF answer IS NOT NULL THEN
        INSERT INTO idempotency_keys (caller, key, request_hash, status, response, subject_id)
        VALUES ((answer ->> 'caller')::uuid, answer ->> 'key', decode(answer ->> 'request_hash', 'hex'),
                (answer ->> 'status')::int, answer -> 'response', (answer ->> 'subject_id')::uuid)
        ON CONFLICT (caller, key) DO UPDATE SET status = excluded.status, response = excluded.response;
    END IF;
END $$;

-- Asks whether a request was answered before. Whoever gets 'new' holds the key until its transaction ends; all others
-- get 'in_flight' at once instead of waiting.
CREATE FUNCTION claim_idempotency_key(
    the_caller uuid, the_key text, OUT state text, OUT known_hash bytea, OUT known_status int, OUT known_response jsonb,
    OUT known_subject uuid
) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(the_caller::text || ' ' || the_key, 0)) THEN
        state := 'in_flight';
        RETURN;
    END IF;
    SELECT 'known', request_hash, status, response, subject_id
      INTO state, known_hash, known_status, known_response, known_subject
      FROM idempotency_keys WHERE caller = the_caller AND key = the_key;
    state := coalesce(state, 'new');
END $$;

-- Gives committed events their place in the feed. A sequence alone would not do: a transaction that took its number
-- first may commit last, and a reader that has passed that number would never see its event.
CREATE FUNCTION place_events() RETURNS int LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    placed int;
BEGIN
    IF NOT EXISTS (SELECT FROM events WHERE position IS NULL) THEN
        RETURN 0;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('place_events', 0));
    WITH last AS (SELECT coalesce(max(position), 0) AS position FROM events WHERE position IS NOT NULL),
         waiting AS (SELECT id, row_number() OVER (ORDER BY sequence) AS n FROM events WHERE position IS NULL)
    UPDATE events SET position = last.position + waiting.n FROM waiting, last WHERE events.id = waiting.id;
    GET DIAGNOSTICS placed = ROW_COUNT;
    RETURN placed;
END $$;
