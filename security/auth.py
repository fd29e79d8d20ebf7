"""Who is calling: API keys in three spellings, and the address of a client behind proxies."""

import base64
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from exceptions import Unauthorized


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may call; `name` tells one from another (an address, or a digest of a key: never the key)."""

    name: str
    authenticated: bool = False


class ApiKeys:
    """The live keys; several, so that they can be rotated."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def __bool__(self) -> bool:
        return bool(self._keys)

    @property
    def names(self) -> frozenset[str]:
        """What callers with a live key are called."""
        return frozenset(map(name_of, self._keys))

    def knows(self, credential: str) -> bool:
        """Whether it is one of the keys; the time tells neither which nor how nearly."""
        given = credential.encode()
        return sum(hmac.compare_digest(key, given) for key in self._keys) > 0


def identify(headers: Mapping[str, str], address: str, keys: ApiKeys, *, required: bool) -> Caller:
    """The caller behind a request. Raises Unauthorized for a wrong credential, or for none where one is required."""
    credential = credential_of(headers) if keys else None
    if credential is None:
        if required:
            raise Unauthorized("an API key is required")
        return Caller(address)
    if not keys.knows(credential):
        raise Unauthorized("the API key is not valid")
    return Caller(name_of(credential.encode()), authenticated=True)


def name_of(key: bytes) -> str:
    """What the bearer of a key is called: a digest, from which the key cannot be told."""
    return "key:" + hashlib.sha256(key).hexdigest()[:16]


def ticket_of(headers: Mapping[str, str]) -> str | None:
    """The token in `Authorization: Ticket TOKEN`; None without one."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "ticket" else None


def credential_of(headers: Mapping[str, str]) -> str | None:
    """The key in `Authorization: Bearer KEY`, `Authorization: Basic api:KEY` or `X-API-Key`; None without one."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return value.strip()
        case "basic":
            return _basic_password(value.strip())
        case "":
            return headers.get("x-api-key")
    return ""


def _basic_password(value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:  # not base64, not ASCII, not UTF-8
        return ""


def client_address(peer: str, forwarded_for: str, hops: int) -> str:
    """The client's address: the peer's, or what the outermost of `hops` trusted proxies wrote down.

    Each proxy appends whom it heard; what stands further left is the client's own word and counts for nothing. IPv6
    callers own a /64, so they are one caller by it.
    """
    heard = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    claimed = heard[-min(hops, len(heard))] if hops and heard else peer
    try:
        address = ipaddress.ip_address(claimed)
    except ValueError:
        return peer
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)
