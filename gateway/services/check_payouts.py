"""What is wrong with where providers pay out, told to who runs the gateway before money is looked for in vain."""

from collections.abc import Mapping

from gateway.domain.payout import PayoutTerms
from gateway.ports.provider import PaymentProvider, SettlementSource

ACCOUNTS = "GATEWAY_PAYOUT_ACCOUNTS"


def payout_faults(terms: PayoutTerms, enabled: Mapping[str, PaymentProvider | None]) -> list[str]:
    """What is missing or names nobody, a line each with the fix; nothing is if no account is named at all.

    `enabled` are the providers of this gateway, None for one that cannot start."""
    if not terms.accounts:
        return []
    faults = [
        f"{ACCOUNTS} names {name}, which is not enabled here: add it to GATEWAY_PROVIDERS, or take it out."
        for name in sorted({each.partition(":")[0] for each in terms.accounts} - enabled.keys())
    ]
    for name, provider in enabled.items():
        if provider is None or provider.capabilities.lands_in_bank or not isinstance(provider, SettlementSource):
            continue
        missing = [each for each in sorted(provider.capabilities.currencies) if not terms.account_of(name, each)]
        if missing:
            faults.append(
                f"Nobody has said where {name} pays out {', '.join(missing)}: add {name}=account to {ACCOUNTS}, or its"
                " payouts are never looked for in the bank."
            )
    return faults
