"""The settings of an adapter, read from the environment that the composer hands over.

A setting that is missing or blank is an error at start, never a default at run time: a blank secret would accept every
forged notification. All faults are named at once, so that an operator fixes them in one go.
"""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from urllib.parse import urlsplit


class MissingSettings(Exception):
    """Settings that are missing or blank, by name."""

    def __init__(self, provider: str, names: Sequence[str]) -> None:
        super().__init__(f"{provider} cannot start: set {', '.join(names)} (missing or blank).")
        self.provider = provider
        self.names = tuple(names)


class UnusableSetting(Exception):
    """A setting that is there and cannot be used; the message says why and what to do."""

    def __init__(self, provider: str, name: str, fault: str) -> None:
        super().__init__(f"{provider} cannot start: {name}: {fault}")
        self.provider = provider
        self.name = name


def required(provider: str, environment: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """The values of `names`, stripped. Raises MissingSettings naming every one that is missing, blank, or a list with a
    blank member."""
    values = {name: environment.get(name, "").strip() for name in names}
    missing = [name for name, value in values.items() if not all(split(value))]
    if missing:
        raise MissingSettings(provider, missing)
    return values


def split(value: str) -> tuple[str, ...]:
    """The members of a comma-separated setting: several webhook secrets are valid at once while they are rotated."""
    return tuple(member.strip() for member in value.split(","))


def base_url(provider: str, values: Mapping[str, str], name: str) -> str:
    """The address of the provider in the setting `name`, without a slash at its end. Raises UnusableSetting, which
    never shows the address: what goes there is signed, and may not be read or changed on its way."""
    url = values[name]
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise UnusableSetting(provider, name, "give an address such as https://api.example")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UnusableSetting(provider, name, "give the address without a name, password, query or fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise UnusableSetting(provider, name, "must be https, unless it is on this machine")
    return url.rstrip("/")


def is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
