"""Who may do what: the roles in the words of these pages."""

from gateway.domain.officer import Role

READERS = (Role.VIEWER, Role.FINANCE, Role.APPROVER, Role.AUDITOR)
WORKERS = (Role.FINANCE, Role.APPROVER)
"""May say something about a discrepancy and who looks after it."""
DECIDERS = (Role.FINANCE,)
APPROVERS = (Role.APPROVER,)
