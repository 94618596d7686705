"""The least that any such service must do, bare: read the same bytes, decode once, write once, send once.

One process per core does everything for its share, with no filter, no invariant and no framework.
"""

import socket
import sys
import time
from typing import Any

import msgspec
import orjson
import psycopg
import urllib3
import zstandard

from bench.load import make_bodies

KINESIS = {"X-Amz-Target": "Kinesis_20131202.PutRecords", "Content-Type": "application/x-amz-json-1.1"}


def floor(server: str, receiver: str, seconds: float) -> float:
    """Events a second of one process; half of the events are sent on, 500 a request."""
    bodies = make_bodies()
    near, far = socket.socketpair()
    connection = psycopg.connect(server, autocommit=True)
    connection.execute("CREATE TEMPORARY TABLE floor (payload bytea)")
    connection.execute("ALTER TABLE floor ALTER payload SET STORAGE EXTERNAL")
    pool = urllib3.PoolManager()
    events, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        body = _read(near, far, bodies[events // 1000 % len(bodies)])
        decoded = msgspec.json.decode(b"[" + body.replace(b"\n", b",") + b"]")
        blob = zstandard.ZstdCompressor(level=1).compress(body)
        connection.execute("INSERT INTO floor VALUES (%b)", (blob,))
        records = [orjson.dumps(event) for event in decoded[:500]]
        pool.request("POST", receiver, body=b"\n".join(records), headers=KINESIS)
        events += len(decoded)
    return events / (time.monotonic() - started)


def _read(near: socket.socket, far: socket.socket, body: bytes) -> bytes:
    """The body through a socket, as the kernel hands it to a server."""
    parts, left, offset = [], len(body), 0
    near.setblocking(False)
    while left:
        try:
            offset += near.send(body[offset : offset + 65_536]) if offset < len(body) else 0
        except BlockingIOError:
            offset += 0
        part = far.recv(65_536)
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


if __name__ == "__main__":
    options: dict[str, Any] = orjson.loads(sys.argv[1])
    rate = floor(options["server"], options["receiver"], options["seconds"])
    sys.stdout.write(orjson.dumps({"events_per_s": rate}).decode() + "\n")
