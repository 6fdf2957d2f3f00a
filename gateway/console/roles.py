"""Who may open which of the gateway's own pages."""

from gateway.domain.officer import Role

READERS = (Role.VIEWER, Role.FINANCE, Role.APPROVER, Role.AUDITOR, Role.ADMINISTRATOR)
"""Payments, the ledger and the providers: everybody who looks after money, and those who look on."""

OF_MONEY = (Role.FINANCE,)
"""Asking for a refund, and asking a provider."""

OF_PAYERS = (Role.FINANCE, Role.AUDITOR)
"""Reading a payer's personal data, for a purpose that is written down."""

OF_TRAIL = (Role.AUDITOR, Role.ADMINISTRATOR)
OF_ACCESS = (Role.ADMINISTRATOR,)
"""API keys and webhook endpoints."""
