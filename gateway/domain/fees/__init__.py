"""What a procedure costs, and why: facts in, an explained amount out.

A procedure has fee items; an item has dated versions; a version has one rule (rules.py) and the reductions on top of
it (procedure.py). `quote` checks the facts, picks the versions of the day and adds up, keeping every step with its
figures. The rates themselves are data: gateway/catalogue, read by gateway/services/read_catalogue.py.

Everything is integers. A rate is an exact fraction, and its product is rounded half up to one minor unit, once.
"""

from gateway.domain.fees.definition import procedure_from_dict
from gateway.domain.fees.explain import LANGUAGES, Step
from gateway.domain.fees.facts import Channel, FactKind, FactsInvalid, FactSpec, Option
from gateway.domain.fees.pricing import Quote, QuoteLine, quote
from gateway.domain.fees.procedure import FeeItem, FeeVersion, Instalments, NoRateOnDate, Procedure, Reduction

__all__ = [
    "LANGUAGES",
    "Channel",
    "FactKind",
    "FactSpec",
    "FactsInvalid",
    "FeeItem",
    "FeeVersion",
    "Instalments",
    "NoRateOnDate",
    "Option",
    "Procedure",
    "Quote",
    "QuoteLine",
    "Reduction",
    "Step",
    "procedure_from_dict",
    "quote",
]
