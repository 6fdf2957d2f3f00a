"""A bank's statement that somebody hands in: kept whole, checked, loaded or refused, and learnt from.

load.py      the use case: all of a file, or nothing of it
staging.py   reads a file and checks it, before anything is written
bookings.py  its movements, each with a name by which it is known again
accounts.py  whose statements are taken
names.py     what the words of a movement name
kept.py      the file itself, sealed
read_back.py  the same for who has a purpose
faults.py    all that is wrong with a file that is refused
reread.py    the movements of a kept file once more
late_names.py  payouts that were settled after a statement named them
learn.py     makes what is news count, as if the bank had notified us
layouts.py   column maps of delimited statements
jobs.py      learning in the background
telling.py   a file in JSON
"""
