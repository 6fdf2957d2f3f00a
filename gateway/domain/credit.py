"""What becomes of money that arrives on a bank account of an agency.

A credit is identified once it is a payment's; until then it is booked as an unidentified receipt, and a person looks
for its invoice. The bank may take it back before anybody has found out.
"""

from enum import StrEnum


class CreditStatus(StrEnum):
    IDENTIFIED = "identified"
    UNIDENTIFIED = "unidentified"
    RETURNED = "returned"  # taken back by the bank while it was not identified
