"""The payment providers: one package each, speaking its own protocol outwards and the port's neutral words inwards.

registry.py     the tables from which the composer picks adapters and simulators by name
settings.py     reading the settings of an adapter, refusing what is missing or blank
transport.py    HTTP, and the one place that says what a broken connection means
reading.py      taking values out of decoded answers without trusting them
signing.py      signatures in a header, for the protocols that are ours to define
simulation/     what all simulators share: durable books, webhooks, faults, settlement, the pay page
<provider>/     adapter.py (the port), wire.py (signing and codecs), settlement.py, simulator.py
"""
