"""Finding which settlement line is which ledger entry, set by set, in DuckDB beside the database.

sides.py     the files through which both sides come in, column by column
rules.py     the ordered steps: what is a match, and what each thing that is left over is called
groups.py    the steps that match a sum of several
repaired.py  the steps that read a garbled name, and what is only proposed
names.py     what a garbled name may have been
output.py    the files of matches, as the database takes them
engine.py    the runner: pairs the bulk in one join, then takes the steps over what is left
"""
