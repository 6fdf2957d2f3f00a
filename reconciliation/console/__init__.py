"""What officers see of reconciliation: pages of the console over the use cases that the API has too.

overview.py     the day at a glance, the first page, with charts.py
queue.py        discrepancies as a queue, and the causes that many of them share
discrepancy.py  one discrepancy whole, and the work on it that does not end it
evidence.py     its evidence, laid out
proposals.py    proposing a decision about one discrepancy, or about all of one cause
decisions.py    what waits for a second person
runs.py         the runs of each day, starting and correcting them
signing.py      signing a run off
refunds.py      what is to be given back
reports.py      downloads
statements.py   banks' statements that are handed in
words.py        titles of kinds, states and actions: a table, and a name that is not in it stands for itself
forms.py        what an address or a form says
roles.py        who may do what
here.py         where the officer is: agencies and zone
"""

from reconciliation.console.register import register

__all__ = ["register"]
