"""Amazon Data Firehose: one record an event, by PutRecordBatch, on its way to S3 or wherever the stream leads.

Limits: 500 records and 4 MiB a request, a record 1,000 KiB before base64; whether the 4 MiB count the encoded form is
not said, so it is assumed. Each record ends with a line feed, because Firehose joins them with nothing in between.
Source: docs.aws.amazon.com/firehose/latest/APIReference/API_PutRecordBatch.html (read 2026-11).
"""

from binascii import b2a_base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from botocore.exceptions import BotoCoreError, ClientError
from django import forms

from destinations.outcome import ConfigurationError, RetryableError, SendResult
from destinations.records import Limits, Record, lines_of
from destinations.targets._arn import DELIVERY_STREAM
from destinations.targets._aws import ONLY_WRITES, AwsTarget, rejected
from destinations.targets._aws_errors import DENIED_CODES, code_of, read_error
from destinations.targets._aws_form import AwsForm
from destinations.targets._aws_steps import check_resource, first_steps
from destinations.targets._base import Arrival, NotYetError, Step, StepResult
from destinations.targets._bucket import stored_lines

if TYPE_CHECKING:
    from mypy_boto3_firehose.type_defs import PutRecordBatchOutputTypeDef

# As base64 this is 4,000,000; the overhead is a line feed and what base64 rounds up.
RAW_BYTES = 3_000_000
OVERHEAD_BYTES = 3
HOURS_READ_BACK = 24
# A test is followed into the hour that it was sent in, and the one before.
HOURS_FOLLOWED = 2
LINES_FOLLOWED = 100_000
CLOCKS_DIFFER_MS = 60_000
# How often to look during the stream's buffer interval, and how soon again at the least.
LOOKS = 5
MIN_WAIT = 10.0


class FirehoseForm(AwsForm):
    arn_field = "delivery_stream_arn"
    arn_kind = DELIVERY_STREAM
    same_account = True

    delivery_stream_arn = forms.CharField(
        label="Delivery stream ARN",
        max_length=2048,
        help_text="Of a stream whose source is Direct PUT: arn:aws:firehose:REGION:ACCOUNT:deliverystream/NAME.",
    )


class Firehose(AwsTarget):
    slug = "firehose"
    label = "Firehose"
    icon = "archive-box-arrow-down"
    summary = "Amazon Data Firehose, which stores the events in S3 or passes them on."
    form_class = FirehoseForm
    limits = Limits(
        max_records=500, max_bytes=RAW_BYTES, max_record_bytes=1000 * 1024 - 1, overhead_bytes=OVERHEAD_BYTES
    )

    service = "firehose"
    noun = "Firehose delivery stream"
    actions = "firehose:PutRecordBatch"

    def send(self, records: Sequence[Record]) -> SendResult:
        if not records:
            return SendResult(code="200")
        answer: PutRecordBatchOutputTypeDef = self.call(
            "put_record_batch", body=self._body(records), DeliveryStreamName=self.name, Records=()
        )
        return _read(answer, len(records))

    def _body(self, records: Sequence[Record]) -> bytes:
        """The request as JSON, made here because botocore's way costs as much as all the rest."""
        joined = b'"},{"Data":"'.join([b2a_base64(line + b"\n", newline=False) for line in lines_of(records)])
        return b'{"DeliveryStreamName":%b,"Records":[{"Data":"%b"}]}' % (orjson.dumps(self.name), joined)

    def test_steps(self, record: Record) -> Sequence[Step]:
        return [
            *first_steps(self),
            Step("Delivery stream", self._check_stream),
            Step("Write one record", lambda: self._write_one(record), writes=True),
        ]

    def _check_stream(self) -> StepResult:
        """A missing permission to describe is no fault: writing does not need it."""
        try:
            found = self._describe()
        except ConfigurationError as error:
            if "AccessDenied" not in error.code:
                raise
            return StepResult(
                f"{self.name} could not be described; the next step tells whether it can be written",
                warning="Allow firehose:DescribeDeliveryStream to see the stream's state here.",
            )
        status, source = found["DeliveryStreamStatus"], found.get("DeliveryStreamType", "DirectPut")
        if status != "ACTIVE":
            raise ConfigurationError(
                f"The delivery stream {self.name} is {status}.",
                code=status,
                remedy="Wait until it is ACTIVE, then test again.",
            )
        if source != "DirectPut":
            raise ConfigurationError(
                f"The delivery stream {self.name} reads from another source ({source}).",
                code=source,
                remedy="Make one whose source is Direct PUT, and use its ARN.",
            )
        check_resource(self, found.get("DeliveryStreamARN", ""))
        return StepResult(f"{self.name} is ACTIVE, its source is Direct PUT", warning=_delimiter_warning(found))

    def _describe(self) -> Mapping[str, Any]:
        answer = self.call("describe_delivery_stream", attempts=1, DeliveryStreamName=self.name)
        found: Mapping[str, Any] = answer["DeliveryStreamDescription"]
        return found

    def _write_one(self, record: Record) -> StepResult:
        result = self.send([record])
        if result.rejections:
            refused = result.rejections[0]
            raise RetryableError("Firehose did not take the record.", code=refused.code, said=refused.message)
        return StepResult(
            f"record {result.facts['record'][:40]}; it reaches the bucket after the stream's buffer interval, 5 min "
            "unless its owner changed it",
            request=f"PutRecordBatch {self.arn}\n\n{record.data.decode()}",
            reply=f"{result.code}, request ID {result.request_id}\nRecordId: {result.facts['record']}",
        )

    def read_back(self, record: Record) -> StepResult | None:
        """Follow the record into the bucket, which takes as long as the stream's buffer interval."""
        try:
            where = _s3_of(self._describe())
            bucket, prefix = where.get("BucketARN", "").rpartition(":")[2], where.get("Prefix", "")
            if not bucket:
                return None
            s3 = self.session.buckets()
            keys = {"event_type": record.event_type}
            # An object that holds the record is younger than the record; clocks differ a little.
            since_ms = record.timestamp_ms - CLOCKS_DIFFER_MS
            lines = stored_lines(s3, bucket, prefix, hours=HOURS_FOLLOWED, keys=keys, since_ms=since_ms)
            found = next((line for line in islice(lines, LINES_FOLLOWED) if line.data == record.data), None)
        except ConfigurationError as error:
            if self.is_denied(error):
                return StepResult(ONLY_WRITES)
            raise
        except (ClientError, BotoCoreError) as error:
            if isinstance(error, ClientError) and code_of(error) in DENIED_CODES:
                return StepResult(ONLY_WRITES)
            raise read_error(error, self.place) from None
        if found:
            return StepResult(f"found in {found.where}")
        wait = int(where.get("BufferingHints", {}).get("IntervalInSeconds", 300)) or MIN_WAIT
        raise NotYetError(
            f"Not in s3://{bucket} yet: the stream gathers for {wait} s.",
            seconds=max(wait / LOOKS, MIN_WAIT),
            times=LOOKS * 2,
        )

    def arrivals(self, limit: int) -> list[Arrival]:
        try:
            return list(islice(self._lines(), limit))
        except (ClientError, BotoCoreError) as error:
            raise read_error(error, self.place) from None

    def _lines(self) -> Iterator[Arrival]:
        """The lines of the objects in the stream's bucket, newest first."""
        where = _s3_of(self._describe())
        bucket = where.get("BucketARN", "").rpartition(":")[2]
        s3 = self.session.buckets()
        return stored_lines(s3, bucket, where.get("Prefix", ""), hours=HOURS_READ_BACK)


def _read(answer: "PutRecordBatchOutputTypeDef", count: int) -> SendResult:
    results = answer.get("RequestResponses", [])
    meta = answer["ResponseMetadata"]
    if len(results) != count:
        raise RetryableError(
            f"Firehose answered for {len(results)} of {count} records; what became of them is unknown.",
            code="unknown_answer",
            request_id=meta["RequestId"],
        )
    rejections = rejected(results, "RecordId")
    facts = {"record": results[0].get("RecordId") or ""}
    return SendResult(str(meta["HTTPStatusCode"]), meta["RequestId"], rejections, facts)


def _s3_of(found: Mapping[str, Any]) -> Mapping[str, Any]:
    """The description of the stream's S3 destination; empty where it leads elsewhere."""
    destination = (found.get("Destinations") or [{}])[0]
    described: Mapping[str, Any] = (
        destination.get("ExtendedS3DestinationDescription") or destination.get("S3DestinationDescription") or {}
    )
    return described


def _delimiter_warning(found: Mapping[str, Any]) -> str:
    processing = _s3_of(found).get("ProcessingConfiguration") or {}
    kinds = {each.get("Type") for each in processing.get("Processors", [])} if processing.get("Enabled") else set()
    if "AppendDelimiterToRecord" not in kinds:
        return ""
    return "The stream appends a delimiter, and each record ends with one already: objects will have empty lines."


TARGET = Firehose
