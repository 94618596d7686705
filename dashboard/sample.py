"""A sample account for the first look: five destinations, one per target, and two subscriptions."""

from django.db import transaction

from accounts.audit import SYSTEM
from accounts.models import Account, User
from accounts.services import create_account
from destinations.emulators.resources import DEMO_DESTINATIONS
from destinations.models import Destination
from destinations.services import create_destination
from events.catalog import catalog
from subscriptions.drafting.presets import preset_fields
from subscriptions.services import SourceSpec, create_subscription

OWNER_EMAIL = "owner@example.com"
ACCOUNT_NAME = "Acme Edge"

REQUEST = "http_request_complete.v0"
AUDIT_TYPES = [
    f"{kind}_{action}.v0"
    for kind in ("api_key", "event_destination", "event_subscription", "ip_policy", "domain", "tls_certificate")
    for action in ("created", "updated", "deleted")
]


def create_first_owner() -> tuple[User, Account, str]:
    """The first person, who also owns the installation, their account, and their one-time password."""
    owner = User.objects.create_superuser(OWNER_EMAIL, name="First Owner")
    account = create_account(name=ACCOUNT_NAME, owner=owner)
    return owner, account, owner.give_one_time_password()


@transaction.atomic
def create_sample(account: Account) -> None:
    """Destinations wired to the emulators, and subscriptions that use them all."""
    made: dict[str, Destination] = {
        demo.target: create_destination(
            account=account,
            actor=SYSTEM,
            target=demo.target,
            config=demo.config,
            secrets=demo.secrets,
            description=demo.description,
        )
        for demo in DEMO_DESTINATIONS
    }
    create_subscription(
        account=account,
        actor=SYSTEM,
        description="Requests to the API on 443",
        sources=[
            SourceSpec(
                REQUEST,
                filter='ev.conn.server_port == 443 && ev.conn.server_name.startsWith("api.")',
                fields=preset_fields(catalog()[REQUEST], "access_log"),
            ),
            SourceSpec("tcp_connection_closed.v0", filter="ev.conn.server_port != 443"),
        ],
        destinations=[made["kinesis"], made["firehose"], made["datadog"]],
    )
    create_subscription(
        account=account,
        actor=SYSTEM,
        description="Audit trail",
        sources=[SourceSpec(name) for name in AUDIT_TYPES],
        destinations=[made["cloudwatch_logs"], made["azure_logs_ingestion"], made["datadog"]],
    )
