-- A credit that nobody can lay at an invoice's door is money that came in, and one that the bank took back again is
-- money that went: a statement's lines answer to both.
CREATE OR REPLACE FUNCTION movement_of_entry(cause text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE cause WHEN 'payment_succeeded' THEN 'payment'
                      WHEN 'credit_unidentified' THEN 'payment'
                      WHEN 'refund_succeeded' THEN 'refund'
                      WHEN 'refund_failed' THEN 'refund_return'
                      WHEN 'dispute_opened' THEN 'chargeback'
                      WHEN 'credit_returned' THEN 'chargeback'
                      WHEN 'dispute_won' THEN 'chargeback_return' END
$$;
