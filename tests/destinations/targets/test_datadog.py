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
from destinations.targets.datadog import Datadog, DatadogForm, sites
from tests.destinations.targets.samples import DEMO, make_record, make_records

KEY = "0123456789abcdef0123456789abcdef"
CONFIG = {"site": "datadoghq.eu", "service": "acme", "ddtags": "env:prod,team:edge"}


@pytest.fixture
def datadog(httpserver: HTTPServer) -> Iterator[Datadog]:
    target = Datadog(CONFIG, {"api_key": KEY}, Context("", datadog_url=httpserver.url_for("").rstrip("/")))
    yield target
    target.close()


def sent(server: HTTPServer) -> Request:
    return server.log[-1][0]


def test_send_posts_gzipped_entries_with_the_events_inside(httpserver: HTTPServer, datadog: Datadog) -> None:
    httpserver.expect_request("/api/v2/logs", method="POST").respond_with_json({}, status=202)
    record = make_record(1)

    assert datadog.send([record, make_record(2)]).code == "202"

    request = sent(httpserver)
    assert request.headers["DD-API-KEY"] == KEY
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Content-Encoding"] == "gzip"
    entries = orjson.loads(gzip.decompress(request.data))
    assert len(entries) == 2
    assert entries[0] == {
        "ddsource": "event-subscriptions",
        "ddtags": "env:prod,team:edge",
        "service": "acme",
        "hostname": "ac_2tXbM4kQpZ8dK",
        "message": "http_request_complete.v0",
        "timestamp": record.timestamp_ms,
        "event": orjson.loads(record.data),
    }


def test_send_leaves_the_host_away_when_the_account_is_not_selected(httpserver: HTTPServer, datadog: Datadog) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_data(b"", status=202)

    datadog.send([make_record()._replace(account_id="")])

    assert "hostname" not in orjson.loads(gzip.decompress(sent(httpserver).data))[0]


@pytest.mark.parametrize("age", [timedelta(hours=19), timedelta(hours=-3)])
def test_send_stamps_what_datadog_would_not_show_with_the_present(
    httpserver: HTTPServer, datadog: Datadog, age: timedelta
) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_json({}, status=202)

    datadog.send([make_record(age=age)])

    entry = orjson.loads(gzip.decompress(sent(httpserver).data))[0]
    assert entry["timestamp"] == pytest.approx(make_record().timestamp_ms, abs=60_000)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, RefusedError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, ConfigurationError),
        (408, RetryableError),
        (413, TooLargeError),
        (429, RetryableError),
        (500, RetryableError),
        (502, RetryableError),
        (503, RetryableError),
        (504, RetryableError),
    ],
)
def test_every_documented_status_has_its_class(
    httpserver: HTTPServer, datadog: Datadog, status: int, expected: type[DeliveryError]
) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_data(f"because of {KEY}", status=status)

    with pytest.raises(DeliveryError) as raised:
        datadog.send([make_record()])

    assert type(raised.value) is expected
    assert raised.value.code == str(status)
    assert raised.value.said == "because of …"


def test_refused_key_says_to_check_the_site_first(httpserver: HTTPServer, datadog: Datadog) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_data("", status=403)

    with pytest.raises(ConfigurationError) as raised:
        datadog.send([make_record()])
    assert raised.value.message == "Datadog refused the API key at datadoghq.eu (403)."
    assert raised.value.remedy == "Keys belong to one site: check the site first, then the key."


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"X-RateLimit-Reset": "12"}, 12.0),
        ({"Retry-After": "Mon, 23 Nov 2020 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_throttling_passes_the_wait_on(
    httpserver: HTTPServer, datadog: Datadog, headers: dict[str, str], seconds: float | None
) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_data("", status=429, headers=headers)

    with pytest.raises(RetryableError) as raised:
        datadog.send([make_record()])
    assert raised.value.retry_after == seconds


@pytest.mark.parametrize("path", ["/api/v2/logs", "/api/v1/validate"])
def test_redirect_is_not_followed_with_the_key(httpserver: HTTPServer, datadog: Datadog, path: str) -> None:
    elsewhere = {"Location": httpserver.url_for("/elsewhere")}
    httpserver.expect_request(path).respond_with_data("", status=302, headers=elsewhere)
    step = datadog.test_steps(make_record())[1 if "validate" in path else 2]

    with pytest.raises(ConfigurationError):
        step.run()
    assert [request.path for request, _ in httpserver.log] == [path]


def test_page_of_a_proxy_is_no_success(httpserver: HTTPServer, datadog: Datadog) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_data("<html>Sign in to the Wi-Fi</html>", status=200)

    with pytest.raises(RetryableError) as raised:
        datadog.send([make_record()])
    assert raised.value.said == "(an HTML page)"


def test_hanging_service_is_left(httpserver: HTTPServer, datadog: Datadog, monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(_request: Request) -> Response:
        time.sleep(0.5)
        return Response()

    monkeypatch.setattr("destinations.targets._http.TOTAL_TIMEOUT_SECONDS", 0.1)
    httpserver.expect_request("/api/v2/logs").respond_with_handler(hang)

    with pytest.raises(RetryableError, match="did not answer") as raised:
        datadog.send([make_record()])
    assert raised.value.code == "timeout"


def test_unreachable_service_is_tried_again() -> None:
    target = Datadog(CONFIG, {"api_key": KEY}, Context("", datadog_url="http://127.0.0.1:9"))

    for step in target.test_steps(make_record())[1:]:
        with pytest.raises(RetryableError) as raised:
            step.run()
        assert raised.value.code == "unreachable"
    target.close()


def test_pack_counts_what_is_around_each_event(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/v2/logs").respond_with_json({}, status=202)
    config = CONFIG | {"ddtags": ",".join(f"tag-{i}:{'é' * 15}" for i in range(90))}
    target = Datadog(config, {"api_key": KEY}, Context("", datadog_url=httpserver.url_for("").rstrip("/")))

    runs = list(target.pack(make_records(2000, size=1500)))
    for run in runs:
        target.send(run)
    target.close()

    bodies = [gzip.decompress(request.data) for request, _ in httpserver.log]
    assert max(map(len, bodies)) <= 4_250_000
    assert max(map(len, bodies)) > 3_500_000
    assert max(map(len, runs)) <= 1000


def test_steps_pass_against_the_emulator_and_the_entry_can_be_read_back(emulated: Context) -> None:
    target = Datadog(DEMO["datadog"].config, DEMO["datadog"].secrets, emulated)
    record = make_record(5)

    details = {step.label: step.run().detail for step in target.test_steps(record)}
    newest = target.arrivals(1)[0]
    target.close()

    assert list(details) == ["Configuration", "Validate the API key", "Write one record"]
    assert details["Validate the API key"] == "valid at datadoghq.eu"
    assert orjson.loads(newest.data)["event"] == orjson.loads(record.data)


def test_wrong_key_fails_at_its_step(emulated: Context) -> None:
    target = Datadog(CONFIG, {"api_key": "wrong-key"}, emulated)
    configuration, validate, write = target.test_steps(make_record())

    configuration.run()
    for step in (validate, write):
        with pytest.raises(ConfigurationError) as raised:
            step.run()
        assert raised.value.code == "403"
        assert "wrong-key" not in f"{raised.value.message} {raised.value.said}"
    target.close()


def test_hosts_come_from_the_list_of_sites() -> None:
    target = Datadog(CONFIG, {"api_key": KEY}, Context(""))
    stranger = Datadog(CONFIG | {"site": "evil.example"}, {"api_key": KEY}, Context(""))

    assert target.client.configuration.host == "https://api.datadoghq.eu"
    with pytest.raises(ConfigurationError, match=r"evil\.example is not a Datadog site"):
        stranger.send([make_record()])
    target.close()


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"site": "app.datadoghq.eu"}, "site", "Select a valid choice"),
        ({"api_key": ""}, "api_key", "Enter the API key."),
        ({"api_key": "0123456789" * 4}, "api_key", "This has 40 characters, as application keys do."),
        ({"api_key": "a b"}, "api_key", "has only letters and digits"),
        ({"ddtags": '["env:prod"]'}, "ddtags", "without brackets"),
        ({"ddtags": ",".join(f"a:{i}" for i in range(101))}, "ddtags", "These are 101 tags; Datadog takes 100."),
        ({"ddtags": "x" * 257}, "ddtags", "has 257 characters; 256 are allowed."),
    ],
)
def test_form_names_the_mistake(changed: dict[str, str], field: str, said: str) -> None:
    data = {**CONFIG, "api_key": KEY, **changed}
    form = DatadogForm({f"target-{name}": value for name, value in data.items()})

    assert not form.is_valid()
    assert said in " ".join(map(str, form.errors[field]))


def test_form_trims_key_and_tags_and_asks_for_the_key_when_the_site_changes() -> None:
    data = {**CONFIG, "api_key": f" {KEY}\n", "ddtags": " env:prod , , team:edge "}
    form = DatadogForm({f"target-{name}": value for name, value in data.items()})
    moved = DatadogForm(
        {f"target-{name}": value for name, value in {**CONFIG, "site": "datadoghq.com"}.items()},
        stored=CONFIG,
        stored_secrets={"api_key": KEY},
    )

    assert form.is_valid(), form.errors
    assert (form.config(), form.secrets()) == (CONFIG, {"api_key": KEY})
    assert moved.errors["api_key"] == ["Type the API key again: it was stored for another site."]
    assert "datadoghq.eu" in sites()
