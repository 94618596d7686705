"""A receiver as fast as Python can be: it answers as each service does, and counts what it took.

`python -m bench.receiver PORT_FILE` serves until it is killed. POST with `X-Amz-Target` is AWS, `/api/v2/logs` Datadog,
`/dataCollectionRules/` and `/oauth2/` Azure. `GET /count` answers {"records": …, "distinct": …, "bytes": …} and
`GET /arrivals` the event IDs with the time at which each came first. Only what is needed to count is read: nothing is
parsed as JSON.
"""

import asyncio
import base64
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from functools import lru_cache
from pathlib import Path

PARTITION_KEY = re.compile(rb'"PartitionKey":"(ev_[0-9A-Za-z]{27})"')
DATA = re.compile(rb'"Data":"([^"]{60})')
ROW_ID = re.compile(rb'"event_id\\?":\\?"(ev_[0-9A-Za-z]{27})')
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


class Seen:
    def __init__(self) -> None:
        self.records = 0
        self.size = 0
        self.first_at: dict[bytes, float] = {}

    def take(self, ids: list[bytes], size: int) -> int:
        now = time.time()
        self.records += len(ids)
        self.size += size
        for event_id in ids:
            self.first_at.setdefault(event_id, now)
        return len(ids)


seen = Seen()

ASSUMED_ROLE = b"""<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
<AccessKeyId>ASIABENCH</AccessKeyId><SecretAccessKey>bench</SecretAccessKey><SessionToken>bench</SessionToken>
<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult>
<ResponseMetadata><RequestId>bench</RequestId></ResponseMetadata></AssumeRoleResponse>"""


@lru_cache(maxsize=1000)
def kinesis_answer(count: int) -> bytes:
    taken = {"SequenceNumber": "49590338271490256608559692538361571095921575989136588898", "ShardId": "shardId-000"}
    return json.dumps({"FailedRecordCount": 0, "Records": [taken] * count}).encode()


@lru_cache(maxsize=1000)
def firehose_answer(count: int) -> bytes:
    return json.dumps({"FailedPutCount": 0, "RequestResponses": [{"RecordId": "a" * 64}] * count}).encode()


def aws(head: bytes, body: bytes) -> tuple[int, bytes]:
    if b"kinesis" in head:
        return 200, kinesis_answer(seen.take(PARTITION_KEY.findall(body), len(body)))
    if b"firehose" in head:
        ids = [base64.b64decode(start)[13:43] for start in DATA.findall(body)]
        return 200, firehose_answer(seen.take(ids, len(body)))
    seen.take(ROW_ID.findall(body), len(body))
    return 200, b"{}"


def control(head: bytes) -> tuple[int, bytes]:
    if head.startswith(b"post /reset"):
        seen.records = seen.size = 0
        seen.first_at.clear()
        return 200, b"{}"
    if head.startswith(b"get /arrivals"):
        return 200, json.dumps({key.decode(): at for key, at in seen.first_at.items()}).encode()
    return 200, json.dumps({"records": seen.records, "distinct": len(seen.first_at), "bytes": seen.size}).encode()


def answer(head: bytes, body: bytes) -> tuple[int, bytes]:
    """Status and body; `head` is in lower case."""
    if b"x-amz-target:" in head:
        return aws(head, body)
    if b"Action=AssumeRole" in body[:200]:
        return 200, ASSUMED_ROLE
    if b"/oauth2/" in head:
        return 200, b'{"token_type":"Bearer","expires_in":3599,"access_token":"bench"}'
    if head.startswith((b"get ", b"post /reset")):
        return control(head)
    seen.take(ROW_ID.findall(gzip.decompress(body) if b"content-encoding: gzip" in head else body), len(body))
    return (202, b"{}") if b"/api/v2/logs" in head else (204, b"")


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            found = LENGTH.search(head)
            body = await reader.readexactly(int(found[1])) if found else b""
            status, reply = answer(head.lower(), body)
            writer.write(
                b"HTTP/1.1 %d OK\r\nx-amzn-RequestId: bench\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % (status, len(reply)) + reply
            )
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


class ReceiverProcess:
    """A receiver of its own at `url`, until the block ends."""

    def __enter__(self) -> "ReceiverProcess":
        with tempfile.TemporaryDirectory(prefix="es-receiver-") as directory:
            port = Path(directory) / "port"
            self._process = subprocess.Popen([sys.executable, "-m", "bench.receiver", str(port)])
            while not (port.exists() and port.read_text()):
                time.sleep(0.05)
            self.url = f"http://127.0.0.1:{port.read_text()}"
        return self

    def records(self) -> int:
        with urllib.request.urlopen(f"{self.url}/count") as answer:
            return int(json.loads(answer.read())["records"])

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()


async def main(port_file: Path) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, limit=16 * 1024 * 1024)
    port_file.write_text(str(server.sockets[0].getsockname()[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
