"""What pages read of a form or an address, for payers' and officers' pages alike, also of packages beside the gateway.

proof.py     that a form was sent from our own page
reading.py   the fields of a form, and what an address asks for
faults.py    what is wrong with a form, by its fields
errors.py    what officers are told of each error
lists.py     where a long list goes on
"""
