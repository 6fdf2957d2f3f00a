"""How the gateway of the local stack reaches the simulators: the settings of each adapter, as their templates.

`{url}` is the simulator's address, `{secret}` a secret that it and the gateway share, made when the stack first starts,
`{folder}` where it leaves its settlement files, if it settles so.
"""

from collections.abc import Mapping
from pathlib import Path

_BANK_SCHEMES = ("vietqr", "paynow", "sepa", "fik", "epn")

TEMPLATES: Mapping[str, Mapping[str, str]] = {
    "sandbox": {
        "GATEWAY_SANDBOX_BASE_URL": "{url}",
        "GATEWAY_SANDBOX_MERCHANT": "congphi-demo",
        "GATEWAY_SANDBOX_SECRETS": "{secret}",
    },
    "stripe": {
        "GATEWAY_STRIPE_API_BASE": "{url}",
        "GATEWAY_STRIPE_API_KEY": "sk_simulated_{secret}",
        "GATEWAY_STRIPE_WEBHOOK_SECRETS": "whsec_{secret}",
    },
    "paygov": {
        "GATEWAY_PAYGOV_BASE_URL": "{url}",
        "GATEWAY_PAYGOV_CLIENT_ID": "congphi-demo",
        "GATEWAY_PAYGOV_HASH_KEY_1": "one-{secret}",
        "GATEWAY_PAYGOV_HASH_KEYS_2": "two-{secret}",
        "GATEWAY_PAYGOV_SETTLEMENT_DIR": "{folder}",
    },
    "momo": {
        "GATEWAY_MOMO_BASE_URL": "{url}",
        "GATEWAY_MOMO_PARTNER_CODE": "CONGPHIDEMO",
        "GATEWAY_MOMO_ACCESS_KEYS": "congphi-demo",
        "GATEWAY_MOMO_SECRETS": "{secret}",
        "GATEWAY_MOMO_SETTLEMENT_DIR": "{folder}",
    },
    "zalopay": {
        "GATEWAY_ZALOPAY_BASE_URL": "{url}",
        "GATEWAY_ZALOPAY_APP_ID": "2553",
        "GATEWAY_ZALOPAY_KEY1": "key1-{secret}",
        "GATEWAY_ZALOPAY_KEY2": "key2-{secret}",
        "GATEWAY_ZALOPAY_SETTLEMENT_DIR": "{folder}",
    },
    "vnpay": {
        "GATEWAY_VNPAY_BASE_URL": "{url}",
        "GATEWAY_VNPAY_TMN_CODE": "CONGPHI1",
        "GATEWAY_VNPAY_SECRETS": "{secret}",
        "GATEWAY_VNPAY_SETTLEMENT_DIR": "{folder}",
    },
    **{
        name: {
            f"GATEWAY_{name.upper()}_BANK_URL": "{url}",
            f"GATEWAY_{name.upper()}_CLIENT": "congphi-demo",
            f"GATEWAY_{name.upper()}_SECRETS": "{secret}",
            **({"GATEWAY_SEPA_TIME_ZONE": "Europe/Tallinn"} if name == "sepa" else {}),
        }
        for name in _BANK_SCHEMES
    },
}


def demo_settings(name: str, url: str, secret: str, folder: Path) -> dict[str, str]:
    """The environment by which the adapter `name` reaches the simulator at `url`, and its files in `folder`."""
    values = {"url": url, "secret": secret, "folder": folder}
    return {setting: template.format(**values) for setting, template in TEMPLATES[name].items()}
