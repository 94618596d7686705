"""The rows of the error table that no service answers with: found out before a request, or for want of an answer."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from accounts.models import Account
from destinations.doctor.causes import HEALING, WHO_ACTS, all_causes, filled
from destinations.doctor.document import TITLES, troubleshooting
from destinations.doctor.network import check_addresses
from destinations.outcome import DeliveryError, Outcome
from destinations.targets import Context, all_targets
from destinations.targets.datadog import Datadog
from destinations.targets.kinesis import Kinesis
from destinations.testing import run_test, start_test_run
from tests.certificates import untrusted_context
from tests.destinations.doctor.explained import assert_explained, failure_of, rows_of
from tests.destinations.targets.fake_aws import FakeAws, identity
from tests.destinations.targets.samples import BY_KEYS, BY_ROLE, DEMO, KEY_SECRETS, make_record

STREAM_ARN = "arn:aws:kinesis:eu-west-1:111122223333:stream/acme"
GROUP_ARN = "arn:aws:logs:eu-west-1:111122223333:log-group:/acme"
HERE = {cause.code: cause for cause in rows_of("here")}


def datadog(url: str, **changed: str) -> Datadog:
    return Datadog({**DEMO["datadog"].config, **changed}, DEMO["datadog"].secrets, Context("", datadog_url=url))


def kinesis(url: str) -> Kinesis:
    return Kinesis({**BY_KEYS, "stream_arn": STREAM_ARN}, KEY_SECRETS, Context("", aws_url=url))


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


def test_nobody_listens() -> None:
    error = failure_of(datadog("http://127.0.0.1:9"))

    assert_explained(HERE["unreachable"], "datadog", {}, error)


def test_service_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("destinations.targets._http.TOTAL_TIMEOUT_SECONDS", 0.2)
    with listener(closes=False) as url:
        error = failure_of(datadog(url))

    assert_explained(HERE["timeout"], "datadog", {}, error)


def test_connection_breaks() -> None:
    with listener(closes=True) as url:
        error = failure_of(datadog(url))

    assert_explained(HERE["connection_lost"], "datadog", {}, error)


def test_certificate_is_somebody_elses(tmp_path: Path) -> None:
    with HTTPServer(ssl_context=untrusted_context(tmp_path)) as server:
        error = failure_of(datadog(server.url_for("").rstrip("/")))

    assert_explained(HERE["tls"], "datadog", {}, error)


def test_doctor_sees_the_certificate_before_anything_is_sent(tmp_path: Path) -> None:
    with HTTPServer(ssl_context=untrusted_context(tmp_path)) as server:
        target = datadog(server.url_for("").rstrip("/"))
        error = failure_of(target, lambda: check_addresses(target.addresses()))

        assert not server.log
    assert error.code == "tls"
    assert "certificate" in error.said


def test_proxy_answers_in_place_of_the_service(httpserver: HTTPServer) -> None:
    fake = FakeAws(httpserver)
    fake.answer("PutRecords", {"Records": []}, headers={"x-amzn-RequestId": ""})

    error = failure_of(kinesis(fake.url))

    assert_explained(HERE["unknown_answer"], "kinesis", dict(BY_KEYS), error)


def test_key_of_another_account(fake_aws: FakeAws) -> None:
    fake_aws.answer("GetCallerIdentity", identity("999988887777"))
    config = {**BY_KEYS, "log_group_arn": GROUP_ARN}
    target = all_targets()["cloudwatch_logs"](config, KEY_SECRETS, Context("", aws_url=fake_aws.url))

    error = failure_of(target, target.test_steps(make_record())[1].run)

    assert_explained(HERE["other_account"], "cloudwatch_logs", config, error)


def test_another_resource_answers(fake_aws: FakeAws) -> None:
    other = STREAM_ARN.replace("111122223333", "999988887777")
    found = {"StreamStatus": "ACTIVE", "OpenShardCount": 1, "StreamARN": other}
    fake_aws.answer("DescribeStreamSummary", {"StreamDescriptionSummary": found})
    target = kinesis(fake_aws.url)

    error = failure_of(target, target.test_steps(make_record())[2].run)

    assert_explained(HERE["other_resource"], "kinesis", dict(BY_KEYS), error)


def test_record_is_not_where_it_was_put(fake_aws: FakeAws) -> None:
    fake_aws.answer("GetShardIterator", {"ShardIterator": "position"})
    fake_aws.answer("GetRecords", {"Records": []})
    target = kinesis(fake_aws.url)
    target.test_steps(make_record())[-1].run()

    error = failure_of(target, lambda: target.read_back(make_record()))

    assert_explained(HERE["not_found_again"], "kinesis", dict(BY_KEYS), error)


def _first_step(slug: str, config: dict[str, str]) -> DeliveryError:
    target = all_targets()[slug](config, {}, Context(""))
    return failure_of(target, target.test_steps(make_record())[0].run)


def _oversize() -> DeliveryError:
    demo = DEMO["azure_logs_ingestion"]
    target = all_targets()[demo.target](demo.config, demo.secrets, Context(""))
    return failure_of(target, target.test_steps(make_record(size=70_000))[-1].run)


@pytest.mark.parametrize(
    ("code", "slug", "fail"),
    [
        ("invalid_arn", "kinesis", lambda: _first_step("kinesis", {**BY_KEYS, "stream_arn": "acme"})),
        ("no_secret", "kinesis", lambda: _first_step("kinesis", {**BY_KEYS, "stream_arn": STREAM_ARN})),
        ("no_identity", "kinesis", lambda: failure_of(Kinesis({**BY_ROLE, "stream_arn": STREAM_ARN}, {}, Context("")))),
        ("invalid_site", "datadog", lambda: failure_of(datadog("http://127.0.0.1:9", site="datadog.example"))),
        ("invalid_address", "azure_logs_ingestion", lambda: _first_step("azure_logs_ingestion", {})),
        ("record_too_large", "azure_logs_ingestion", _oversize),
    ],
)
def test_what_is_wrong_before_anything_is_sent(code: str, slug: str, fail: Callable[[], DeliveryError]) -> None:
    assert_explained(HERE[code], slug, {}, fail())


@pytest.mark.django_db
def test_fault_of_ours_is_a_failed_step_like_any_other(
    account: Account, monkeypatch: pytest.MonkeyPatch, settings: Settings, httpserver: HTTPServer
) -> None:
    def explode(_: Datadog) -> None:
        raise ZeroDivisionError

    settings.DEMO, settings.DEMO_DATADOG_URL = True, httpserver.url_for("").rstrip("/")
    monkeypatch.setattr(Datadog, "_validate_key", explode)
    run = start_test_run(
        account=account, target="datadog", config=DEMO["datadog"].config, secrets=DEMO["datadog"].secrets
    )
    run_test(run.pk)

    run.refresh_from_db()
    failed = next(step for step in run.steps if step["status"] == "failed")
    assert failed["code"] == "internal_error"
    assert failed["remedy"] == HERE["internal_error"].remedy


def test_every_row_is_complete_and_stands_in_the_document() -> None:
    document = troubleshooting()

    for cause in all_causes():
        assert cause.service in TITLES
        assert cause.outcome in set(Outcome)
        assert cause.who in WHO_ACTS
        assert cause.heals in HEALING
        assert cause.cause.endswith(".")
        assert filled(cause.remedy, {}).endswith(".")
        assert filled(cause.remedy, {}) in document


def test_document_is_made_from_the_table() -> None:
    written = (Path(django_settings.BASE_DIR) / "docs" / "troubleshooting.md").read_text()

    assert written == troubleshooting(), "Run manage.py error_table > docs/troubleshooting.md"
