"""Compares the ledger with what providers and banks report, and explains every difference."""
