import gzip
import time
from collections.abc import Iterator
from datetime import timedelta

import orjson
import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    RetryableError,
    TooLargeError,
)
from destinations.targets import Context
from destinations.targets.azure_logs_ingestion import AzureLogsIngestion
from tests.destinations.targets.samples import DEMO, make_record, make_records

CONFIG = dict(DEMO["azure_logs_ingestion"].config)
SECRETS = dict(DEMO["azure_logs_ingestion"].secrets)
TOKEN_PATH = f"/{CONFIG['tenant_id']}/oauth2/v2.0/token"
RULE_PATH = f"/dataCollectionRules/{CONFIG['data_collection_rule_id']}/streams/Custom-AcmeEvents_CL"


@pytest.fixture
def azure(httpserver: HTTPServer) -> Iterator[AzureLogsIngestion]:
    target = AzureLogsIngestion(CONFIG, SECRETS, Context("", azure_url=httpserver.url_for("").rstrip("/")))
    yield target
    target.close()


@pytest.fixture
def token(httpserver: HTTPServer) -> str:
    """Entra ID, which grants this token for an hour."""
    answer = {"token_type": "Bearer", "expires_in": 3599, "access_token": "the-token"}
    httpserver.expect_request(TOKEN_PATH, method="POST").respond_with_json(answer)
    return "the-token"


def paths(server: HTTPServer) -> list[str]:
    return [request.path for request, _ in server.log]


@pytest.mark.usefixtures("token")
def test_send_posts_gzipped_rows_with_the_events_inside(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=204, headers={"x-ms-request-id": "r-1"})
    record = make_record(1)._replace(timestamp_ms=int(time.time()) * 1000 + 45)

    result = azure.send([record, make_record(2)])

    (asked, _), (request, _) = httpserver.log
    assert asked.form["grant_type"] == "client_credentials"
    assert asked.form["client_id"] == CONFIG["client_id"]
    assert asked.form["client_secret"] == SECRETS["client_secret"]
    assert asked.form["scope"] == "https://monitor.azure.com/.default"
    assert request.args["api-version"] == "2023-01-01"
    assert request.headers["Authorization"] == "Bearer the-token"
    assert request.headers["Content-Encoding"] == "gzip"
    rows = orjson.loads(gzip.decompress(request.data))
    assert len(rows) == 2
    assert rows[0].pop("TimeGenerated").endswith(".045Z")
    assert rows[0] == {
        "EventId": record.event_id,
        "EventType": "http_request_complete.v0",
        "AccountId": "ac_2tXbM4kQpZ8dK",
        "Event": orjson.loads(record.data),
    }
    assert (result.code, result.request_id) == ("204", "r-1")


@pytest.mark.usefixtures("token")
def test_send_stamps_what_azure_would_stamp_itself_with_the_present(
    httpserver: HTTPServer, azure: AzureLogsIngestion
) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=204)

    azure.send([make_record(age=timedelta(days=3))])

    row = orjson.loads(gzip.decompress(httpserver.log[-1][0].data))[0]
    assert row["TimeGenerated"][:10] == time.strftime("%Y-%m-%d", time.gmtime())


@pytest.mark.usefixtures("token")
def test_send_refuses_what_azure_would_cut_and_sends_the_rest(
    httpserver: HTTPServer, azure: AzureLogsIngestion
) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=204)

    result = azure.send([make_record(1), make_record(2, size=64_001), make_record(3)])

    (rejection,) = result.rejections
    assert (rejection.index, rejection.code, rejection.retryable) == (1, "record_too_large", False)
    assert len(orjson.loads(gzip.decompress(httpserver.log[-1][0].data))) == 2


def test_send_asks_nobody_when_all_records_are_too_large(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    assert len(azure.send([make_record(2, size=64_001)]).rejections) == 1
    assert not httpserver.log


@pytest.mark.usefixtures("token")
def test_token_is_kept_and_fetched_anew_when_it_is_refused(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    statuses = iter([204, 204, 401, 204])
    httpserver.expect_request(RULE_PATH).respond_with_handler(lambda _: Response(status=next(statuses)))

    for number in range(3):
        azure.send([make_record(number)])

    assert paths(httpserver) == [TOKEN_PATH, RULE_PATH, RULE_PATH, RULE_PATH, TOKEN_PATH, RULE_PATH]


@pytest.mark.usefixtures("token")
def test_new_token_that_is_refused_is_a_setting(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=401)

    with pytest.raises(ConfigurationError):
        azure.send([make_record()])
    assert paths(httpserver) == [TOKEN_PATH, RULE_PATH]


def test_token_is_renewed_five_minutes_before_it_ends(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    httpserver.expect_request(TOKEN_PATH).respond_with_json({"access_token": "t", "expires_in": 299})
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=204)

    azure.send([make_record()])
    azure.send([make_record()])

    assert paths(httpserver).count(TOKEN_PATH) == 2


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "InvalidStream", ConfigurationError),
        (400, "InvalidContentLength", RefusedError),
        (400, "", RefusedError),
        (400, "RecordsTimeRangeIsMoreThan30Minutes", TooLargeError),
        (403, "OperationFailed", ConfigurationError),
        (404, "NotFound", ConfigurationError),
        (413, "ContentLengthLimitExceeded", TooLargeError),
        (408, "TimeoutExpired", TooLargeError),
        (400, "ReadyBody_ClientConnectionAbort", TooLargeError),
        (408, "", RetryableError),
        (429, "", RetryableError),
        (500, "", RetryableError),
        (502, "", RetryableError),
        (503, "", RetryableError),
        (504, "", RetryableError),
        (200, "", RetryableError),
        (302, "", ConfigurationError),
        (418, "", ConfigurationError),
    ],
)
@pytest.mark.usefixtures("token")
def test_every_documented_status_has_its_class(
    httpserver: HTTPServer, azure: AzureLogsIngestion, status: int, code: str, expected: type[DeliveryError]
) -> None:
    body = {"error": {"code": code, "message": "because of the-token"}} if code else {}
    headers = {"x-ms-request-id": "r-1", "Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request(RULE_PATH).respond_with_json(body, status=status, headers=headers)

    with pytest.raises(DeliveryError) as raised:
        azure.send([make_record()])

    assert type(raised.value) is expected
    assert (raised.value.code, raised.value.request_id) == (code or str(status), "r-1")
    assert "the-token" not in raised.value.said
    assert paths(httpserver) == [TOKEN_PATH, RULE_PATH]


@pytest.mark.usefixtures("token")
def test_throttling_passes_the_wait_on(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=429, headers={"Retry-After": "30"})

    with pytest.raises(RetryableError) as raised:
        azure.send([make_record()])
    assert raised.value.retry_after == 30


@pytest.mark.parametrize(
    ("status", "error", "number", "expected", "remedy"),
    [
        (401, "invalid_client", 7000215, ConfigurationError, "not its ID"),
        (401, "invalid_client", 7000222, ConfigurationError, "has expired"),
        (400, "unauthorized_client", 700016, ConfigurationError, "Check the client ID"),
        (400, "invalid_request", 90002, ConfigurationError, "Check the tenant ID"),
        (400, "invalid_resource", 500011, ConfigurationError, "another cloud"),
        (400, "something_else", 1, ConfigurationError, "Check tenant ID"),
        (400, "temporarily_unavailable", 90033, RetryableError, ""),
        (503, "server_error", 0, RetryableError, ""),
        (429, "too_many", 0, RetryableError, ""),
        (503, "", 0, RetryableError, ""),
        (302, "", 0, ConfigurationError, "not followed"),
        (200, "", 0, RetryableError, ""),
    ],
)
def test_every_documented_error_of_the_token_has_its_class(  # noqa: PLR0917
    httpserver: HTTPServer,
    azure: AzureLogsIngestion,
    status: int,
    error: str,
    number: int,
    expected: type[DeliveryError],
    remedy: str,
) -> None:
    secret = SECRETS["client_secret"]
    described = {"error_description": f"AADSTS{number}: {secret} is wrong.", "error_codes": [number], "trace_id": "t-1"}
    body = {"error": error, **described} if error else {}
    httpserver.expect_request(TOKEN_PATH).respond_with_json(body, status=status)

    with pytest.raises(DeliveryError) as raised:
        azure.send([make_record()])

    assert type(raised.value) is expected
    assert raised.value.code == (error or str(status))
    assert remedy in raised.value.remedy
    assert secret not in f"{raised.value!r} {raised.value.said}"
    assert paths(httpserver) == [TOKEN_PATH]


@pytest.mark.usefixtures("token")
def test_hanging_service_is_left(
    httpserver: HTTPServer, azure: AzureLogsIngestion, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hang(_request: Request) -> Response:
        time.sleep(0.5)
        return Response()

    monkeypatch.setattr("destinations.targets._http.TOTAL_TIMEOUT_SECONDS", 0.1)
    monkeypatch.setattr("destinations.targets.azure_logs_ingestion.SHORTEST_SECONDS", 0.1)
    httpserver.expect_request(RULE_PATH).respond_with_handler(hang)

    with pytest.raises(RetryableError, match="did not answer"):
        azure.send([make_record()])


@pytest.mark.usefixtures("token")
def test_pack_fills_a_request_to_a_megabyte_and_no_further(httpserver: HTTPServer, azure: AzureLogsIngestion) -> None:
    httpserver.expect_request(RULE_PATH).respond_with_data("", status=204)

    for run in azure.pack([*make_records(1500, size=1000), *make_records(40, size=64_000)]):
        assert not azure.send(run).rejections

    sizes = [len(gzip.decompress(request.data)) for request, _ in httpserver.log if request.path == RULE_PATH]
    assert max(sizes) <= 1_000_000
    assert max(sizes) > 850_000


def test_steps_pass_against_the_emulator_and_the_row_can_be_read_back(emulated: Context) -> None:
    target = AzureLogsIngestion(CONFIG, SECRETS, emulated)
    record = make_record(5)

    details = {step.label: step.run().detail for step in target.test_steps(record)}
    newest = target.arrivals(1)[0]
    target.close()

    assert list(details) == ["Configuration", "Get a token", "Reach the rule", "Write one record"]
    assert orjson.loads(newest.data)["Event"] == orjson.loads(record.data)


def test_wrong_secret_fails_at_its_step(emulated: Context) -> None:
    target = AzureLogsIngestion(CONFIG, {"client_secret": "wrong-secret"}, emulated)
    configuration, get_token, *_ = target.test_steps(make_record())

    configuration.run()
    with pytest.raises(ConfigurationError) as raised:
        get_token.run()
    assert raised.value.code == "invalid_client"
    assert "Invalid client secret provided" in raised.value.said
    assert "not its ID" in raised.value.remedy
    target.close()


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"data_collection_rule_id": "dcr-" + "0" * 32}, "NotFound"),
        ({"data_collection_stream_name": "X"}, "invalid_address"),
    ],
)
def test_wrong_rule_fails_at_its_step(emulated: Context, config: dict[str, str], code: str) -> None:
    target = AzureLogsIngestion(CONFIG | config, SECRETS, emulated)

    with pytest.raises(ConfigurationError) as raised:
        target.test_steps(make_record())[2].run()
    assert raised.value.code == code
    target.close()
