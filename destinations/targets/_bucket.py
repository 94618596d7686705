"""Finding records in the bucket of a Firehose delivery stream, by the names that its prefix gives to objects.

Without an expression for the time, Firehose adds year/month/day/hour in UTC to the prefix.
Source: docs.aws.amazon.com/firehose/latest/dev/s3-prefixes.html (read 2026-11).
"""

import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from destinations.targets._base import Arrival

EXPRESSION = re.compile(r"!\{([^}:]+):([^}]+)\}")
# What Java calls the parts of a time, and Python.
TIME_PARTS = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H"}
GZIP_MAGIC = b"\x1f\x8b"
MAX_OBJECT_BYTES = 64 * 1024 * 1024


def object_prefix(prefix: str, moment: datetime, keys: Mapping[str, str]) -> str:
    """How the names of an hour's objects begin, up to the first expression whose value can't be known.

    `keys` are the values of partition keys, such as {"event_type": "ip_policy_created.v0"}.
    """
    has_time = False
    found, end = "", 0
    for expression in EXPRESSION.finditer(prefix):
        found += prefix[end : expression.start()]
        value = _value(expression[1], expression[2], moment, keys)
        if value is None:
            return found
        has_time = has_time or expression[1] == "timestamp"
        found, end = found + value, expression.end()
    found += prefix[end:]
    return found if has_time else f"{found}{moment:%Y/%m/%d/%H}/"


def _value(namespace: str, what: str, moment: datetime, keys: Mapping[str, str]) -> str | None:
    if namespace == "timestamp":
        pattern = what
        for java, python in TIME_PARTS.items():
            pattern = pattern.replace(java, python)
        return None if re.search(r"(?<!%)[A-Za-z]", pattern) else f"{moment:{pattern}}"
    return keys.get(what) if namespace.startswith("partitionKeyFrom") else None


def stored_lines(
    s3: Any, bucket: str, prefix: str, *, hours: int, keys: Mapping[str, str] | None = None, since_ms: int = 0
) -> Iterator[Arrival]:
    """The lines of the objects of the last hours, newest first, and none older than `since_ms`.

    Raises botocore's errors.
    """
    now = datetime.now(UTC)
    names = (object_prefix(prefix, now - timedelta(hours=back), keys or {}) for back in range(hours))
    for name in dict.fromkeys(names):
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=name)
        stored = [item for page in pages for item in page.get("Contents", [])]
        for item in sorted(stored, key=lambda item: item["LastModified"], reverse=True):
            at_ms = int(item["LastModified"].timestamp() * 1000)
            if at_ms < since_ms:
                break
            content = s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
            for line in reversed(_plain(content).splitlines()):
                yield Arrival(f"s3://{bucket}/{item['Key']}", at_ms, line)


def _plain(content: bytes) -> bytes:
    """Bounded, since the bucket is the customer's and so is what lies there."""
    if not content.startswith(GZIP_MAGIC):
        return content
    return zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(content, MAX_OBJECT_BYTES)
