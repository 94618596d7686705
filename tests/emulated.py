"""The services that events are sent to, emulated on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pytest_django.fixtures import Settings

from destinations.emulators.aws import create_resources, start_aws, url_of
from destinations.emulators.azure import AzureReceiver
from destinations.emulators.receivers import DatadogReceiver, Receiver, Server


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """moto with the demo resources."""
    server = start_aws(0)
    create_resources(url_of(server))
    yield url_of(server)
    server.stop()


@contextmanager
def _served(kind: type[Receiver]) -> Iterator[Server]:
    server = Server(0, kind)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def datadog_url() -> Iterator[str]:
    with _served(DatadogReceiver) as server:
        yield server.url


@pytest.fixture(scope="session")
def azure_url() -> Iterator[str]:
    with _served(AzureReceiver) as server:
        yield server.url


@pytest.fixture
def receiver(settings: Settings) -> Iterator[Server]:
    """The emulated Datadog at an address of its own, with nothing in it yet."""
    with _served(DatadogReceiver) as server:
        settings.DEMO, settings.DEMO_DATADOG_URL = True, server.url
        yield server
