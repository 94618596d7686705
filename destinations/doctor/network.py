"""Name and TLS: whether a service can be reached at all, before anything is asked of it."""

import socket
import ssl
import time
from collections.abc import Sequence
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from destinations.outcome import RetryableError
from destinations.targets import StepResult

TIMEOUT_SECONDS = 5.0
HTTPS, HTTP = 443, 80


def check_addresses(addresses: Sequence[str]) -> StepResult:
    """Resolve each host, connect, and check its certificate. Raises RetryableError."""
    found = [_check(address) for address in addresses]
    return StepResult("; ".join(found))


def _check(address: str) -> str:
    parts = urlsplit(address)
    host = parts.hostname or ""
    is_tls = parts.scheme == "https"
    if parts.scheme in getproxies() and not proxy_bypass(host):
        return f"{host}: not checked, requests go through a proxy"
    started = time.perf_counter()
    try:
        ip, protocol = _connect(host, parts.port or (HTTPS if is_tls else HTTP), is_tls=is_tls)
    except socket.gaierror:
        raise RetryableError(
            f"There is no host {host}.",
            code="unreachable",
            remedy="A mistyped Region or address looks like this. If it is right, the name server is at fault.",
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise RetryableError(
            f"The certificate of {host} is not to be trusted.", code="tls", said=error.verify_message
        ) from None
    except (OSError, TimeoutError) as error:
        raise RetryableError(
            f"{host} does not let us connect.", code="unreachable", said=error.strerror or str(error)
        ) from None
    took_ms = round((time.perf_counter() - started) * 1000)
    return f"{host} is {ip}, {protocol or 'without TLS: an emulator'}, in {took_ms} ms"


def _connect(host: str, port: int, *, is_tls: bool) -> tuple[str, str]:
    """The address that answered, and the version of TLS."""
    with socket.create_connection((host, port), TIMEOUT_SECONDS) as plain:
        ip = str(plain.getpeername()[0])
        if not is_tls:
            return ip, ""
        with ssl.create_default_context().wrap_socket(plain, server_hostname=host) as secure:
            return ip, secure.version() or "TLS"
