"""Opening a target with its configuration; a worker keeps what it opened, because a client costs up to 200 ms."""

from collections import OrderedDict

from django.conf import settings

from accounts.models import Account
from destinations.models import Destination
from destinations.targets import Config, Context, Target, all_targets

KEPT = 100

_open: OrderedDict[tuple[str, int], Target] = OrderedDict()


def context_for(account: Account) -> Context:
    demo = settings.DEMO
    return Context(
        external_id=account.external_id,
        aws_url=settings.DEMO_AWS_URL if demo else "",
        datadog_url=settings.DEMO_DATADOG_URL if demo else "",
        azure_url=settings.DEMO_AZURE_URL if demo else "",
        aws_access_key_id=settings.AWS_ACCESS_KEY_ID,
        aws_secret_access_key=settings.AWS_SECRET_ACCESS_KEY,
        aws_session_token=settings.AWS_SESSION_TOKEN,
    )


def open_target(slug: str, config: Config, secrets: Config, account: Account) -> Target:
    return all_targets()[slug](config, secrets, context_for(account))


def opened(destination: Destination) -> Target:
    """The target of this revision of a destination, from the process's own cache."""
    key = (destination.pk, destination.revision)
    target = _open.pop(key, None)
    if target is None:
        target = open_target(destination.target, destination.config, destination.secrets, destination.account)
    _open[key] = target
    while len(_open) > KEPT:
        _open.popitem(last=False)[1].close()
    return target
