"""What reconciliation tells people and machines: of a day, a payout, a month.

    run.py        the facts of a run, and its report as JSON with their digest
    tabular.py    the same as CSV
    document.py   what is laid out for people: tables of typed columns, figures, charts
    xlsx.py       a document as a workbook          pdf.py    a document as an accessible PDF
    words.py      its words in each language
    formats.py    which formats there are, and how each is written

The same facts give the same bytes: rows come in the order of their names, names are sorted, and nothing tells when the
report was made, or who asked for it.
"""
