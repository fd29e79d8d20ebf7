"""Where the service may connect on a caller's word: plain http and https URLs, public unicast addresses.

The list is spelled out (IANA's special-purpose registries, and cloud services on public-looking addresses) because
`ipaddress.is_global` changes between Python versions and lets multicast, 6to4 and NAT64 through.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import httpx

from exceptions import UrlRefused

PORTS = frozenset({80, 443})
MAX_URL_LENGTH = 8192
DEFAULT_PORTS = {"http": 80, "https": 443}
AUTHORITY = re.compile(r"(?:[^:/?#]*:)?//([^/?#]*)")
NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*\.?")
METADATA_NAMES = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)

REFUSED_IPV4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",  # this network
            "10.0.0.0/8",  # private
            "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
            "127.0.0.0/8",  # loopback
            "168.63.129.16/32",  # Azure's platform services
            "169.254.0.0/16",  # link-local; metadata of most clouds
            "172.16.0.0/12",  # private
            "192.0.0.0/24",  # IETF protocols; Oracle's metadata
            "192.0.2.0/24",  # documentation
            "192.88.99.0/24",  # 6to4 relays
            "192.168.0.0/16",  # private
            "198.18.0.0/15",  # benchmarks
            "198.51.100.0/24",  # documentation
            "203.0.113.0/24",  # documentation
            "224.0.0.0/4",  # multicast
            "240.0.0.0/4",  # reserved; broadcast
        ),
    )
)
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""Everything outside is refused: loopback, private, link- and site-local, multicast, IPv4-compatible, translated."""
REFUSED_IPV6 = tuple(
    map(
        IPv6Network,
        (
            "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
            "2001:db8::/32",  # documentation
            "2002::/16",  # 6to4
            "3fff::/20",  # documentation
        ),
    )
)
STANDS_FOR_IPV4 = tuple(map(IPv6Network, ("::ffff:0:0/96", "64:ff9b::/96")))
"""IPv4-mapped, and NAT64's well-known prefix, which is how an IPv6-only host reaches IPv4."""
ISATAP, ISATAP_MASK = 0x0000_5EFE, 0xFCFF_FFFF


def check_address(address: str) -> None:
    """Raises UrlRefused unless a connection to it reaches a public unicast address."""
    try:
        public = "%" not in address and _is_public(ip_address(address))
    except ValueError:
        public = False
    if not public:
        raise UrlRefused("the URL leads to an address that is not public")


def _is_public(ip: IPv4Address | IPv6Address) -> bool:
    if isinstance(ip, IPv4Address):
        return not any(ip in network for network in REFUSED_IPV4)
    inner = IPv4Address(int(ip) & 0xFFFF_FFFF)
    if any(ip in network for network in STANDS_FOR_IPV4):
        return _is_public(inner)
    if (int(ip) >> 32) & ISATAP_MASK == ISATAP and not _is_public(inner):
        return False
    return ip in GLOBAL_UNICAST and not any(ip in network for network in REFUSED_IPV6)


def check_url(text: str, base: httpx.URL | None = None, ports: frozenset[int] = PORTS) -> httpx.URL:
    """The URL, resolved against `base` where it is relative. Raises UrlRefused for all that is not plain."""
    if len(text) > MAX_URL_LENGTH:
        raise UrlRefused(f"the URL is longer than {MAX_URL_LENGTH:,} characters", limit=MAX_URL_LENGTH)
    if any(sign.isspace() or not sign.isprintable() or sign == "\\" for sign in text):
        raise UrlRefused("the URL has a blank, a backslash or an unprintable character in it")
    authority = AUTHORITY.match(text)
    if authority and "@" in authority[1]:
        raise UrlRefused("the URL has a user name in it")
    try:
        url = base.join(text) if base else httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise UrlRefused("the URL cannot be understood") from None
    _check_parts(url, ports)
    return url


def _check_parts(url: httpx.URL, ports: frozenset[int]) -> None:
    if url.scheme not in DEFAULT_PORTS:
        raise UrlRefused("only http and https URLs are fetched")
    if (DEFAULT_PORTS[url.scheme] if url.port is None else url.port) not in ports:
        raise UrlRefused(f"only the ports {', '.join(map(str, sorted(ports)))} are fetched from")
    host = url.raw_host.decode()
    if host.rstrip(".") in METADATA_NAMES:
        raise UrlRefused("the URL names a metadata service")
    if not (NAME.fullmatch(host) or _is_ipv6(host)):
        raise UrlRefused("the URL's host is not a name or an address")


def _is_ipv6(host: str) -> bool:
    try:
        return IPv6Address(host).scope_id is None
    except ValueError:
        return False
