"""Datadog Logs: one entry an event, by POST /api/v2/logs of the intake of the organisation's site.

Limits: 1,000 entries and 5 MB uncompressed a request, 1 MB an entry (more is cut without an error); entries older than
18 hours are accepted and never seen. All or nothing: an answer does not name entries.
Source: docs.datadoghq.com/api/latest/logs/#send-logs (read 2026-11).

The sites and the check of the key come from datadog-api-client. Its `submit_log` is not used: its
models cost 23 µs an entry, it compresses with zlib, and its REST layer passes every JSON body through json.dumps, so
that no prepared body can be handed in. The body is joined from the records' own bytes and sent over the connections
that all targets share.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cached_property
from typing import Any

import orjson
import urllib3
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ApiException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from django import forms

from destinations.doctor.causes import remedy
from destinations.outcome import (
    ConfigurationError,
    DeliveryError,
    RefusedError,
    RetryableError,
    SendResult,
)
from destinations.records import Limits, Record, split_by_limits
from destinations.targets import _http, _wire
from destinations.targets._base import (
    TEST_TIMEOUT_SECONDS,
    Arrival,
    Config,
    Context,
    Step,
    StepResult,
    Target,
    TargetForm,
)
from destinations.targets._receivers import received
from destinations.targets._window import Window

SOURCE = "event-subscriptions"
DEFAULT_SERVICE = "event-subscriptions"
# What an entry holds beside the record, the tags and the service.
ENTRY_BYTES = 250
OLDEST = timedelta(hours=18)
NEWEST = timedelta(hours=2)

SITE_NAMES = {
    "datadoghq.com": "US1",
    "us3.datadoghq.com": "US3",
    "us5.datadoghq.com": "US5",
    "datadoghq.eu": "EU1",
    "ap1.datadoghq.com": "AP1",
    "ap2.datadoghq.com": "AP2",
    "uk1.datadoghq.com": "UK1",
    "ddog-gov.com": "US1-FED",
    "us2.ddog-gov.com": "US2-FED",
}
APPLICATION_KEY = re.compile(r"[0-9a-f]{40}")
MAX_TAGS = 100
MAX_TAG = 256

ACCEPTED = {200, 202}
BAD_REQUEST, UNAUTHORIZED, FORBIDDEN = 400, 401, 403


def sites() -> list[str]:
    """What the client library knows, in its order."""
    return list(dict.fromkeys(_new_configuration().get_host_settings()[0]["variables"]["site"]["enum_values"]))


def _new_configuration(**given: Any) -> Any:
    """The library's, which has no annotations."""
    return Configuration(**given)  # type: ignore[no-untyped-call]


def _site_choices() -> list[tuple[str, str]]:
    return [(site, f"{site} ({SITE_NAMES[site]})" if site in SITE_NAMES else site) for site in sites()]


class DatadogForm(TargetForm):
    secret_fields = ("api_key",)
    address_fields = ("site",)
    api_codes = {"api_key": 5133, "site": 5134}

    site = forms.ChoiceField(
        label="Site",
        choices=_site_choices,
        help_text="Where your organisation is; keys of one site fail at the others.",
    )
    api_key = forms.CharField(
        label="API key",
        max_length=200,
        help_text="From Organization settings, API keys. An application key does not work.",
    )
    service = forms.CharField(
        label="Service",
        required=False,
        max_length=100,
        help_text=f"What the entries are filed under; {DEFAULT_SERVICE} when empty.",
    )
    ddtags = forms.CharField(
        label="Tags", required=False, max_length=4000, help_text="Comma-separated, such as env:prod,team:edge."
    )

    def clean_api_key(self) -> str:
        key = str(self.cleaned_data["api_key"])
        if APPLICATION_KEY.fullmatch(key):
            raise forms.ValidationError("This has 40 characters, as application keys do. Give an API key: it has 32.")
        if not key.isascii() or re.search(r"\s", key):
            raise forms.ValidationError("An API key has only letters and digits. Copy it again.")
        return key

    def clean_ddtags(self) -> str:
        tags = [tag.strip() for tag in str(self.cleaned_data["ddtags"]).split(",")]
        tags = [tag for tag in tags if tag]
        if any(tag[0] in "[{\"'" for tag in tags):
            raise forms.ValidationError("Write the tags as plain text, such as env:prod,team:edge, without brackets.")
        if len(tags) > MAX_TAGS:
            raise forms.ValidationError(f"These are {len(tags)} tags; Datadog takes {MAX_TAGS}.")
        if long := [tag for tag in tags if len(tag) > MAX_TAG]:
            raise forms.ValidationError(
                f"The tag {long[0][:30]}… has {len(long[0])} characters; {MAX_TAG} are allowed."
            )
        return ",".join(tags)


class Datadog(Target):
    slug = "datadog"
    label = "Datadog"
    icon = "chart-bar"
    summary = "Log entries in Datadog, searchable by every field."
    form_class = DatadogForm
    limits = Limits(max_records=1000, max_bytes=4_250_000, max_record_bytes=990_000, overhead_bytes=ENTRY_BYTES)
    oldest = OLDEST

    def __init__(self, config: Config, secrets: Config, context: Context) -> None:
        super().__init__(config, secrets, context)
        self._site = config.get("site", "")
        self._client: ApiClient | None = None
        self._head = b'{"ddsource":%b,"ddtags":%b,"service":%b,' % (
            orjson.dumps(SOURCE),
            orjson.dumps(config.get("ddtags", "")),
            orjson.dumps(config.get("service") or DEFAULT_SERVICE),
        )

    @classmethod
    def describe(cls, config: Config) -> str:
        return f"Datadog at {config.get('site', '')}, service {config.get('service') or DEFAULT_SERVICE}"

    @classmethod
    def resource(cls, config: Config) -> dict[str, Any]:
        return {
            "api_key": "",
            "ddtags": config.get("ddtags", ""),
            "service": config.get("service", ""),
            "ddsite": config.get("site", ""),
        }

    @classmethod
    def form_data(cls, resource: Mapping[str, Any]) -> dict[str, str]:
        given = super().form_data(resource)
        given["site"] = given.pop("ddsite", "")
        return given

    @property
    def client(self) -> ApiClient:
        """The library's client: explicit settings only (by default it reads DD_SITE and keys from the environment)."""
        if self._client is None:
            self._check_site()
            configuration = _new_configuration(
                host=self.context.datadog_url or f"https://api.{self._site}",
                api_key={"apiKeyAuth": self._key},
                request_timeout=TEST_TIMEOUT_SECONDS,
                retry_policy=urllib3.Retry(total=0, raise_on_redirect=False),
            )
            self._client = ApiClient(configuration)
        return self._client

    @cached_property
    def _intake(self) -> str:
        self._check_site()
        return self.context.datadog_url or f"https://http-intake.logs.{self._site}"

    def _check_site(self) -> None:
        if self._site not in sites():
            raise ConfigurationError(
                f"{self._site or 'No site'} is not a Datadog site.", code="invalid_site", remedy="Choose a site."
            )

    @property
    def _key(self) -> str:
        return self._secrets.get("api_key", "")

    def pack(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        return split_by_limits(records, self.limits._replace(overhead_bytes=ENTRY_BYTES + len(self._head)))

    def send(self, records: Sequence[Record]) -> SendResult:
        if not records:
            return SendResult(code="202")
        reply = self._post(b"[%b]" % b",".join(self._entries(records)))
        if reply.status in ACCEPTED and reply.body.strip()[:1] in {b"", b"{"}:
            return SendResult(str(reply.status), reply.headers.get("DD-Request-Id", ""))
        raise self._failure(reply)

    def _entries(self, records: Sequence[Record]) -> Iterator[bytes]:
        """The records' bytes in Datadog's frame. A time outside the window is now; its own stays in the event."""
        window = Window.at_present(oldest=OLDEST, newest=NEWEST)
        for record in records:
            host = b'"hostname":%b,' % orjson.dumps(record.account_id) if record.account_id else b""
            yield b'%b%b"message":%b,"timestamp":%d,"event":%b}' % (
                self._head,
                host,
                orjson.dumps(record.event_type),
                window.stamp(record.timestamp_ms),
                record.data,
            )

    def _post(self, body: bytes) -> _http.Reply:
        return _http.request(
            _wire.shared_pools(),
            "POST",
            f"{self._intake}/api/v2/logs",
            label="Datadog",
            headers={"DD-API-KEY": self._key, "Content-Type": "application/json", "Content-Encoding": "gzip"},
            body=_http.compress(body),
        )

    def _failure(self, reply: _http.Reply) -> DeliveryError:
        code, said = str(reply.status), reply.said.replace(self._key, "…") if self._key else reply.said
        if reply.status in {UNAUTHORIZED, FORBIDDEN}:
            return ConfigurationError(
                f"Datadog refused the API key at {self._site} ({code}).",
                code=code,
                said=said,
                remedy=remedy(self.slug, code),
            )
        if reply.status == BAD_REQUEST:
            return RefusedError("Datadog can't read the entry.", code=code, said=said, remedy=remedy(self.slug, code))
        return _http.read_failure(reply, self.label, said=said)

    def test_steps(self, record: Record) -> Sequence[Step]:
        return [
            Step("Configuration", self._check_configuration),
            Step("Validate the API key", self._validate_key),
            Step("Write one record", lambda: self._write_one(record), writes=True),
        ]

    def _check_configuration(self) -> StepResult:
        if not self._key:
            raise ConfigurationError("The API key is missing.", code="no_secret", remedy="Type it again.")
        return StepResult(f"{self.client.configuration.host}, service {self.config.get('service') or DEFAULT_SERVICE}")

    def _validate_key(self) -> StepResult:
        try:
            answer = AuthenticationApi(self.client).validate()  # type: ignore[no-untyped-call]
        except ApiException as error:
            if not error.status:
                raise RetryableError("The TLS connection to Datadog failed.", code="tls") from None
            # The library has parsed the body already.
            raise self._failure(_http.Reply(error.status, orjson.dumps(error.body), error.headers or {})) from None
        except urllib3.exceptions.HTTPError as error:
            raise _http.no_answer(error, "Datadog", TEST_TIMEOUT_SECONDS) from None
        if not getattr(answer, "valid", False):
            raise self._failure(_http.Reply(FORBIDDEN, b"", {}))
        return StepResult(f"valid at {self._site}", reply='200 {"valid": true}')

    def _write_one(self, record: Record) -> StepResult:
        result = self.send([record])
        return StepResult(
            f"{result.code}, queued by Datadog; it shows within seconds under service "
            f"{self.config.get('service') or DEFAULT_SERVICE}",
            request="POST /api/v2/logs\n\n" + next(self._entries([record])).decode(),
            reply=result.code,
        )

    def addresses(self) -> Sequence[str]:
        if self.context.datadog_url:
            return (self.context.datadog_url,)
        return (f"https://api.{self._site}", f"https://http-intake.logs.{self._site}")

    def arrivals(self, limit: int) -> list[Arrival]:
        service = self.config.get("service") or DEFAULT_SERVICE
        return received(self.context.datadog_url, self.label, limit, service=service)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None


TARGET = Datadog
