"""`make run`: the whole product on this machine."""

import errno
import fcntl
import json
import os
import socket
import urllib.request
from argparse import ArgumentParser
from contextlib import closing
from pathlib import Path
from typing import IO, Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connections

from accounts.models import Account, User
from dashboard.embedded import answers, socket_path, valkey_service
from dashboard.sample import create_first_owner, create_sample
from dashboard.supervisor import Service, Supervisor, manage, python

HOST = "127.0.0.1"
# Single events that wait for their shared commit hold a thread each; so does a connection to the database.
WEB_THREADS = "32"
EMULATORS = ("aws", "datadog", "azure")


class Command(BaseCommand):
    help = "Run the web server, workers, queue and (embedded, or with --demo) emulated targets until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="Where the dashboard listens (default 8000).")
        parser.add_argument(
            "--demo", action="store_true", help="Emulated targets and sample data with DATABASE_URL set."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        self.port: int = options["port"]
        self.is_demo: bool = settings.EMBEDDED or options["demo"]
        self.running_file = Path(settings.DATA_DIR / "running.json")
        _require_free(self.port)
        lock = _lock(settings.DATA_DIR / "up.lock")
        supervisor = Supervisor()
        try:
            self._run(supervisor)
        except TimeoutError as error:
            raise CommandError(str(error)) from error
        finally:
            self.stdout.write("Stopping …")
            supervisor.stop()
            self.running_file.unlink(missing_ok=True)
            lock.close()
        self.stdout.write("Stopped.")

    def _run(self, supervisor: Supervisor) -> None:
        _use_port(self.port)
        if not self._start_queue(supervisor):
            return
        self.stdout.write("Preparing the database …")
        self._prepare()
        password = self._people()
        if self.is_demo:
            self._start_emulators(supervisor)
        supervisor.start(Service("workers", manage("workers"), stop_seconds=30))
        supervisor.start(Service("web", self._web_command(), stop_seconds=10))
        self._tell_commands()
        url = f"http://{HOST}:{self.port}"
        if supervisor.wait_for("The web server", lambda: _is_up(url), 60):
            self._banner(url, password)
            supervisor.watch()

    def _start_queue(self, supervisor: Supervisor) -> bool:
        if os.environ.get("REDIS_URL"):
            if not answers(settings.REDIS_URL):
                raise CommandError(f"REDIS_URL names {settings.REDIS_URL}, where nothing answers.")
            return True
        path = socket_path()
        url = os.environ["REDIS_URL"] = f"unix://{path}?db=0"
        settings.REDIS_URL = url
        supervisor.start(valkey_service(path))
        return supervisor.wait_for("The queue", lambda: answers(url), 20)

    def _prepare(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
        except OperationalError as error:
            raise CommandError(f"The database cannot be reached: {error}") from error
        call_command("collectstatic", verbosity=0, interactive=False)

    def _people(self) -> str | None:
        """Make the first owner, and sample data in demo mode, in an empty database; the password to print."""
        password: str | None
        if not Account.objects.exists() and not User.objects.exists():
            _, account, password = create_first_owner()
            if self.is_demo:
                create_sample(account)
        else:
            waiting = User.objects.filter(has_one_time_password=True, is_superuser=True).order_by("pk").first()
            # A printed password that nobody used yet is replaced: only its digest was kept.
            password = waiting.give_one_time_password() if waiting else None
        # The children make their own connections.
        connections.close_all()
        return password

    def _start_emulators(self, supervisor: Supervisor) -> None:
        ports = {name: _free_port() for name in EMULATORS}
        os.environ["DEMO"] = "true"
        for name, port in ports.items():
            os.environ[f"DEMO_{name.upper()}_URL"] = f"http://{HOST}:{port}"
        options = [text for name, port in ports.items() for text in (f"--{name}-port", str(port))]
        off = emulators_off_file()
        off.unlink(missing_ok=True)
        supervisor.start(
            Service(
                "emulators",
                manage("emulators", *options),
                stop_seconds=5,
                is_wanted=lambda: not off.exists(),
                is_quiet=True,
            )
        )
        for name, port in ports.items():
            if not supervisor.wait_for(f"The {name} emulator", lambda port=port: _listens(port), 90):  # type: ignore[misc]
                return

    def _tell_commands(self) -> None:
        """Commands beside this one then use the same queue and emulators (config/env.py)."""
        shared = ("BASE_URL", "REDIS_URL", "DEMO", *(f"DEMO_{name.upper()}_URL" for name in EMULATORS))
        environment = {name: os.environ[name] for name in shared if name in os.environ}
        self.running_file.write_text(json.dumps({"pid": os.getpid(), "environment": environment}))

    def _web_command(self) -> list[str]:
        command = python("-m", "granian", "config.wsgi:application", "--interface", "wsgi", "--no-ws")
        command += ["--host", HOST, "--port", str(self.port), "--workers", "1", "--blocking-threads", WEB_THREADS]
        return [*command, "--log-level", "error", "--workers-kill-timeout", "8"]

    def _banner(self, url: str, password: str | None) -> None:
        first = User.objects.filter(is_superuser=True).order_by("date_joined").first()
        connections.close_all()
        lines = ["", f"  Event Subscriptions is running at {url}", ""]
        if first and password:
            lines += [f"  Sign in as   {first.email}", f"  with         {password}   (once; then you choose your own)"]
        elif first:
            lines += [f"  Sign in as   {first.email} with the password you chose"]
            lines += [f"  Forgot it?   .venv/bin/python manage.py one_time_password {first.email}"]
        if self.is_demo:
            lines += ["", "  Targets are emulated on this machine; what arrives can be read back in the dashboard."]
            lines += ["  Traffic:     .venv/bin/python manage.py simulate --rate 100 --seconds 60"]
        lines += ["", "  Ctrl-C stops everything.", ""]
        self.stdout.write("\n".join(lines))


def emulators_off_file() -> Path:
    """While it exists the emulators stay down: `manage.py emulators_switch off` shows a failing destination."""
    return Path(settings.DATA_DIR / "emulators.off")


def _use_port(port: int) -> None:
    """The address for the children and for the sample's events, which this process makes with settings read before."""
    if not os.environ.get("BASE_URL"):
        before, settings.BASE_URL = settings.BASE_URL, f"http://{HOST}:{port}"
        settings.API_URL = settings.API_URL.replace(before, settings.BASE_URL)
    os.environ["BASE_URL"] = settings.BASE_URL


def _require_free(port: int) -> None:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CommandError(f"Cannot listen on {HOST}:{port}: {error.strerror}.") from error
            raise CommandError(
                f"Port {port} is taken by another program. Stop it, or choose another: make run PORT={port + 1}"
            ) from error


def _lock(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise CommandError(f"Another `make run` is already using {path.parent}. Stop it first.") from error
    return file


def _free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex((HOST, port)) == 0


def _is_up(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as response:  # noqa: S310  # nosec B310
            return bool(json.load(response)["ok"])
    except (OSError, ValueError, KeyError):
        return False
