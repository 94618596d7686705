"""Requests to hosts that customers name go to public addresses only, whatever the name resolves to, and when."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from pytest_django.fixtures import Settings

from destinations.outcome import ConfigurationError, RetryableError
from destinations.targets import Context, _guard, _http, _wire
from destinations.targets.azure_logs_ingestion import AzureLogsIngestion
from tests.destinations.targets.samples import DEMO, make_record

HOST = "acme.westeurope.ingest.monitor.azure.com"
PUBLIC = "20.50.60.70"


class Resolver:
    """The name server: each look-up gives the next answer, the last one for ever."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> None:
        self.answers, self.asked = list(answers), 0
        monkeypatch.setattr(socket, "getaddrinfo", self._answer)

    def _answer(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        literal = host.replace(".", "").isdigit() or ":" in host
        addresses = [host] if literal else self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += not literal
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
            for address in addresses
        ]


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    pool = _guard.guarded_pools()
    yield pool
    pool.clear()


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.8",
        "172.16.3.4",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert not _guard.is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2603:1020::1", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_taken(address: str) -> None:
    assert _guard.is_public(address)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], [PUBLIC, "10.0.0.8"], ["::1"]])
def test_no_connection_is_made_where_any_address_is_private(
    addresses: list[str], pool: urllib3.PoolManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    Resolver(monkeypatch, addresses)
    tried: list[Any] = []
    monkeypatch.setattr(_guard, "open_socket", lambda *given, **_: tried.append(given))

    with pytest.raises(ConfigurationError) as refused:
        _http.request(pool, "POST", f"https://{HOST}/", label="Azure", headers={})

    assert refused.value.code == "address_forbidden"
    assert tried == []


def test_the_connection_goes_to_the_address_that_was_checked(
    pool: urllib3.PoolManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers another address the second time gets no second time."""
    resolver = Resolver(monkeypatch, [PUBLIC], ["127.0.0.1"])
    tried: list[str] = []

    def connect(sock: socket.socket, address: tuple[str, int]) -> None:
        tried.append(address[0])
        raise ConnectionRefusedError

    monkeypatch.setattr(_wire._Socket, "connect", connect)

    with pytest.raises(RetryableError):
        _http.request(pool, "POST", f"https://{HOST}/", label="Azure", headers={})

    assert (tried, resolver.asked) == ([PUBLIC], 1)


def test_only_https_is_spoken(pool: urllib3.PoolManager) -> None:
    with pytest.raises(ConfigurationError, match="only https"):
        _http.request(pool, "GET", f"http://{HOST}/", label="Azure", headers={})


def test_an_unknown_host_is_tried_again_later(pool: urllib3.PoolManager, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(RetryableError):
        _http.request(pool, "GET", f"https://{HOST}/", label="Azure", headers={})


def test_a_listed_host_may_be_private(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, ["10.0.0.8"])
    settings.PRIVATE_TARGET_HOSTS = frozenset({HOST})

    assert _guard.checked_address(HOST, 443) == "10.0.0.8"


def test_azure_outside_demo_mode_is_guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    Resolver(monkeypatch, ["169.254.169.254"])
    demo = DEMO["azure_logs_ingestion"]
    target = AzureLogsIngestion(demo.config, demo.secrets, Context(""))

    with pytest.raises(ConfigurationError, match=r"169\.254\.169\.254"):
        target.send([make_record(1)])
    target.close()
