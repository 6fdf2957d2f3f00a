-- The application's role owns nothing, so it can neither change the schema nor switch a trigger off.
-- :app_role is replaced by the quoted name of that role.
GRANT USAGE ON SCHEMA public TO :app_role;
GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO :app_role;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO :app_role;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO :app_role;
REVOKE EXECUTE ON FUNCTION make_append_only(regclass) FROM PUBLIC, :app_role;
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM :app_role;

-- What changes by its nature.
GRANT UPDATE ON agencies, api_keys, idempotency_keys, payers, invoices, checkout_sessions, payments, allocations, refunds,
    disputes, provider_events, events, webhook_endpoints, webhook_deliveries, reconciliation_runs, discrepancies
    TO :app_role;
-- What is only kept for a time, or is written anew when an unsigned run is run again.
GRANT DELETE ON idempotency_keys, webhook_attempts, matches TO :app_role;
GRANT UPDATE, DELETE ON procrastinate_jobs, procrastinate_events, procrastinate_periodic_defers, procrastinate_workers
    TO :app_role;
