"""All emulators in one process, until it is told to stop."""

import signal
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from types import FrameType

from destinations.emulators.aws import create_resources, start_aws, url_of
from destinations.emulators.azure import AzureReceiver
from destinations.emulators.receivers import DatadogReceiver, Receiver, Server


@dataclass(frozen=True, slots=True)
class Addresses:
    aws_url: str
    datadog_url: str
    azure_url: str


class PortTakenError(Exception):
    """Another process listens on the port."""


def serve(aws_port: int, datadog_port: int, azure_port: int, on_ready: Callable[[Addresses], None]) -> None:
    """Run until SIGTERM or SIGINT; port 0 takes a free one. Raises PortTakenError and EmulatorMissingError."""
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    with (
        _open(datadog_port, DatadogReceiver) as datadog,
        _open(azure_port, AzureReceiver) as azure,
        ExitStack() as stack,
    ):
        try:
            aws = start_aws(aws_port)
        except OSError as error:
            raise PortTakenError(f"Port {aws_port} is taken: {error.strerror}.") from error
        stack.callback(aws.stop)
        create_resources(url_of(aws))
        datadog.start()
        azure.start()
        on_ready(Addresses(url_of(aws), datadog.url, azure.url))
        stopping.wait()


def _open(port: int, receiver: type[Receiver]) -> Server:
    try:
        return Server(port, receiver)
    except OSError as error:
        raise PortTakenError(f"Port {port} is taken: {error.strerror}.") from error
