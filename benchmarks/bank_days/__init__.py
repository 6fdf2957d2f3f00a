"""A month at the bank with planted faults, the truth beside them, and the rules of a bank account's run over it.

from benchmarks.bank_days import Extent, generate, play

month = generate(seed=7)
month.expected               what has to be found, of which kind, on which night
for night in play(month):    one night of one account, by the rules of reconciliation/bank/matching.py
    night.found              as reconciliation/bank/findings.py writes them, evidence and all
    night.truth              by the key of the discrepancy: the fault behind it

model.py            what a month is made of
calendar.py         when the statements are there
draw.py             what is paid out, by the batches of an honest month of benchmarks/days
words.py            what banks write
payout_faults.py    what goes wrong with a payout
booking_faults.py   what goes wrong with a booking
generate.py         puts it together
play.py             night after night through the rules
evaluation.py       the rules beside the truth
"""

from benchmarks.bank_days.generate import Extent, generate
from benchmarks.bank_days.model import BankMonth, Cause, Expected, Fault
from benchmarks.bank_days.play import BankNight, play

__all__ = ["BankMonth", "BankNight", "Cause", "Expected", "Extent", "Fault", "generate", "play"]
