"""Emulators on loopback that the tests of all targets share."""

import pytest
from pytest_httpserver import HTTPServer

from destinations.targets import Context
from destinations.targets._aws import AwsTarget
from tests.destinations.targets.fake_aws import FakeAws


@pytest.fixture
def emulated(aws_url: str, datadog_url: str, azure_url: str) -> Context:
    return Context("ac_external", aws_url, datadog_url, azure_url)


@pytest.fixture
def fake_aws(httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> FakeAws:
    """AWS as the test wants it; each call is made once, as throttled ones would wait."""
    monkeypatch.setattr(AwsTarget, "attempts", 1)
    return FakeAws(httpserver)
