"""Runs of bank accounts: what providers paid out beside what the bank's statements say came.

account.py      whose an account is, and its day
sides.py        what should have come, and what the statements tell
payout_names.py the names of payouts in what a bank writes
payouts.py      which credit is which payout
matching.py     what each open line is
reversals.py    what the bank takes back
findings.py     what is written down of what does not agree
posting.py      what came, in the ledger; by payout_shares.py and late_shares.py for each agency
receipts.py     credits that turn out to be payouts
totals.py       what a run comes to
waiting.py      days that no statement tells of
words.py        the words for all of it
run.py          a run, from the sides to the totals
"""
