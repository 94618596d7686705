"""Amazon CloudWatch Logs: one log event an event, by PutLogEvents, into a log stream that is made when it is missing.

Limits: 10,000 events and 1,048,576 bytes a request, counting 26 bytes for each event; sorted by time, within 24 hours;
none older than 14 days or more than 2 hours ahead. The log group stays its owner's: only the stream is created.
Source: docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html (read 2026-11).
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from django import forms

from destinations.outcome import ConfigurationError, Rejection, SendResult, TooLargeError
from destinations.records import Limits, Record, in_order, lines_of, split_by_limits, timestamps_of
from destinations.targets._arn import LOG_GROUP
from destinations.targets._aws import ONLY_WRITES, AwsTarget
from destinations.targets._aws_errors import code_of, read_error
from destinations.targets._aws_form import AwsForm
from destinations.targets._aws_steps import first_steps
from destinations.targets._base import Arrival, NotYetError, Step, StepResult
from destinations.targets._window import Window

LOG_STREAM = "event-subscriptions"
DAY_MS = 24 * 3600 * 1000
OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)
MAX_READ = 10_000
# Reading back looks at this many of the newest events.
LOOKED_AT = 1000


class CloudWatchLogsForm(AwsForm):
    arn_field = "log_group_arn"
    arn_kind = LOG_GROUP
    same_account = True

    log_group_arn = forms.CharField(
        label="Log group ARN",
        max_length=2048,
        help_text="From the log group's page: arn:aws:logs:REGION:ACCOUNT:log-group:NAME.",
    )

    def clean_log_group_arn(self) -> str:
        text = str(self.cleaned_data["log_group_arn"])
        if not text.endswith(":*"):
            return text
        self.notices["log_group_arn"] = "The log group ARN ends with :*, as the console shows it. We left that off."
        return text.removesuffix(":*")


class CloudWatchLogs(AwsTarget):
    slug = "cloudwatch_logs"
    label = "CloudWatch Logs"
    icon = "document-text"
    summary = "One log event per event in a log group of Amazon CloudWatch Logs."
    form_class = CloudWatchLogsForm
    limits = Limits(max_records=10_000, max_bytes=1_000_000, max_record_bytes=1_000_000 - 26, overhead_bytes=26)
    oldest = OLDEST

    service = "logs"
    noun = "CloudWatch log group"
    actions = "logs:CreateLogStream and logs:PutLogEvents"

    def pack(self, records: Sequence[Record]) -> Iterator[Sequence[Record]]:
        """Sorted by time, and cut where a request would span 24 hours."""
        window = Window.at_present(oldest=OLDEST, newest=NEWEST)
        stamps = window.stamps(timestamps_of(records))
        order = sorted(range(len(stamps)), key=stamps.__getitem__)
        start = 0
        while start < len(order):
            end = bisect_left(order, stamps[order[start]] + DAY_MS, start, key=stamps.__getitem__)
            yield from split_by_limits(in_order(records, order[start:end]), self.limits)
            start = end

    def send(self, records: Sequence[Record]) -> SendResult:
        if not records:
            return SendResult(code="200")
        window = Window.at_present(oldest=OLDEST, newest=NEWEST)
        lines = lines_of(records)
        stamps = window.stamps(timestamps_of(records))
        order = sorted(range(len(stamps)), key=stamps.__getitem__)
        if stamps[order[-1]] - stamps[order[0]] >= DAY_MS:
            # Since they were packed, one of them has grown too old and is stamped with the present.
            raise TooLargeError("The records span more than 24 hours.", code="span")
        return self._put([{"timestamp": stamps[index], "message": lines[index].decode()} for index in order], order)

    def _put(self, events: list[dict[str, Any]], order: list[int]) -> SendResult:
        try:
            answer = self._put_once(events)
        except ClientError as error:
            if code_of(error) == "DataAlreadyAcceptedException":
                return SendResult("200")
            if code_of(error) != "ResourceNotFoundException":
                raise read_error(error, self.place) from None
            # The group or only the stream? Making the stream tells.
            self._create_stream()
            answer = self._put_again(events)
        except BotoCoreError as error:
            raise read_error(error, self.place) from None
        meta = answer["ResponseMetadata"]
        rejections = tuple(_rejections(answer.get("rejectedLogEventsInfo") or {}, order))
        return SendResult(str(meta["HTTPStatusCode"]), meta["RequestId"], rejections, {"log_stream": LOG_STREAM})

    def _put_once(self, events: list[dict[str, Any]]) -> Any:
        names: dict[str, Any] = {"logGroupName": self.name, "logStreamName": LOG_STREAM}
        return self.call_raw("put_log_events", body=orjson.dumps({**names, "logEvents": events}), **names, logEvents=())

    def _put_again(self, events: list[dict[str, Any]]) -> Any:
        try:
            return self._put_once(events)
        except (ClientError, BotoCoreError) as error:
            raise read_error(error, self.place) from None

    def _create_stream(self) -> bool:
        """Make the log stream; False when it was there. Raises DeliveryError."""
        try:
            self.call_raw("create_log_stream", attempts=1, logGroupName=self.name, logStreamName=LOG_STREAM)
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and code_of(error) == "ResourceAlreadyExistsException":
                return False
            raise read_error(error, self.place) from None
        return True

    def test_steps(self, record: Record) -> Sequence[Step]:
        return [
            *first_steps(self),
            Step("Log stream", self._check_stream, writes=True),
            Step("Write one record", lambda: self._write_one(record), writes=True),
        ]

    def _check_stream(self) -> StepResult:
        made = self._create_stream()
        return StepResult(f"{LOG_STREAM} {'was made' if made else 'is there'} in {self.name}")

    def _write_one(self, record: Record) -> StepResult:
        result = self.send([record])
        if result.rejections:
            refused = result.rejections[0]
            raise ConfigurationError(
                "The log group did not keep the record.",
                code=refused.code,
                said=refused.message,
                remedy="Check the retention of the log group.",
            )
        return StepResult(
            f"log stream {LOG_STREAM}, request ID {result.request_id}",
            request=f"PutLogEvents {self.arn}\nlogStreamName: {LOG_STREAM}\n\n{record.data.decode()}",
            reply=f"{result.code}, request ID {result.request_id}",
        )

    def read_back(self, record: Record) -> StepResult | None:
        """Look for the event in the newest of the log stream; what is taken shows some seconds later."""
        wanted: dict[str, Any] = {"limit": LOOKED_AT, "startFromHead": False}
        try:
            answer = self.call("get_log_events", logGroupName=self.name, logStreamName=LOG_STREAM, **wanted)
        except ConfigurationError as error:
            if self.is_denied(error):
                return StepResult(ONLY_WRITES)
            raise
        if any(each["message"].encode() == record.data for each in answer["events"]):
            return StepResult(f"found in log stream {LOG_STREAM}")
        raise NotYetError(f"Not in log stream {LOG_STREAM} yet.", seconds=2, times=10)

    def arrivals(self, limit: int) -> list[Arrival]:
        wanted: dict[str, Any] = {"limit": min(limit, MAX_READ), "startFromHead": False}
        try:
            answer = self.call("get_log_events", logGroupName=self.name, logStreamName=LOG_STREAM, **wanted)
        except ConfigurationError as error:
            if error.code == "ResourceNotFoundException":
                return []
            raise
        where = f"{self.name}, log stream {LOG_STREAM}"
        found = [Arrival(where, each["ingestionTime"], each["message"].encode()) for each in answer["events"]]
        return found[::-1]


def _rejections(info: Mapping[str, int | None], order: Sequence[int]) -> Iterator[Rejection]:
    """Those outside the ranges that were taken: ends are exclusive, the start is inclusive."""
    given = {name: position for name, position in info.items() if position is not None}
    expired = given.get("expiredLogEventEndIndex", 0)
    too_old = given.get("tooOldLogEventEndIndex", 0)
    too_new = given.get("tooNewLogEventStartIndex", len(order))
    for position, index in enumerate(order):
        if position < expired:
            yield Rejection(index, "expired", "Older than the retention of the log group.", retryable=False)
        elif position < too_old:
            yield Rejection(index, "too_old", "Older than CloudWatch Logs takes.", retryable=False)
        elif position >= too_new:
            # Time alone mends it, since ours has it inside the window.
            yield Rejection(index, "too_new", "Further ahead than CloudWatch Logs takes.", retryable=True)


TARGET = CloudWatchLogs
