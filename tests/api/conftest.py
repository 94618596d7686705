import pytest

from accounts.models import Account
from tests.api.calling import Api
from tests.factories import make_account, make_api_key


@pytest.fixture
def api(account: Account) -> Api:
    return Api(make_api_key(account, ["api"]))


@pytest.fixture
def reading(account: Account) -> Api:
    return Api(make_api_key(account, ["read"]))


@pytest.fixture
def stranger_api(db: None) -> Api:
    return Api(make_api_key(make_account(name="Other"), ["api"]))
