"""What VNPAY refuses: links and requests with fields missing, added, empty, or in another form than documented."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit

from providers.reading import Unreadable
from providers.vnpay import wire

Check = Callable[[str], bool]


class Refused(Exception):
    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(message or f"refused with {code}")
        self.code = code


def _like(pattern: str) -> Check:
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: compiled.fullmatch(value) is not None


def _one_of(*allowed: str) -> Check:
    return lambda value: value in allowed


def _amount(value: str) -> bool:
    try:
        return wire.CHECK.minimum_vnd <= wire.amount_of(value).amount_minor <= wire.CHECK.maximum_vnd
    except Unreadable:
        return False


def _refund_amount(value: str) -> bool:
    try:
        return wire.amount_of(value).amount_minor > 0
    except Unreadable:
        return False


def _moment(value: str) -> bool:
    try:
        return bool(wire.moment(value))
    except Unreadable:
        return False


def _address(value: str) -> bool:
    try:
        return bool(ip_address(value))
    except ValueError:
        return False


def _url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(value) <= 255


_WORDS = _like(r"[A-Za-z0-9 ._:-]{1,255}")
_COMMON: Mapping[str, Check] = {
    "vnp_Version": _one_of(wire.VERSION),
    "vnp_TmnCode": _like(r"[A-Za-z0-9_]{1,20}"),
    "vnp_TxnRef": _like(r"[A-Za-z0-9]{1,100}"),
    "vnp_OrderInfo": _WORDS,
    "vnp_IpAddr": _address,
    "vnp_CreateDate": _moment,
}
_LINK: Mapping[str, Check] = {
    **_COMMON,
    "vnp_Command": _one_of("pay"),
    "vnp_Amount": _amount,
    "vnp_CurrCode": _one_of(wire.CURRENCY),
    "vnp_OrderType": _WORDS,
    "vnp_Locale": _one_of(*wire.LOCALES.values()),
    "vnp_ReturnUrl": _url,
    "vnp_ExpireDate": _moment,
}
_QUERY: Mapping[str, Check] = {
    **_COMMON,
    "vnp_Command": _one_of(wire.QUERY),
    "vnp_RequestId": _like(r"[A-Za-z0-9]{1,32}"),
    "vnp_TransactionDate": _moment,
}
_REFUND: Mapping[str, Check] = {
    **_QUERY,
    "vnp_Command": _one_of(wire.REFUND),
    "vnp_TransactionType": _one_of(*wire.REFUNDS),
    "vnp_Amount": _refund_amount,
    "vnp_TransactionNo": _like(r"\d{0,15}"),
    "vnp_CreateBy": _WORDS,
}
_OPTIONAL: Mapping[str, Check] = {"vnp_TransactionNo": _like(r"\d{1,15}")}
_COMMANDS: Mapping[object, tuple[Mapping[str, Check], Sequence[str], Mapping[str, Check]]] = {
    wire.QUERY: (_QUERY, wire.QUERY_SIGNED, _OPTIONAL),
    wire.REFUND: (_REFUND, wire.REFUND_SIGNED, {}),
}
"""By command: what its fields must be, which of them it signs, and what it may have besides."""


def link(query: str, terminal: str, secrets: Sequence[str]) -> dict[str, str]:
    """The fields of a pay link. It must be the canonical encoding of them, signed, to the byte. Raises Refused."""
    message, given = wire.taken_apart(query)
    if not wire.signed_by(secrets, message, given) or query != f"{message.decode('latin-1')}&{wire.SIGNATURE}={given}":
        raise Refused(wire.BAD_CHECKSUM, "the signature is wrong")
    try:
        fields = wire.fields_of(message)
    except Unreadable as fault:
        raise Refused("03", str(fault)) from None
    if wire.canonical(fields) != message.decode("latin-1"):
        raise Refused(wire.BAD_CHECKSUM, "the link is not encoded as agreed")
    _check(fields, _LINK, {}, terminal)
    if fields["vnp_ExpireDate"] <= fields["vnp_CreateDate"]:
        raise Refused("03", "vnp_ExpireDate is wrong")
    return fields


def api(body: bytes, terminal: str, secrets: Sequence[str]) -> dict[str, str]:
    """The fields of a request to the API, of which some may come as numbers. Raises Refused."""
    try:
        sent = json.loads(body)
    except ValueError:
        raise Refused("03", "the body is not JSON") from None
    if not isinstance(sent, dict) or not all(type(value) in (str, int) for value in sent.values()):
        raise Refused("03", "the body is not an object of texts")
    sent = {name: str(value) for name, value in sent.items()}
    if sent.get("vnp_Command") not in _COMMANDS:
        raise Refused("03", "vnp_Command is wrong")
    checks, signed, optional = _COMMANDS[sent["vnp_Command"]]
    fields = {name: value for name, value in sent.items() if name != wire.SIGNATURE}
    if not wire.signed_by(secrets, wire.joined(fields, signed), sent.get(wire.SIGNATURE, "")):
        raise Refused(wire.BAD_CHECKSUM, "the signature is wrong")
    _check(fields, checks, optional, terminal)
    return fields


def _check(
    fields: Mapping[str, str], needed: Mapping[str, Check], optional: Mapping[str, Check], terminal: str
) -> None:
    if not set(needed) <= set(fields) <= {*needed, *optional}:
        raise Refused("03", f"the fields are {', '.join(needed)}")
    for name, value in fields.items():
        if not {**needed, **optional}[name](value):
            raise Refused("03", f"{name} is wrong")
    if fields["vnp_TmnCode"] != terminal:
        raise Refused("02", "vnp_TmnCode is not known")
