"""Connections to hosts that a customer names: public addresses only, and the very address that was checked.

A name can point anywhere: at the host itself, at neighbours in a private network, at a cloud's metadata service, and
at something else a moment after it was looked up. So the name is resolved once, every address it has must be public,
and the connection goes to one of those; TLS still checks the certificate against the name. Only https, and no
redirects (_http.request follows none).
"""

import ipaddress
import os
import socket
from functools import lru_cache
from typing import Any

import urllib3
from django.conf import settings
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError

from destinations.targets._wire import SharedPools, open_socket

# Addresses that carry an IPv4 address inside, which would be reached in its place.
NAT64 = ipaddress.ip_network("64:ff9b::/96")

# Services of clouds for their own machines, at addresses outside the private ranges (Azure, Oracle).
METADATA = {ipaddress.ip_address("168.63.129.16"), ipaddress.ip_address("192.0.0.192")}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(HTTPError):
    """The host has an address that requests may not go to."""


class _CheckedConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        try:
            address = checked_address(self.host, self.port or 443)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        return open_socket(self, address)


class _CheckedPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedConnection


class _CheckedManager(SharedPools):
    def __init__(self) -> None:
        super().__init__()
        self.pool_classes_by_scheme = {"https": _CheckedPool}

    def connection_from_context(self, request_context: dict[str, Any]) -> urllib3.HTTPConnectionPool:
        if request_context["scheme"] != "https":
            raise ForbiddenAddressError(f"{request_context['scheme']} is not encrypted; only https is spoken.")
        return super().connection_from_context(request_context)


@lru_cache(maxsize=1)
def guarded_pools() -> urllib3.PoolManager:
    """Like _wire.shared_pools, for https to public addresses."""
    return _CheckedManager()


os.register_at_fork(after_in_child=guarded_pools.cache_clear)


def checked_address(host: str, port: int) -> str:
    """One address of the host, resolved once. Raises ForbiddenAddressError, or socket.gaierror for an unknown host."""
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    if host.lower() in settings.PRIVATE_TARGET_HOSTS:
        return addresses[0]
    for text in addresses:
        if not is_public(text):
            raise ForbiddenAddressError(f"{host} has the address {text}, which is not public.")
    return addresses[0]


def is_public(text: str) -> bool:
    """Whether the address is one of the open internet: not private, local, of a metadata service, or reserved."""
    address: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner)) and (address.is_global or address.ipv4_mapped is not None or address in NAT64)
    return address.is_global and not address.is_multicast and address not in METADATA
