"""Azure Monitor Logs Ingestion API: one row an event, through a data collection rule into a table.

Limits: 1 MB a request, compressed and uncompressed; a field over 64 kB is cut without an error, so larger events are
refused here. All or nothing, and silent about columns that the rule does not know. A row is {"TimeGenerated":…,
"EventId":…, "EventType":…, "AccountId":…, "Event":{…}}.
Source: learn.microsoft.com/azure/azure-monitor/logs/logs-ingestion-api-overview (read 2026-11).

Sent over urllib3: the azure-monitor-ingestion package waits up to 300 s, repeats by itself, and cuts into requests that
may pass the limit.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import orjson

from destinations.doctor.causes import remedy
from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    Rejection,
    SendResult,
    TooLargeError,
)
from destinations.records import Limits, Record, lines_of
from destinations.targets import _guard, _http, _wire
from destinations.targets._azure_form import RULE, STREAM, AzureLogsIngestionForm, ingestion_host
from destinations.targets._base import Arrival, Config, Context, Step, StepResult, Target
from destinations.targets._entra import CLOUDS, TokenSource
from destinations.targets._receivers import received
from destinations.targets._window import Window

API_VERSION = "2023-01-01"
MAX_EVENT_BYTES = 64_000
# The frame of a row, and the comma after it.
ROW_BYTES = 300
# Azure replaces what is outside by the time of arrival.
OLDEST = timedelta(days=2)
NEWEST = timedelta(days=1)
SHORTEST_SECONDS = 1.0

ACCEPTED, BAD_REQUEST, UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 204, 400, 401, 403, 404
SPLIT_CODES = {"ReadyBody_ClientConnectionAbort", "RecordsTimeRangeIsMoreThan30Minutes", "TimeoutExpired"}


class AzureLogsIngestion(Target):
    slug = "azure_logs_ingestion"
    label = "Azure Monitor"
    icon = "cloud"
    summary = "Rows in a table of Azure Monitor or Sentinel, through a data collection rule."
    form_class = AzureLogsIngestionForm
    limits = Limits(
        max_records=5_000, max_bytes=1_000_000 - 2, max_record_bytes=MAX_EVENT_BYTES, overhead_bytes=ROW_BYTES
    )
    oldest = OLDEST

    def __init__(self, config: Config, secrets: Config, context: Context) -> None:
        super().__init__(config, secrets, context)
        self._pool = _wire.shared_pools() if context.azure_url else _guard.guarded_pools()
        self._host = ingestion_host(config.get("logs_ingestion_uri", ""))
        cloud = CLOUDS[self._host.rpartition(".")[2] or "com"]
        self._tokens = TokenSource(
            context.azure_url or cloud.authority,
            cloud.scope,
            config.get("tenant_id", ""),
            config.get("client_id", ""),
            secrets.get("client_secret", ""),
        )

    @classmethod
    def describe(cls, config: Config) -> str:
        host = urlsplit(config.get("logs_ingestion_uri", "")).hostname or ""
        return f"Azure Monitor stream {config.get('data_collection_stream_name', '')} at {host.partition('.')[0]}"

    @classmethod
    def resource(cls, config: Config) -> dict[str, Any]:
        shown = ("tenant_id", "client_id", "logs_ingestion_uri", "data_collection_rule_id")
        return {
            **{name: config.get(name, "") for name in shown},
            "client_secret": "",
            "data_collection_stream_name": config.get("data_collection_stream_name", ""),
        }

    def send(self, records: Sequence[Record]) -> SendResult:
        if not records:
            return SendResult(code=str(ACCEPTED))
        too_large = [index for index, line in enumerate(lines_of(records)) if len(line) > MAX_EVENT_BYTES]
        fitting = [record for record in records if len(record.data) <= MAX_EVENT_BYTES] if too_large else records
        reply = self._post(b"[%b]" % b",".join(_rows(fitting))) if fitting else None
        rejections = tuple(
            Rejection(index, "record_too_large", f"Azure cuts a field at {MAX_EVENT_BYTES:,} bytes.", retryable=False)
            for index in too_large
        )
        return SendResult(str(ACCEPTED), _request_id(reply) if reply else "", rejections)

    def _post(self, body: bytes) -> _http.Reply:
        """Send with the token that is kept; a refused one is fetched anew, once. Raises DeliveryError."""
        ends_at = time.monotonic() + _http.TOTAL_TIMEOUT_SECONDS
        token, is_new = self._tokens.token(self._pool)
        reply = self._post_once(body, token, ends_at)
        if reply.status == UNAUTHORIZED and not is_new:
            self._tokens.forget()
            token, _ = self._tokens.token(self._pool)
            reply = self._post_once(body, token, ends_at)
        if reply.status != ACCEPTED:
            raise self._failure(reply, token)
        return reply

    def _post_once(self, body: bytes, token: str, ends_at: float) -> _http.Reply:
        return _http.request(
            self._pool,
            "POST",
            self._url(),
            label=self.label,
            headers={
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "Content-Encoding": "gzip",
            },
            body=_http.compress(body),
            seconds=max(ends_at - time.monotonic(), SHORTEST_SECONDS),
        )

    def _url(self) -> str:
        rule = self.config.get("data_collection_rule_id", "")
        stream = self.config.get("data_collection_stream_name", "")
        if not (self._host and RULE.fullmatch(rule) and STREAM.fullmatch(stream)):
            raise ConfigurationError(
                "The ingestion URI, the rule or the stream is not valid.",
                code="invalid_address",
                remedy="Correct them in the configuration.",
            )
        base = self.context.azure_url or f"https://{self._host}"
        return f"{base}/dataCollectionRules/{rule}/streams/{stream}?api-version={API_VERSION}"

    def _failure(self, reply: _http.Reply, token: str) -> DeliveryError:
        error = _error_of(reply)
        code = str(error.get("code") or reply.status)
        said = str(error.get("message") or reply.said)[: _http.MAX_SAID].replace(token, "…")
        told: dict[str, Any] = {"code": code, "said": said, "request_id": _request_id(reply)}
        if code in SPLIT_CODES:
            return TooLargeError("Azure finds that the request holds or spans too much.", **told)
        if sentence := self._setting_sentence(reply.status, code):
            mended = remedy(self.slug, code, said) or remedy(self.slug, str(reply.status), said)
            return ConfigurationError(sentence, remedy=mended, **told)
        if reply.status == BAD_REQUEST:
            return RefusedError("Azure can't read the row.", **told)
        return _http.read_failure(reply, self.label, **told)

    def _setting_sentence(self, status: int, code: str) -> str:
        """What is said of a setting; changes at Azure take minutes to count, so these heal too."""
        rule = self.config.get("data_collection_rule_id", "")
        stream = self.config.get("data_collection_stream_name", "")
        if status == BAD_REQUEST and code == "InvalidStream":
            return f"Azure knows no stream {stream} in this rule."
        return {
            UNAUTHORIZED: "Azure does not accept the token, though it is new.",
            FORBIDDEN: "Azure does not let the app write through this rule.",
            NOT_FOUND: f"Azure knows no rule {rule} at this address.",
        }.get(status, "")

    def test_steps(self, record: Record) -> Sequence[Step]:
        return [
            Step("Configuration", self._check_configuration),
            Step("Get a token", self._check_token),
            Step("Reach the rule", self._check_rule),
            Step("Write one record", lambda: self._write_one(record), writes=True),
        ]

    def _check_configuration(self) -> StepResult:
        self._url()
        if not self._tokens.client_secret:
            raise ConfigurationError("The client secret is missing.", code="no_secret", remedy="Type it again.")
        return StepResult(f"{self._host}, stream {self.config.get('data_collection_stream_name', '')}")

    def _check_token(self) -> StepResult:
        self._tokens.forget()
        self._tokens.token(self._pool)
        return StepResult(f"granted to app {self._tokens.client_id} in tenant {self._tokens.tenant_id}")

    def _check_rule(self) -> StepResult:
        """An empty request proves host, rule and role, and stores nothing."""
        reply = self._post(b"[]")
        return StepResult("the rule takes requests of this app", request="POST []", reply=str(reply.status))

    def _write_one(self, record: Record) -> StepResult:
        result = self.send([record])
        if result.rejections:
            raise RefusedError(result.rejections[0].message, code=result.rejections[0].code)
        return StepResult(
            f"{result.code}; the first rows of a table may take 15 min to show",
            request="POST\n\n" + next(_rows([record])).decode(),
            reply=f"{result.code} {result.request_id}".strip(),
        )

    def addresses(self) -> Sequence[str]:
        if self.context.azure_url:
            return (self.context.azure_url,)
        return (self._tokens.authority, f"https://{self._host}")

    def arrivals(self, limit: int) -> list[Arrival]:
        rule = self.config.get("data_collection_rule_id", "")
        stream = self.config.get("data_collection_stream_name", "")
        return received(self.context.azure_url, self.label, limit, rule=rule, stream=stream)

    def close(self) -> None:
        self._tokens.forget()


def _rows(records: Sequence[Record]) -> Iterator[bytes]:
    """The records' bytes in the frame of a row. A time that Azure would replace is the present."""
    window = Window.at_present(oldest=OLDEST, newest=NEWEST)
    for record in records:
        second, millisecond = divmod(window.stamp(record.timestamp_ms), 1000)
        yield b'{"TimeGenerated":"%b.%03dZ","EventId":%b,"EventType":%b,"AccountId":%b,"Event":%b}' % (
            _to_the_second(second),
            millisecond,
            orjson.dumps(record.event_id),
            orjson.dumps(record.event_type),
            orjson.dumps(record.account_id),
            record.data,
        )


@lru_cache(maxsize=1024)
def _to_the_second(second: int) -> bytes:
    """Many records share one, and writing it costs as much as the rest of a row."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _error_of(reply: _http.Reply) -> dict[str, Any]:
    """The `error` object of Azure's answers; empty for anything else."""
    try:
        error = orjson.loads(reply.body)["error"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _request_id(reply: _http.Reply) -> str:
    return reply.headers.get("x-ms-request-id", "")


TARGET = AzureLogsIngestion
