"""What audit events differ in from the catalogue's example, by family: top-level keys and the values they may take."""

from collections.abc import Mapping, Sequence

from events.catalog import JSON

# The host that the catalogue's examples are about, and those that take its place.
EXAMPLE_HOST = "checkout.example.com"
HOSTS = ("api.acme.app", "checkout.acme.app", "docs.acme.dev", "hooks.acme.app", "partners.acme.app", "www.acme.app")

# Operating system and architecture of machines that agents run on.
MACHINES = (("linux", "amd64"), ("linux", "arm64"), ("darwin", "arm64"), ("windows", "amd64"))

METADATA = ("", "", "team=checkout", "team=platform", "team=security", "team=data", "managed-by=terraform")

VARIANTS: Mapping[str, Mapping[str, Sequence[JSON]]] = {
    "API keys": {"description": ("Deploys from CI", "Terraform", "Nightly export", "Mina's scripts", "")},
    "Agent sessions": {
        "agent_ip": ("203.0.113.12", "198.51.100.91", "192.0.2.77", "2001:db8:31::7"),
        "region": ("eu", "us", "ap"),
        "metadata": ("host=build-01", "host=build-02", "host=laptop-117", ""),
        "error": ("", "", "", "the agent's connection was lost", "the agent was interrupted by its operator"),
    },
    "Certificate authorities": {"description": ("Payment terminals", "Staff laptops", "Partners' machines")},
    "Domains": {"description": ("Checkout", "Public API", "Partners", ""), "region": ("eu", "us", "global")},
    "Event destinations": {"description": ("Checkout traffic to SIEM", "Audit trail", "Datadog EU", "Archive")},
    "Event subscriptions": {
        "description": ("Access log of checkout", "All audit events", "Connections to the database")
    },
    "IP policies": {"description": ("Offices and VPN", "Partners", "Known scanners", "Build servers")},
    "IP policy rules": {
        "action": ("allow", "allow", "deny"),
        "cidr": ("198.51.100.0/24", "203.0.113.64/26", "192.0.2.17/32", "2001:db8:40::/48"),
        "description": ("Amsterdam office", "VPN", "Scanner seen this week", ""),
    },
    "IP restrictions": {
        "description": ("Dashboard from the offices only", "API from build servers", ""),
        "enforced": (True, True, False),
        "type": ("dashboard", "api", "agent", "endpoints"),
    },
    "SSH certificate authorities": {"description": ("Build hosts", "Production hosts")},
    "SSH host certificates": {"description": ("Build server 1", "Build server 2", "Bastion")},
    "SSH public keys": {"description": ("Mina's laptop", "Jonas's laptop", "Release robot")},
    "SSH user certificates": {"description": ("Mina, release week", "Jonas, on call", "Release robot")},
    "Secrets": {
        "description": ("Token for the payment gateway", "Signs webhooks", "Mail server", ""),
        "name": ("payment_gateway_token", "webhook_signing_key", "smtp_password"),
    },
    "TCP addresses": {
        "addr": ("tcp.eu.example.net:20417", "tcp.eu.example.net:21880", "tcp.eu.example.net:24011"),
        "description": ("Reporting database", "Bastion", "Message broker"),
    },
    "TLS certificates": {"description": ("Checkout and its payment page", "Public API", "")},
    "Tunnel credentials": {"description": ("Build server in Amsterdam", "Build server in Oregon", "Mina's laptop")},
    "Vaults": {
        "description": ("Secrets of one team", "Shared secrets", ""),
        "name": ("checkout", "platform", "shared"),
    },
}
