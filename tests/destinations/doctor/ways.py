"""What ways to bring about a failure have in common: what they may use, and how they name what they give."""

import contextlib
import socket
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts.models import Account
from delivery.models import Delivery
from destinations.outcome import DeliveryError
from destinations.targets import Context, all_targets
from destinations.targets.datadog import Datadog
from destinations.targets.kinesis import Kinesis
from tests.certificates import untrusted_context
from tests.destinations.doctor.explained import failure_of
from tests.destinations.targets.fake_aws import FakeAws
from tests.destinations.targets.samples import BY_KEYS, DEMO, KEY_SECRETS, make_record

STREAM_ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"
NOBODY = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Rig:
    """What ways may use."""

    fake_aws: FakeAws
    tmp_path: Path
    monkeypatch: pytest.MonkeyPatch
    settings: Settings
    account: Account
    held: Callable[..., Delivery]


class Failure(NamedTuple):
    target: str
    config: Mapping[str, str]
    error: DeliveryError


Way = Callable[[Rig], Failure]
WAYS: dict[str, list[Way]] = defaultdict(list)


def gives(code: str) -> Callable[[Way], Way]:
    def add(way: Way) -> Way:
        WAYS[code].append(way)
        return way

    return add


def datadog(url: str, **changed: str) -> Datadog:
    return Datadog({**DEMO["datadog"].config, **changed}, DEMO["datadog"].secrets, Context("", datadog_url=url))


def kinesis(url: str) -> Kinesis:
    return Kinesis({**BY_KEYS, "stream_arn": STREAM_ARN}, KEY_SECRETS, Context("", aws_url=url))


def of_first_step(slug: str, config: Mapping[str, str]) -> Failure:
    target = all_targets()[slug](config, {}, Context(""))
    return Failure(slug, config, failure_of(target, target.test_steps(make_record())[0].run))


@contextlib.contextmanager
def listener(*, closes: bool) -> Iterator[str]:
    """A port that takes connections and either hangs up on every request or never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        held: list[socket.socket] = []

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    if closes:
                        connection.recv(65536)
                        connection.close()
                    held.append(connection)

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)
        for connection in held:
            connection.close()


@contextlib.contextmanager
def somebody_else(directory: Path) -> Iterator[str]:
    with HTTPServer(ssl_context=untrusted_context(directory)) as server:
        yield server.url_for("").rstrip("/")
