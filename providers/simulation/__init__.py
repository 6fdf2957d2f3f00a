"""What every provider simulator shares, so that a new one only adds its wire format.

A simulator plays a provider over real HTTP for `make run`, the demo and the tests. It is not a mock: its books survive
a kill -9, it refuses what the real provider would refuse, and it can be told to misbehave.

    books.py        durable documents and webhooks, one atomic line a change
    bank.py         the provider's own truth: payments, refunds, disputes, movements; subclassed by each simulator
    settlement.py   a day's movements become a batch; the faults that can be planted in it
    outbox.py       a day's batches as files in a folder, for providers that settle so
    webhooks.py     delivery until acknowledged, across restarts; duplicates, delays, forgeries
    faults.py       the switchboard of misbehaviour over HTTP
    paypage.py      the page where a person or a script plays the payer
    control.py      /_sim: the controls of the simulator itself
    server.py       a real HTTP server that stops on SIGTERM
"""
