"""What must be true of the books at every moment, whatever has happened: each statement gives one number, and it is 0.

The left side is what the ledger says, the right side what invoices, payments, refunds and disputes say.
"""

from collections.abc import Mapping

from sqlalchemy import text

from gateway.store.database import Transaction

_BALANCE = """
WITH balance AS (
    SELECT account.code, sum(side.minor) AS minor
      FROM ledger_transfers AS transfer
     CROSS JOIN LATERAL (VALUES (debit_account_id, amount_minor), (credit_account_id, -amount_minor))
           AS side (account_id, minor)
      JOIN ledger_accounts AS account ON account.id = side.account_id
     GROUP BY account.code
), owed_back AS (  -- refunds that were approved and neither failed nor are still to be decided
    SELECT id, payment_id, status, amount_minor FROM refunds
     WHERE status IN ('approved', 'submitting', 'pending', 'unknown', 'succeeded')
), taken AS (
    SELECT part.account, part.invoice_id, sum(part.amount_minor) AS minor
      FROM refund_parts AS part JOIN owed_back ON owed_back.id = part.refund_id GROUP BY 1, 2
), landed AS (  -- by account: what came in, less what was paid back, less what payers' banks took back
    SELECT account, sum(minor) AS minor FROM (
        SELECT lands_on, amount_minor FROM payments WHERE status = 'succeeded'
         UNION ALL
        SELECT lands_on, -refunds.amount_minor FROM refunds JOIN payments ON payments.id = payment_id
         WHERE refunds.status = 'succeeded'
         UNION ALL
        SELECT lands_on, -disputes.amount_minor FROM disputes JOIN payments ON payments.id = payment_id
         WHERE disputes.status <> 'won'
         UNION ALL
        SELECT 'bank:' || account, amount_minor FROM bank_credits
         WHERE status = 'unidentified' AND agency_id IS NOT NULL
    ) AS moved (account, minor) GROUP BY account
)
"""

_CHECKS: Mapping[str, str] = {
    "the ledger sums to zero": "SELECT coalesce(sum(minor), 0) FROM balance",
    "receivable is what is due": """
        (SELECT coalesce(sum(minor), 0) FROM balance WHERE code = 'receivable')
      - (SELECT coalesce(sum(total_minor - paid_minor), 0) FROM invoices WHERE status = 'open')""",
    "revenue is what stands, less what was given back": """
        (SELECT coalesce(-sum(minor), 0) FROM balance WHERE code LIKE 'fees:%')
      - (SELECT coalesce(sum(total_minor), 0) FROM invoices WHERE status IN ('open', 'paid'))
      + (SELECT coalesce(sum(minor), 0) FROM taken WHERE account LIKE 'fees:%')""",
    "in transit and in the bank is what moved": """
        SELECT count(*) FROM landed
          FULL JOIN (SELECT * FROM balance WHERE code LIKE 'in_transit:%' OR code LIKE 'bank:%') AS balance
            ON balance.code = account
         WHERE coalesce(balance.minor, 0) <> coalesce(landed.minor, 0)""",
    "unidentified receipts are the credits that nobody knows what they are for": """
        (SELECT coalesce(-sum(minor), 0) FROM balance WHERE code = 'unidentified_receipts')
      - (SELECT coalesce(sum(amount_minor), 0) FROM bank_credits
          WHERE status = 'unidentified' AND agency_id IS NOT NULL)""",
    "a credit that is identified is the money of one payment": """
        SELECT count(*) FROM bank_credits AS credit LEFT JOIN payments ON payments.id = payment_id
         WHERE credit.status = 'identified' AND (payments.status, payments.amount_minor, payments.currency)
               IS DISTINCT FROM ('succeeded', credit.amount_minor, credit.currency)""",
    "payer credit is what nothing took, less what was given back": """
        (SELECT coalesce(-sum(minor), 0) FROM balance WHERE code = 'payer_credit')
      - (SELECT coalesce(sum(credited_minor), 0) FROM payments)
      + (SELECT coalesce(sum(minor), 0) FROM taken WHERE account = 'payer_credit')""",
    "refunds payable is what was approved and not paid": """
        (SELECT coalesce(-sum(minor), 0) FROM balance WHERE code = 'refunds_payable')
      - (SELECT coalesce(sum(amount_minor), 0) FROM owed_back WHERE status <> 'succeeded')""",
    "disputes is what was taken back": """
        (SELECT coalesce(sum(minor), 0) FROM balance WHERE code = 'disputes')
      - (SELECT coalesce(sum(amount_minor), 0) FROM disputes WHERE status <> 'won')""",
    "an invoice is paid by its allocations": """
        SELECT count(*) FROM invoices WHERE paid_minor > total_minor OR paid_minor <>
            (SELECT coalesce(sum(amount_minor), 0) FROM allocations WHERE invoice_id = invoices.id)""",
    "what paid an invoice in parts lies end to end": """
        SELECT count(*) FROM (SELECT begins_minor, amount_minor, sum(amount_minor) OVER (
                                         PARTITION BY invoice_id ORDER BY begins_minor, payment_id) AS ends_minor
                                FROM allocations) AS part
         WHERE ends_minor <> begins_minor + amount_minor""",
    "an invoice was given back what its refunds paid": """
        SELECT count(*) FROM invoices WHERE refunded_minor <>
            (SELECT coalesce(sum(part.amount_minor), 0) FROM refund_parts AS part JOIN refunds ON refunds.id = refund_id
              WHERE part.invoice_id = invoices.id AND refunds.status = 'succeeded')""",
    "a closed invoice took no money": """
        SELECT count(*) FROM invoices WHERE status IN ('void', 'expired') AND paid_minor <> 0""",
    "an invoice in payment is not closed": """
        SELECT count(*) FROM invoices JOIN checkout_invoices ON invoice_id = invoices.id
          JOIN payments USING (session_id)
         WHERE invoices.status IN ('void', 'expired') AND payments.status IN ('submitting', 'pending', 'unknown')""",
    "a success is allocated or credited to the last unit": """
        SELECT count(*) FROM payments WHERE CASE WHEN status = 'succeeded' THEN amount_minor ELSE 0 END
            <> credited_minor + (SELECT coalesce(sum(amount_minor), 0) FROM allocations WHERE payment_id = payments.id)
        """,
    "a success is booked once, and nothing else is": """
        SELECT count(*) FROM payments FULL JOIN
            (SELECT subject_id, count(*) AS times FROM ledger_entries
              WHERE cause IN ('payment_succeeded', 'receipt_assigned') GROUP BY 1)
            AS booked ON subject_id = payments.id
         WHERE coalesce(times, 0) <> CASE WHEN status = 'succeeded' THEN 1 ELSE 0 END""",
    "refunds hold no more than came in": """
        SELECT count(*) FROM payments WHERE refunded_minor > amount_minor OR refunded_minor <>
            (SELECT coalesce(sum(amount_minor), 0) FROM refunds
              WHERE payment_id = payments.id AND status NOT IN ('rejected', 'failed'))""",
    "portals are told of a success once": """
        (SELECT count(*) FROM events WHERE type = 'payment.succeeded')
      - (SELECT count(*) FROM payments WHERE status = 'succeeded')""",
    "portals are told once that an invoice is paid": """
        (SELECT count(*) FROM events WHERE type = 'invoice.paid')
      - (SELECT count(*) FROM invoices WHERE status = 'paid')""",
    "a completed session is paid, unless it is the sitting of a direct payment": """
        SELECT count(*) FROM checkout_sessions AS session JOIN checkout_invoices ON session_id = session.id
          JOIN invoices ON invoices.id = invoice_id WHERE session.status = 'completed' AND invoices.status <> 'paid'
           AND session.created_by <> '00000000-0000-0000-0000-000000000000'""",
}
_ALL = text(
    _BALANCE + " UNION ALL ".join(f"SELECT '{name}' AS name, ({check}) AS off" for name, check in _CHECKS.items())
)


def contradictions(tx: Transaction) -> dict[str, int]:
    """By how much each statement about the books is off, for those that are; none is."""
    return {row.name: int(row.off) for row in tx.execute(_ALL) if row.off}
