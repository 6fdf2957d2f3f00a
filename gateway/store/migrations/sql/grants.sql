-- The application's role owns nothing, so it can neither change the schema nor switch a trigger off.
-- :app_role is replaced by the quoted name of that role.
GRANT USAGE ON SCHEMA public TO :app_role;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO :app_role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :app_role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO :app_role;
REVOKE EXECUTE ON FUNCTION make_append_only(regclass) FROM PUBLIC, :app_role;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM :app_role;

-- Ids and the time of posting are the database's to give: whoever could choose them could slip something in below what
-- was already summed up and sealed. A month's partition is reached through its parent only.
REVOKE INSERT ON ledger_accounts, ledger_entries, ledger_transfers, audit_log FROM :app_role;
GRANT INSERT (agency_id, currency, code, kind) ON ledger_accounts TO :app_role;
GRANT INSERT (key, cause, agency_id, subject_id, occurred_at, business_date, content_hash) ON ledger_entries TO :app_role;
GRANT INSERT (entry_id, agency_id, currency, debit_account_id, credit_account_id, amount_minor, business_date)
    ON ledger_transfers TO :app_role;
GRANT INSERT (at, actor, action, subject_type, subject_id, before, after) ON audit_log TO :app_role;
DO $$
DECLARE
    partition regclass;
BEGIN
    FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'ledger_transfers'::regclass LOOP
        EXECUTE 'REVOKE INSERT ON ' || partition || ' FROM :app_role';
    END LOOP;
END $$;

-- What changes by its nature.
GRANT UPDATE ON agencies, api_keys, idempotency_keys, payers, invoices, checkout_sessions, payments, allocations, refunds,
    disputes, provider_events, events, webhook_endpoints, webhook_deliveries, reconciliation_runs, bank_credits, credit_fetches,
    provider_circuits, receipt_counters, receipt_mails, traces TO :app_role;
-- What was found, by which run and when, stays as it was found.
REVOKE UPDATE ON discrepancies FROM :app_role;
GRANT UPDATE (status, closed_at, cleared_by, amount_minor, evidence, batch, line, entry_id, assigned_to, carried_until)
    ON discrepancies TO :app_role;
-- A batch that its provider tells anew; the lines and every version stay as they were told.
GRANT UPDATE (version, payout_id, sha256, lines, total_minor, total_currency, loaded_at) ON settlement_batches TO :app_role;
GRANT UPDATE (bits) ON matched_lines, matched_entries TO :app_role;
GRANT UPDATE (status, decided_by, decided_at) ON resolutions TO :app_role;
-- Whose money a payout is may be known after its run is signed, and the bank may take a payout back then.
GRANT UPDATE (unplaced_minor, ended_by) ON bank_matches TO :app_role;
-- A receipt gets its number once: see receipts.sql.
GRANT UPDATE (series, year, number, issued_at, business_date) ON receipts TO :app_role;
GRANT UPDATE (name, roles, agency_id, disabled_at) ON officers TO :app_role;
GRANT UPDATE (seen_at, ended_at) ON officer_sessions TO :app_role;
GRANT UPDATE ON officer_passwords, officer_authenticators, officer_recovery_codes, officer_passkeys, officer_invitations,
    sign_in_ceremonies, sign_in_tries TO :app_role;
-- What was drafted is what was decided on.
GRANT UPDATE (status, decided_by, decided_at, decision, published_version, withdrawn_by, withdrawn_at, withdrawal)
    ON fee_drafts TO :app_role;
-- A statement stays as it was loaded. A file that was refused may be read anew; what is learnt of one goes on, and so do
-- the payouts that are found in its words.
GRANT UPDATE (format, layout, status, errors, lines, read_lines, learnt_lines, learnt_at, named_at) ON statement_files
    TO :app_role;
GRANT UPDATE (names) ON bank_lines TO :app_role;
GRANT UPDATE (master_key_id, sealed) ON statement_chunks TO :app_role;
-- What is only kept for a time, or is written anew when an unsigned run is run again.
GRANT DELETE ON idempotency_keys, webhook_attempts, match_rows, match_chunks, matched_lines, matched_entries,
    bank_matches, run_findings, finding_causes, provider_calls, officer_authenticators, officer_recovery_codes, officer_passkeys,
    officer_identities, sign_in_ceremonies, sign_in_tries, officer_passwords TO :app_role;
GRANT UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers
    TO :app_role;
