"""The officers who look after the money, and what each of their roles is for."""

from enum import StrEnum


class Role(StrEnum):
    """What an officer is trusted with; one officer may hold several, for one agency or for all.

    Holding both FINANCE and APPROVER does not let anyone approve what they asked for themselves.
    """

    VIEWER = "viewer"
    """Sees days, payments and reports; no personal data."""
    FINANCE = "finance"
    """Runs reconciliation, decides on discrepancies, asks for refunds, takes payments at a counter."""
    APPROVER = "approver"
    """Approves what moves money."""
    CATALOGUE_EDITOR = "catalogue_editor"
    """Drafts and publishes fees."""
    AUDITOR = "auditor"
    """Reads everything, the audit trail too; changes nothing."""
    ADMINISTRATOR = "administrator"
    """Looks after officers, API keys, webhook endpoints and providers."""
