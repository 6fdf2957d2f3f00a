"""The one suite that every adapter passes, over real HTTP, against its simulator.

A provider's test class subclasses ProviderConformance and states its facts (suite/facts.py); test_conformance.py fails
if a provider has no such class.
"""

from tests.providers.suite.lost_answers import LostAnswers
from tests.providers.suite.payments import Cancelling, Payments
from tests.providers.suite.refunds import Refunds
from tests.providers.suite.settlement import Settlement
from tests.providers.suite.transfers import TransferPayments
from tests.providers.suite.transfers_told import TransferRefunds, TransferSettlement, TransferTrust, TransferWebhooks
from tests.providers.suite.trust import Trust
from tests.providers.suite.webhooks import Webhooks


class ProviderConformance(Payments, Cancelling, LostAnswers, Webhooks, Refunds, Settlement, Trust):
    pass


class TransferConformance(TransferPayments, TransferWebhooks, TransferRefunds, TransferSettlement, TransferTrust):
    """For a bank transfer, of which the other side knows nothing before the money comes."""
