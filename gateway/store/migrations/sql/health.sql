-- After a call that was not answered, whose row is written: whether the circuit was closed and is open now. One that is
-- open stays so for another cool-down; only the end of the trial itself makes room for the next trial.
CREATE FUNCTION open_circuit(
    the_provider text, the_code text, failed_at timestamptz, was_trial boolean, failures int, recent interval,
    cool_down interval
) RETURNS boolean LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE provider_circuits
       SET retry_at = greatest(retry_at, failed_at + cool_down),
           trial_until = CASE WHEN was_trial THEN NULL ELSE trial_until END
     WHERE provider = the_provider AND opened_at IS NOT NULL;
    IF FOUND THEN
        RETURN false;
    END IF;
    IF NOT (
        SELECT count(*) = failures AND NOT bool_or(answered) AND min(at) > failed_at - recent
          FROM (SELECT answered, at FROM provider_calls
                 WHERE provider = the_provider AND answered IS NOT NULL
                 ORDER BY at DESC, id DESC LIMIT failures) AS latest
    ) THEN
        RETURN false;
    END IF;
    INSERT INTO provider_circuits AS known (provider, opened_at, retry_at, code)
    VALUES (the_provider, failed_at, failed_at + cool_down, the_code)
    ON CONFLICT (provider) DO UPDATE
       SET opened_at = coalesce(known.opened_at, excluded.opened_at),
           retry_at = greatest(known.retry_at, excluded.retry_at),
           code = excluded.code;
    RETURN true;
END $$;

-- Writes down calls of providers and moves their circuits. A call that goes well inserts a row and changes none, so that
-- no row is hot; a circuit's row is written when it opens or closes, and for a trial.
--   calls: [{"provider", "operation", "outcome", "code", "latency_ms", "at", "answered", "is_trial"}]
-- The thresholds are those of gateway/domain/circuit.py. Returns what moved: {provider: "open" | "closed"}.
CREATE FUNCTION record_calls(calls jsonb, failures int, recent interval, cool_down interval) RETURNS jsonb
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    made record;
    moved jsonb := '{}';
BEGIN
    FOR made IN
        SELECT *
          FROM jsonb_to_recordset(calls)
               AS call (provider text, operation text, outcome text, code text, latency_ms int, at timestamptz,
                        answered boolean, is_trial boolean)
         ORDER BY provider, at
    LOOP
        INSERT INTO provider_calls (provider, operation, outcome, code, latency_ms, at, answered)
        VALUES (made.provider, made.operation, made.outcome, made.code, made.latency_ms, made.at, made.answered);
        IF made.answered IS NULL THEN
            UPDATE provider_circuits SET trial_until = NULL WHERE provider = made.provider AND made.is_trial;
        ELSIF made.answered THEN
            UPDATE provider_circuits SET opened_at = NULL, retry_at = NULL, trial_until = NULL
             WHERE provider = made.provider AND opened_at IS NOT NULL;
            IF FOUND THEN
                moved := moved || jsonb_build_object(made.provider, 'closed');
            END IF;
        ELSIF open_circuit(made.provider, made.code, made.at, made.is_trial, failures, recent, cool_down) THEN
            moved := moved || jsonb_build_object(made.provider, 'open');
        END IF;
    END LOOP;
    RETURN moved;
END $$;
