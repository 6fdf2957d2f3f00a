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

-- Whether a provider's money lands on the account of this code: on its own, or on any bank account if it brings the
-- money straight there. Whose the money on a bank account is, the payment or the credit must say.
CREATE FUNCTION is_landing(code text, provider text, lands_in_bank boolean) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
    SELECT code = 'in_transit:' || provider OR (lands_in_bank AND code LIKE 'bank:%')
$$;
