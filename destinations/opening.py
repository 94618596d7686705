"""Opening a target with its configuration; a worker keeps what it opened, with roles and tokens that it signed in with.

Connections, TLS contexts and AWS clients are the process's, so that an open target takes some 10 kB: a thousand of them
are a twentieth of what a worker may take. Opening one anew costs asking for its role or token once more.
"""

from collections import OrderedDict

from django.conf import settings

from accounts.models import Account
from destinations.models import Destination
from destinations.targets import Config, Context, Target, all_targets

KEPT = 1000

_open: OrderedDict[str, tuple[int, Target]] = OrderedDict()


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
    """The target of a destination, from the process's own cache, opened anew where it was changed.

    Only then its configuration and secrets are read, as they are at that moment: who lists destinations to send to
    needs no secrets, and one that can't be read harms no other. Raises SecretUnreadableError.
    """
    revision, target = _open.pop(destination.pk, (0, None))
    if target is None or revision != destination.revision:
        if target is not None:
            target.close()
        now = Destination.objects.select_related("account").get(pk=destination.pk)
        target = open_target(now.target, now.config, now.secrets, now.account)
        # What is sent is told of the revision that it is sent by.
        destination.revision = now.revision
    _open[destination.pk] = destination.revision, target
    while len(_open) > KEPT:
        _open.popitem(last=False)[1][1].close()
    return target
