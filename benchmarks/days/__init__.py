"""Realistic days with planted faults, the truth beside them, and how well the engine finds it.

from benchmarks.days import Extent, generate, play

month = generate(seed=7, extent=Extent(days=5, payments=150))
month.expected          what has to be named, when, with its fault: cause, group
for run in play(month): one night of one provider, matched by the engine
    run.discrepancies   as reconciliation/findings.py writes them, evidence and all
    run.truth           by the key of the discrepancy: the fault behind it; none where it is a matter of timing

model.py       what a month is made of
prices.py      what people pay, by the demo catalogue's fee engine
traffic.py     an honest month
causes.py      what goes wrong with a whole file, hour or contract
faults.py      what goes wrong with one line
generate.py    puts it together
play.py        night after night through the engine
evaluation.py  the engine beside the truth
files.py       a month in files
"""

from benchmarks.days.generate import Extent, generate
from benchmarks.days.model import Cause, Expected, Fault, Month
from benchmarks.days.play import PlayedRun, play

__all__ = ["Cause", "Expected", "Extent", "Fault", "Month", "PlayedRun", "generate", "play"]
