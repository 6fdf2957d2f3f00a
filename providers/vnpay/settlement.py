"""VNPAY's settlement: a file a day, from 00:00:00 to 23:59:59 GMT+7, paid out net of fee.

VNPAY publishes no layout: each contract agrees its own. settlement.yaml is that of the demo, which the simulator
writes; GATEWAY_VNPAY_SETTLEMENT_MAP names the contract's.
"""

from pathlib import Path

from providers.vnpay import wire

DEMO_MAP = Path(__file__).with_name("settlement.yaml")


def payment_of(order: str) -> str | None:
    """Our payment id in the form of the ledger; None for an order of somebody else."""
    payment = wire.payment_of(order)
    return None if payment is None else str(payment)
