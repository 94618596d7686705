"""The quick way, and a key to publish by."""

import pytest
from pytest_django.fixtures import Settings

from accounts.models import Account
from events.quick_way import QuickWay
from tests.events.quick import LongWay
from tests.factories import make_api_key


@pytest.fixture
def long_way() -> LongWay:
    return LongWay([])


@pytest.fixture
def quick(long_way: LongWay, settings: Settings) -> QuickWay:
    settings.ALLOWED_HOSTS = ["testserver"]
    return QuickWay(long_way)


@pytest.fixture
def token(account: Account) -> str:
    return make_api_key(account)
