"""What pages read of a form or an address, for payers' and officers' pages alike, also of packages beside the gateway.

proof.py     that a form was sent from our own page
"""
