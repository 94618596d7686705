"""The services that events are sent to, emulated on loopback."""

from collections.abc import Iterator

import pytest

from destinations.emulators.aws import create_resources, start_aws, url_of
from destinations.emulators.azure import AzureReceiver
from destinations.emulators.receivers import DatadogReceiver, Server


@pytest.fixture(scope="session")
def aws_url() -> Iterator[str]:
    """moto with the demo resources."""
    server = start_aws(0)
    create_resources(url_of(server))
    yield url_of(server)
    server.stop()


@pytest.fixture(scope="session")
def datadog_url() -> Iterator[str]:
    with_receiver = Server(0, DatadogReceiver)
    with_receiver.start()
    yield with_receiver.url
    with_receiver.stop()


@pytest.fixture(scope="session")
def azure_url() -> Iterator[str]:
    with_receiver = Server(0, AzureReceiver)
    with_receiver.start()
    yield with_receiver.url
    with_receiver.stop()
