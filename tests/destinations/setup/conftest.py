"""The emulated AWS as the owner of its account sees it."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config


@pytest.fixture
def client(aws_url: str) -> Callable[[str], Any]:
    session = boto3.session.Session("demo", "demo", region_name="eu-west-1")
    options: dict[str, Any] = {"s3": {"addressing_style": "path"}}
    return lambda service: session.client(service, endpoint_url=aws_url, config=Config(**options))
