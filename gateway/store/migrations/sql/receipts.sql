-- What a payer holds in hand does not change any more.
CREATE FUNCTION refuse_change_of_receipt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'receipt % is issued and does not change', OLD.id USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER issued_receipts_stay BEFORE UPDATE ON receipts
    FOR EACH ROW WHEN (OLD.number IS NOT NULL) EXECUTE FUNCTION refuse_change_of_receipt();

-- Whoever has paid already is owed one.
INSERT INTO receipts (id, invoice_id, agency_id, amount_minor, currency, due_at)
SELECT gen_random_uuid(), id, agency_id, total_minor, currency, now()
  FROM invoices WHERE status = 'paid' AND total_minor > 0 ORDER BY id;
