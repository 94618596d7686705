"""Amazon Kinesis Data Streams: one record an event, by PutRecords, under its event ID or a field of it.

Limits: 500 records and 10 MiB a request with partition keys; a record up to the stream's own limit, 1 MiB unless its
owner raised it. Each record is taken or refused by itself; the answer names them by position.
Source: docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html (read 2026-11).
"""

import heapq
from binascii import b2a_base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import orjson
from django import forms

from destinations.outcome import ConfigurationError, DeliveryError, RetryableError, SendResult
from destinations.records import Limits, Record, event_ids_of, lines_of
from destinations.targets._arn import STREAM
from destinations.targets._aws import ONLY_WRITES, AwsTarget, rejected
from destinations.targets._aws_form import AwsForm
from destinations.targets._aws_steps import check_resource, first_steps
from destinations.targets._base import Arrival, Config, Context, Step, StepResult
from destinations.targets._partition_key import FieldPath

if TYPE_CHECKING:
    from mypy_boto3_kinesis.type_defs import PutRecordsOutputTypeDef

# A partition key has at most 256 characters, of up to 4 bytes each.
MAX_KEY = 256
MAX_KEY_BYTES = 4 * MAX_KEY
KIB = 1024
WRITABLE = {"ACTIVE", "UPDATING"}
SHARD_MB_PER_SECOND = 1
SHARD_RECORDS_PER_SECOND = 1000
# Reading back begins close to now, and goes further only while too little is found.
LOOK_BACK = (timedelta(minutes=1), timedelta(minutes=30), timedelta(days=1))


class KinesisForm(AwsForm):
    arn_field = "stream_arn"
    arn_kind = STREAM
    event_fields = ("partition_key",)

    stream_arn = forms.CharField(
        label="Stream ARN",
        max_length=2048,
        help_text="From the stream's page: arn:aws:kinesis:REGION:ACCOUNT:stream/NAME.",
    )
    partition_key = forms.CharField(
        label="Partition key",
        required=False,
        max_length=MAX_KEY,
        help_text="A field whose events stay together in one shard, such as conn.client_ip. Left empty, each event "
        "goes by its ID, which spreads the load best; so does one without the field.",
    )


class Kinesis(AwsTarget):
    slug = "kinesis"
    label = "Kinesis"
    icon = "queue-list"
    summary = "One record per event to an Amazon Kinesis data stream."
    form_class = KinesisForm
    # The service counts partition keys: of 500 records they are far from what is left of its 10 MiB.
    limits = Limits(
        max_records=500, max_bytes=5_000_000, max_record_bytes=1024 * KIB - MAX_KEY_BYTES, overhead_bytes=64
    )

    service = "kinesis"
    noun = "Kinesis stream"
    actions = "kinesis:PutRecords"
    # Where the test's record went.
    _written: Mapping[str, str] = MappingProxyType({"shard": "", "sequence": ""})

    def __init__(self, config: Config, secrets: Config, context: Context) -> None:
        super().__init__(config, secrets, context)
        field = config.get("partition_key", "")
        self._key_field = FieldPath(field) if field else None
        self._largest_record: int | None = None

    @classmethod
    def resource(cls, config: Config) -> dict[str, Any]:
        return {**super().resource(config), "partition_key": config.get("partition_key", "")}

    @classmethod
    def form_data(cls, resource: Mapping[str, Any]) -> dict[str, str]:
        return {**super().form_data(resource), "partition_key": str(resource.get("partition_key") or "")}

    def largest_record(self) -> int:
        """The stream's own limit, which its owner may have raised; the usual one where we may not ask."""
        if self._largest_record is None:
            try:
                found = self._describe()
            except DeliveryError as error:
                if not self.is_denied(error):
                    raise
                found = {}
            self._largest_record = found.get("MaxRecordSizeInKiB", 1024) * KIB - MAX_KEY_BYTES
        return self._largest_record

    def send(self, records: Sequence[Record]) -> SendResult:
        if not records:
            return SendResult(code="200")
        answer: PutRecordsOutputTypeDef = self.call(
            "put_records", body=self._body(records), StreamARN=str(self.arn), Records=()
        )
        return _read(answer, len(records))

    def _body(self, records: Sequence[Record]) -> bytes:
        """The request as JSON. Made here because botocore's way from dicts to bytes costs as much as all the rest."""
        entries = [
            b2a_base64(line, newline=False) + b'","PartitionKey":"' + key
            for line, key in zip(lines_of(records), self._keys_of(records), strict=True)
        ]
        joined = b'"},{"Data":"'.join(entries)
        return b'{"StreamARN":%b,"Records":[{"Data":"%b"}]}' % (orjson.dumps(str(self.arn)), joined)

    def _keys_of(self, records: Sequence[Record]) -> Iterable[bytes]:
        """Partition keys, ready to be put between quotes."""
        if self._key_field is None:
            return event_ids_of(records)
        texts = (self._key_field.text_of(line)[:MAX_KEY] for line in lines_of(records))
        return [
            orjson.dumps(text)[1:-1] if text else event_id
            for text, event_id in zip(texts, event_ids_of(records), strict=True)
        ]

    def test_steps(self, record: Record) -> Sequence[Step]:
        return [
            *first_steps(self),
            Step("Stream", self._describe_stream),
            Step("Write one record", lambda: self._write_one(record), writes=True),
        ]

    def _describe_stream(self) -> StepResult:
        """A missing permission to describe is no fault: writing does not need it."""
        try:
            found = self._describe()
        except ConfigurationError as error:
            if not self.is_denied(error):
                raise
            return StepResult(
                f"{self.name} could not be described; the next step tells whether it can be written",
                warning="Allow kinesis:DescribeStreamSummary to see the stream's state here.",
            )
        if found["StreamStatus"] not in WRITABLE:
            raise ConfigurationError(
                f"The stream {self.name} is {found['StreamStatus']}.",
                code=found["StreamStatus"],
                remedy="Wait until it is ACTIVE, then test again.",
            )
        check_resource(self, found.get("StreamARN", ""))
        return StepResult(_summary(self.name, found))

    def _describe(self) -> dict[str, Any]:
        answer = self.call("describe_stream_summary", attempts=1, StreamARN=str(self.arn))
        summary: dict[str, Any] = answer["StreamDescriptionSummary"]
        return summary

    def _write_one(self, record: Record) -> StepResult:
        (key,) = self._keys_of([record])
        result = self.send([record])
        self._written = result.facts
        if result.rejections:
            refused = result.rejections[0]
            raise RetryableError("The stream did not take the record.", code=refused.code, said=refused.message)
        return StepResult(
            f"{result.facts['shard']}, sequence {result.facts['sequence']}",
            request=f"PutRecords {self.arn}\nPartitionKey: {key.decode()}\n\n{record.data.decode()}",
            reply=f"{result.code}, request ID {result.request_id}\nShardId: {result.facts['shard']}\n"
            f"SequenceNumber: {result.facts['sequence']}",
        )

    def _hosts(self) -> Sequence[str]:
        """Requests that name the stream by ARN go to a host of its account."""
        return (*super()._hosts()[:-1], f"{self.arn.account}.data-kinesis.{self.arn.region}")

    def read_back(self, record: Record) -> StepResult | None:
        """The record at the place that its write answered with."""
        shard, sequence = self._written["shard"], self._written["sequence"]
        start: dict[str, Any] = {"StreamARN": str(self.arn), "ShardId": shard, "StartingSequenceNumber": sequence}
        try:
            found = self.call("get_shard_iterator", ShardIteratorType="AT_SEQUENCE_NUMBER", **start)
            page = self.call("get_records", ShardIterator=found["ShardIterator"], StreamARN=str(self.arn), Limit=10)
        except ConfigurationError as error:
            if self.is_denied(error):
                return StepResult(ONLY_WRITES)
            raise
        if any(read["Data"] == record.data for read in page["Records"]):
            return StepResult(f"found in {shard}, byte for byte")
        raise RetryableError(f"The record is not in {shard}, though Kinesis took it.", code="not_found_again")

    def arrivals(self, limit: int) -> list[Arrival]:
        shards = self.call("list_shards", StreamARN=str(self.arn))["Shards"]
        found: list[Arrival] = []
        for back in LOOK_BACK:
            since = datetime.now(UTC) - back
            each = (arrival for shard in shards for arrival in self._read_shard(shard["ShardId"], since))
            # Of those of one millisecond the later read is the newer.
            newest = heapq.nlargest(limit, enumerate(each), key=lambda item: (item[1].at_ms, item[0]))
            found = [arrival for _, arrival in newest]
            if len(found) >= limit:
                break
        return found

    def _read_shard(self, shard_id: str, since: datetime) -> Iterator[Arrival]:
        start: dict[str, Any] = {"StreamARN": str(self.arn), "ShardId": shard_id, "Timestamp": since}
        position = self.call("get_shard_iterator", ShardIteratorType="AT_TIMESTAMP", **start)["ShardIterator"]
        while position:
            page = self.call("get_records", ShardIterator=position, StreamARN=str(self.arn))
            for read in page["Records"]:
                where = f"{self.name}, {shard_id}, sequence {read['SequenceNumber']}"
                at_ms = int(read["ApproximateArrivalTimestamp"].timestamp() * 1000)
                yield Arrival(where, at_ms, read["Data"])
            position = page.get("NextShardIterator") if page["Records"] else None


def _read(answer: "PutRecordsOutputTypeDef", count: int) -> SendResult:
    results = answer.get("Records", [])
    meta = answer["ResponseMetadata"]
    if len(results) != count:
        raise RetryableError(
            f"Kinesis answered for {len(results)} of {count} records; what became of them is unknown.",
            code="unknown_answer",
            request_id=meta["RequestId"],
        )
    rejections = rejected(results, "SequenceNumber")
    facts = {"shard": results[0].get("ShardId") or "", "sequence": results[0].get("SequenceNumber") or ""}
    return SendResult(str(meta["HTTPStatusCode"]), meta["RequestId"], rejections, facts)


def _summary(name: str, found: Mapping[str, Any]) -> str:
    shards = found["OpenShardCount"]
    largest = f"records up to {found.get('MaxRecordSizeInKiB', 1024):,} KiB"
    noun = "shard" if shards == 1 else "shards"
    rate = f"{shards * SHARD_MB_PER_SECOND:,} MB/s and {shards * SHARD_RECORDS_PER_SECOND:,} records/s"
    return f"{name} is {found['StreamStatus']}, {shards} {noun}, {largest}; it takes {rate}"


TARGET = Kinesis
