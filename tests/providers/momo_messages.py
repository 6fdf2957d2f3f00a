"""MoMo's messages as its documentation writes them, so that they and the code check each other."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from gateway.ports.provider import RawRequest
from providers.momo import settlement, wire
from providers.momo.adapter import MomoProvider

SECRETS = ("planted-secret-one", "planted-secret-two")
ACCESS_KEYS = ("planted-access-one", "planted-access-two")
KEYS = wire.Keys(ACCESS_KEYS, SECRETS)

BY_DOCUMENTATION: Mapping[str, str] = {
    "notify": (
        "accessKey=$accessKey&amount=$amount&extraData=$extraData&message=$message&orderId=$orderId&orderInfo=$orderInfo"
        "&orderType=$orderType&partnerCode=$partnerCode&payType=$payType&requestId=$requestId"
        "&responseTime=$responseTime&resultCode=$resultCode&transId=$transId"
    ),
    "create": (
        "accessKey=$accessKey&amount=$amount&extraData=$extraData&ipnUrl=$ipnUrl&orderId=$orderId&orderInfo=$orderInfo"
        "&partnerCode=$partnerCode&redirectUrl=$redirectUrl&requestId=$requestId&requestType=$requestType"
    ),
    "query": "accessKey=$accessKey&orderId=$orderId&partnerCode=$partnerCode&requestId=$requestId",
    "refund": (
        "accessKey=$accessKey&amount=$amount&description=$description&orderId=$orderId&partnerCode=$partnerCode"
        "&requestId=$requestId&transId=$transId"
    ),
}
"""The texts that are signed."""


def momo(base_url: str, keys: wire.Keys = KEYS) -> MomoProvider:
    """The adapter, for those who ask it about anything but its settlement."""
    return MomoProvider(base_url, "CONGPHI", keys, settlement.files("nowhere", {}))


def documented(kind: str, fields: Mapping[str, Any], access_key: str, secret: str) -> str:
    values = {**fields, "accessKey": access_key}
    pairs = (pair.partition("=")[0] for pair in BY_DOCUMENTATION[kind].split("&"))
    text = "&".join(f"{name}={values.get(name)}" for name in pairs)
    return hmac.new(secret.encode(), text.encode(errors="replace"), hashlib.sha256).hexdigest()


def compact(fields: Any) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode(errors="surrogatepass")


def signed(body: bytes, secret: str, access_key: str = ACCESS_KEYS[0]) -> RawRequest:
    """A notification as MoMo would sign it; what is no JSON object stays as it is, for there is no place to sign."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        body = compact({**fields, "signature": documented("notify", fields, access_key, secret)})
    return RawRequest("POST", "", {"content-type": "application/json"}, body)


NOTICE: Mapping[str, Any] = {
    "partnerCode": "CONGPHI",
    "orderId": "019ab9a8-0000-7000-8000-000000000001",
    "requestId": "pay-1",
    "amount": 12_345_678,
    "orderInfo": "Fee RF18 5390 0754 7034",
    "orderType": "momo_wallet",
    "transId": 4_088_878_653,
    "resultCode": 0,
    "message": "Giao dịch thành công.",
    "payType": "qr",
    "responseTime": 1_721_720_663_942,
    "extraData": "",
}


def notice(**changed: Any) -> RawRequest:
    return signed(compact({**NOTICE, **changed}), SECRETS[0])


OTHER_CLIENT: Mapping[str, bytes] = {
    "create": (
        b'{"partnerCode":"CONGPHI","accessKey":"planted-access-one","requestId":"019ab9a8-0000-7000-8000-000000000011",'
        b'"amount":12345678,"orderId":"019ab9a8-0000-7000-8000-000000000012","orderInfo":"Fee RF18 5390 0754 7034",'
        b'"redirectUrl":"http://127.0.0.1:9/return?payment=019ab9a8-0000-7000-8000-000000000012&by=momo",'
        b'"ipnUrl":"http://127.0.0.1:9/webhook","extraData":"","requestType":"captureWallet",'
        b'"signature":"17585d359330bd095d20c6bfd96dcf4abb8f64671e9ba5b968617dcd2ff32716","lang":"vi"}'
    ),
    "refund": (
        b'{"requestId":"019ab9a8-0000-7000-8000-000000000013","partnerCode":"CONGPHI",'
        b'"orderId":"019ab9a8-0000-7000-8000-000000000014","amount":1000000,"transId":4088878653,"lang":"vi",'
        b'"signature":"a2a4ba018b4ed08a0f787f50254c307770e980ffadd134ffbb8b3be845d17e93"}'
    ),
}
"""What a client that we did not write sent for the same orders: momo-payment-api 1.0.3 of npm, with the keys above, its
address turned to a listener of ours and the bytes written down."""
