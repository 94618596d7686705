"""The stand-ins refuse what the real services refuse, and keep what they took."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import boto3
import orjson
import pytest
import urllib3
from django.conf import settings
from django.core.management import CommandError, call_command

from destinations.emulators import resources
from destinations.emulators.aws import create_resources
from destinations.emulators.receivers import Store
from destinations.targets._http import compress

GOOD = {"DD-API-KEY": "key", "Content-Type": "application/json", "Content-Encoding": "gzip"}


@pytest.fixture
def pool() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(retries=False) as pool:
        yield pool


def test_aws_resources_can_be_made_twice(aws_url: str) -> None:
    create_resources(aws_url)

    client = boto3.client(
        "iam", endpoint_url=aws_url, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    assert client.get_role(RoleName=resources.ROLE)["Role"]["Arn"] == resources.ROLE_ARN
    client.close()


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        (GOOD, b'[{"message":"a"}]', 202),
        (GOOD | {"DD-API-KEY": ""}, b"[]", 401),
        (GOOD | {"DD-API-KEY": "wrong"}, b"[]", 403),
        (GOOD | {"Content-Type": "text/plain"}, b"[]", 415),
        (GOOD, b"not json", 400),
        (GOOD, b'{"message":"a"}', 400),
        (GOOD, b'[{"text":"a"}]', 400),
        (GOOD, b"[" + b",".join([b'{"message":"a"}'] * 1001) + b"]", 413),
        (GOOD, b'[{"message":"' + b"a" * 5_000_000 + b'"}]', 413),
    ],
)
def test_datadog_receiver_checks_what_datadog_checks(
    datadog_url: str, pool: urllib3.PoolManager, headers: dict[str, str], body: bytes, status: int
) -> None:
    answer = pool.request("POST", f"{datadog_url}/api/v2/logs", headers=headers, body=compress(body))

    assert answer.status == status


def test_datadog_receiver_validates_keys(datadog_url: str, pool: urllib3.PoolManager) -> None:
    url = f"{datadog_url}/api/v1/validate"

    assert pool.request("GET", url, headers={"DD-API-KEY": "a"}).json() == {"valid": True}
    assert pool.request("GET", url, headers={"DD-API-KEY": "wrong"}).json() == {"errors": ["Forbidden"]}


def azure_token(url: str, pool: urllib3.PoolManager, **changed: str) -> Any:
    form = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "s", "scope": "https://a/.default"}
    return pool.request("POST", f"{url}/tenant/oauth2/v2.0/token", fields={**form, **changed}, encode_multipart=False)


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01", b'[{"a":1}]', 204),
        ("/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01", b"[]", 204),
        ("/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01", b'{"a":1}', 400),
        ("/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01", b"[1]", 400),
        (
            "/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01",
            b'["' + b"a" * 1_100_000 + b'"]',
            413,
        ),
        ("/dataCollectionRules/dcr-1/streams/Custom-A_CL", b"[]", 400),
        ("/dataCollectionRules/dcr-1/streams/A_CL?api-version=2023-01-01", b"[]", 400),
        (f"/dataCollectionRules/dcr-{'0' * 32}/streams/Custom-A_CL?api-version=2023-01-01", b"[]", 404),
        ("/elsewhere", b"[]", 404),
    ],
)
def test_azure_receiver_checks_what_azure_checks(
    azure_url: str, pool: urllib3.PoolManager, path: str, body: bytes, status: int
) -> None:
    token = azure_token(azure_url, pool).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Content-Encoding": "gzip"}

    assert pool.request("POST", azure_url + path, headers=headers, body=compress(body)).status == status


def test_azure_receiver_knows_its_tokens(azure_url: str, pool: urllib3.PoolManager) -> None:
    path = "/dataCollectionRules/dcr-1/streams/Custom-A_CL?api-version=2023-01-01"

    assert pool.request("POST", azure_url + path, headers={"Authorization": "Bearer x"}, body=b"[]").status == 401


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "wrong"}, "unauthorized_client"),
        ({"grant_type": "password"}, "invalid_request"),
    ],
)
def test_token_endpoint_refuses_as_entra_does(
    azure_url: str, pool: urllib3.PoolManager, changed: dict[str, str], error: str
) -> None:
    answer = azure_token(azure_url, pool, **changed)

    assert answer.status in {400, 401}
    assert answer.json()["error"] == error
    assert answer.json()["error_description"].startswith("AADSTS")


def test_store_keeps_the_newest() -> None:
    store = Store(max_records=3, max_bytes=10)
    store.add("a", {"service": "x"}, [b"1", b"2", b"3", b"4"])
    store.add("b", {"service": "y"}, [b"12345678"])

    assert [entry.data for entry in store.newest(10, {})] == [b"12345678", b"4", b"3"]
    assert [entry.data for entry in store.newest(1, {"service": "x"})] == [b"4"]
    assert store.total == 5


@pytest.fixture
def _signals() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals")
@pytest.mark.parametrize("name", ["aws_port", "datadog_port", "azure_port"])
def test_command_names_the_port_that_is_taken(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CommandError, match=f"Port {port} is taken"):
            call_command("emulators", **{name: port})


@pytest.mark.slow
def test_command_serves_until_it_is_told_to_stop() -> None:
    command = [sys.executable, "manage.py", "emulators"]
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        assert process.stdout is not None
        addresses = dict(process.stdout.readline().split() for _ in range(3))
        answer = urllib3.request("GET", f"{addresses['Datadog']}/received")
        process.terminate()

    assert orjson.loads(answer.data) == {"total": 0, "records": []}
    assert process.returncode == 0
