"""The emulated AWS as the owner of its account sees it, and scripts run as that owner."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

BIN = Path(sys.executable).parent


@pytest.fixture
def client(aws_url: str) -> Callable[[str], Any]:
    session = boto3.session.Session("demo", "demo", region_name="eu-west-1")
    options: dict[str, Any] = {"s3": {"addressing_style": "path"}}
    return lambda service: session.client(service, endpoint_url=aws_url, config=Config(**options))


@pytest.fixture
def run_script(tmp_path: Path, aws_url: str) -> Callable[..., subprocess.CompletedProcess[str]]:
    """What lies in the directory `bin` comes before the AWS CLI."""
    environment = {
        "PATH": f"{tmp_path / 'bin'}:{BIN}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": aws_url,
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "FAKE_AZURE": str(tmp_path / "azure.json"),
    }

    def run(text: str, *options: str) -> subprocess.CompletedProcess[str]:
        path = tmp_path / "set-up.sh"
        path.write_text(text)
        command = ["bash", str(path), *options]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)

    return run
