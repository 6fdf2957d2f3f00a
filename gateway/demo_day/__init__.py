"""One day of a fee office, played through the public API: for `make demo`, and for whoever wants to see it all move.

Payers pay, decline, walk away, pay twice and pay late with every provider, in every country of the demo; one provider
goes down in the middle of the day; officers refund; the providers and banks settle, with faults planted in their
reports; the nightly run compares, and each planted fault must be found. Nothing here knows more than a portal, an
officer and the simulators' controls do.

    office.py   how they are reached        visits.py   what payers do
    night.py    settlement and the nightly run          day.py      all of it, and what must hold at the end
    papers.py   the month's report, saved
"""
