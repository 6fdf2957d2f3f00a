-- What a settlement line and a ledger entry say happened to the money. Only like matches like: both sides use these words.

CREATE FUNCTION movement_of_line(kind text, gross_minor bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN kind = 'payment' AND gross_minor >= 0 THEN 'payment'
                WHEN kind = 'refund' AND gross_minor <= 0 THEN 'refund'
                WHEN kind = 'refund' THEN 'refund_return'
                WHEN kind = 'chargeback' THEN 'chargeback'
                WHEN kind = 'chargeback_reversal' THEN 'chargeback_return'
                ELSE 'other' END
$$;

-- Null for an entry that no settlement line answers to, such as the provider's fees.
CREATE FUNCTION movement_of_entry(cause text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE cause WHEN 'payment_succeeded' THEN 'payment'
                      WHEN 'refund_succeeded' THEN 'refund'
                      WHEN 'refund_failed' THEN 'refund_return'
                      WHEN 'dispute_opened' THEN 'chargeback'
                      WHEN 'dispute_won' THEN 'chargeback_return' END
$$;

-- A refund has a name of its own; everything else goes by the transaction of the payment.
CREATE FUNCTION reference_of_movement(movement text, transaction_id text, refund_id text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN movement IN ('refund', 'refund_return') THEN refund_id ELSE transaction_id END
$$;

-- What a provider hands back as our payment id may be anything.
CREATE FUNCTION uuid_or_null(value text) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN value ~ '^[0-9A-Fa-f]{8}-([0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$' THEN value::uuid END
$$;

-- Whether a discrepancy was taken for explained by a run of `the_day` or of a day before it.
CREATE FUNCTION is_explained_until(cleared_by uuid, the_day date) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM reconciliation_runs AS run WHERE run.id = cleared_by AND run.business_date <= the_day)
$$;
