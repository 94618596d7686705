"""Emulators on loopback that the tests of all targets share."""

from collections.abc import Iterator

import pytest
from pytest_httpserver import HTTPServer

from destinations.emulators.aws import create_resources, start_aws, url_of
from destinations.emulators.azure import AzureReceiver
from destinations.emulators.receivers import DatadogReceiver, Server
from destinations.targets import Context
from destinations.targets._aws import AwsTarget
from tests.destinations.targets.fake_aws import FakeAws


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


@pytest.fixture
def emulated(aws_url: str, datadog_url: str, azure_url: str) -> Context:
    return Context("ac_external", aws_url, datadog_url, azure_url)


@pytest.fixture
def fake_aws(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """AWS as the test wants it; each call is made once, as throttled ones would wait."""
    monkeypatch.setattr(AwsTarget, "attempts", 1)
    return FakeAws(httpserver)
