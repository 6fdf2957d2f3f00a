"""The gateway: prices procedures, issues invoices, opens checkouts, takes payments and keeps the ledger."""
