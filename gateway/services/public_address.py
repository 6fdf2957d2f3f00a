"""Where a webhook may go: to the public internet, and nowhere inside.

A portal gives us a URL, and we call it from inside our network. Without this rule it could have us call the database, a
cloud's metadata service or another ministry. A name is resolved for each call and the very address that was checked is
the one connected to, because a name can be made to point elsewhere between two look-ups (DNS rebinding).
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

import httpx

from gateway.domain.errors import Invalid

URL_LENGTH_MAX = 2000
INTERNAL_NAMES = ("localhost", ".localhost", ".local", ".internal", ".intranet", ".lan", ".home.arpa")
NAT64 = IPv6Network("64:ff9b::/96")
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")


def check_webhook_url(url: str, *, allow_private: bool) -> str:
    """The URL as it will be called. `allow_private` (for demos and tests) lets it be plain http and anywhere.

    Raises Invalid. Asks no name server: where a name leads is found out, and checked, at each call.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise _invalid("is not a URL") from None
    schemes = ("https", "http") if allow_private else ("https",)
    if parsed.scheme not in schemes:
        raise _invalid(f"must begin with {schemes[0]}://")
    if not parsed.host or parsed.userinfo or parsed.fragment or len(url) > URL_LENGTH_MAX:
        raise _invalid(f"needs a host, no user name, no fragment, and at most {URL_LENGTH_MAX} characters")
    if parsed.port is not None and not 1 <= parsed.port <= 65535:
        raise _invalid("has a port that does not exist")
    if not allow_private and _is_internal(parsed.host):
        raise _invalid("must be on the public internet")
    return str(parsed)


def is_public(address: str) -> bool:
    """Whether the whole internet may reach this IP address, also one of IPv4 in one of IPv6's disguises."""
    ip = _inner(ip_address(address))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _inner(ip: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where a router or a translator would unpack it."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in NAT64_LOCAL:
        return IPv4Address("0.0.0.0")  # noqa: S104 - never public
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else ip)


def _is_internal(host: str) -> bool:
    """What can be told from the host as it is written."""
    name = host.lower().rstrip(".")
    try:
        return not is_public(name)
    except ValueError:
        last_label = name.rpartition(".")[2]
        # No domain of the internet ends in a number; "127.1" is an old way of writing an address.
        return "." not in name or name.endswith(INTERNAL_NAMES) or last_label[:1].isdigit()


def _invalid(what: str) -> Invalid:
    return Invalid(f"The webhook's URL {what}.", fields={"url": what})
