"""Bank transfer: payers pay straight to the agency's account, and the bank tells what arrived.

One adapter, several schemes, each a provider of its own name (schemes.py): VietQR, PayNow, SEPA with its EPC code, the
Danish FIK slip, the Korean electronic payment number. Nothing is created at a bank beforehand: what the payer scans or
types is computed here, and the transfer is known again by the reference in it.

emvco.py              the TLV code of EMVCo, read strictly; vietqr.py and paynow.py are templates over it
epc.py                the European code; slip.py: the Danish line and the Korean number
schemes.py            the schemes as data
wire.py               what goes over the wire to and from the bank (docs/bank-api.md); client.py asks it
adapter.py            the schemes behind the port
settlement.py         the bank's statements (camt.053), from its API or a folder
simulator.py          a bank: its API; told.py, statements.py and camt_writer.py are how it tells
controls.py           its payers' banking app and its controls; page.py and outcomes.py are what payers see and do
"""
