"""The same work by syslog-ng: JSON lines over TCP, the same filter, the same fields, 1,000 records a request.

Needs Debian's syslog-ng-core and syslog-ng-mod-http. Its lines carry event IDs, which this product would give, so that
the receiver counts both alike. Neither side compresses: the rate is compared with that of CloudWatch Logs.
"""

import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import orjson

from bench.load import FIELDS, REQUEST_EVENTS, make_bodies
from bench.receiver import ReceiverProcess

SEARCHED = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
START_SECONDS = 30.0
PATIENCE_SECONDS = 120.0
CONNECTIONS = 2
ENVELOPE = ("event_id", "event_type", "event_timestamp", "account_id", "principal")
CONFIGURATION = r"""
@version: 3.38
options {{ stats-freq(0); threaded(yes); log-fifo-size(200000); }};
source incoming {{
  network(ip("127.0.0.1") port({port}) transport("tcp") flags(no-parse) log-iw-size(200000) log-fetch-limit(1000));
}};
log {{
  source(incoming);
  parser {{ json-parser(prefix("ev.")); }};
  filter {{ "${{ev.object.conn.server_port}}" eq "443"
            and match("\.acme\.app$" value("ev.object.conn.server_name") type("pcre")); }};
  destination {{ http(url("{url}/syslog-ng") method("POST") headers("Expect:") workers({connections}) batch-lines(1000)
                     delimiter("\n") body("$(format-json {keys} --rekey ev.* --shift 3)") {buffer}); }};
  flags(flow-control);
}};
"""
DISK_BUFFER = 'disk-buffer(reliable(yes) disk-buf-size(1073741824) mem-buf-size(67108864) dir("{directory}"))'


def program() -> str | None:
    """Its path, where it and its HTTP destination are installed."""
    found = shutil.which("syslog-ng", path=SEARCHED)
    return found if found and any(Path("/usr/lib").glob("**/syslog-ng/*/libhttp.so")) else None


def rate(seconds: float, runs: int, *, on_disk: bool) -> float:
    """Events a second from the first line until the receiver has every matched one; median of `runs`."""
    with ReceiverProcess() as receiver, _SyslogNg(receiver.url, on_disk=on_disk) as peer:
        return statistics.median(_run(peer.port, receiver, seconds) for _ in range(runs))


class _SyslogNg:
    def __init__(self, receiver: str, *, on_disk: bool) -> None:
        self._directory = Path(tempfile.mkdtemp(prefix="es-syslog-ng-"))
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port: int = listener.getsockname()[1]
        keys = " ".join(f"--key ev.{name}" for name in [*ENVELOPE, *(f"object.{field}" for field in FIELDS)])
        buffer = DISK_BUFFER.format(directory=self._directory) if on_disk else ""
        text = CONFIGURATION.format(port=self.port, url=receiver, connections=CONNECTIONS, keys=keys, buffer=buffer)
        (self._directory / "conf").write_text(text)

    def __enter__(self) -> "_SyslogNg":
        places = {"-f": "conf", "-R": "persist", "-p": "pid", "-c": "control"}
        command = [program() or "", "-F", "--no-caps"]
        command += [part for flag, name in places.items() for part in (flag, str(self._directory / name))]
        self._process = subprocess.Popen(command, cwd=self._directory)
        deadline = time.monotonic() + START_SECONDS
        while not _listens(self.port):
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise TimeoutError("syslog-ng did not start.")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(30)
        shutil.rmtree(self._directory)


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def _run(port: int, receiver: ReceiverProcess, seconds: float) -> float:
    bodies = [_with_ids(body, number) for number, body in enumerate(make_bodies())]
    matching = [sum(map(_matches, body.splitlines())) for body in bodies]
    before, started = receiver.records(), time.monotonic()
    sent = [0] * CONNECTIONS
    senders = [
        threading.Thread(target=_send, args=(port, bodies, started + seconds, sent, number))
        for number in range(CONNECTIONS)
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    wanted = sum(matching[number % len(bodies)] for count in sent for number in range(count))
    while (arrived := receiver.records() - before) < wanted:
        if time.monotonic() - started > seconds + PATIENCE_SECONDS:
            raise TimeoutError(f"{arrived} of {wanted} records arrived from syslog-ng.")
        time.sleep(0.02)
    return sum(sent) * REQUEST_EVENTS / (time.monotonic() - started)


def _send(port: int, bodies: Sequence[bytes], ends_at: float, sent: list[int], number: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        while time.monotonic() < ends_at:
            connection.sendall(bodies[sent[number] % len(bodies)])
            sent[number] += 1


def _with_ids(body: bytes, number: int) -> bytes:
    head = b'{"event_id":"ev_%027d","account_id":"ac_bench",'
    lines = enumerate(body.splitlines(), number * REQUEST_EVENTS)
    return b"".join(head % position + line[1:] + b"\n" for position, line in lines)


def _matches(line: bytes) -> bool:
    conn = orjson.loads(line)["object"]["conn"]
    return bool(conn["server_port"] == 443 and conn["server_name"].endswith(".acme.app"))
