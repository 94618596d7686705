import pytest

from destinations.targets._azure_form import AzureLogsIngestionForm, ingestion_host
from tests.destinations.targets.samples import DEMO

CONFIG = dict(DEMO["azure_logs_ingestion"].config)
SECRETS = dict(DEMO["azure_logs_ingestion"].secrets)


@pytest.mark.parametrize(
    ("uri", "host"),
    [
        ("https://acme-x7k2.westeurope-1.ingest.monitor.azure.com", "acme-x7k2.westeurope-1.ingest.monitor.azure.com"),
        ("https://ACME.westeurope-1.ingest.monitor.azure.com/", "acme.westeurope-1.ingest.monitor.azure.com"),
        ("https://acme.usgovvirginia-1.ingest.monitor.azure.us:443", "acme.usgovvirginia-1.ingest.monitor.azure.us"),
        ("https://acme.chinaeast2-1.ingest.monitor.azure.cn", "acme.chinaeast2-1.ingest.monitor.azure.cn"),
        ("http://acme.westeurope-1.ingest.monitor.azure.com", ""),
        ("https://acme.ingest.monitor.azure.com.evil.example", ""),
        ("https://evil.example/.ingest.monitor.azure.com", ""),
        ("https://evil.example#.ingest.monitor.azure.com", ""),
        ("https://evil.example?.ingest.monitor.azure.com", ""),
        ("https://me@acme.ingest.monitor.azure.com", ""),
        ("https://acme.ingest.monitor.azure.com:8443", ""),
        ("https://acme.ingest.monitor.azure.com:nine", ""),
        ("https://acme.ingest.monitor.azure.com/elsewhere", ""),
        ("https://127.0.0.1\\.ingest.monitor.azure.com", ""),
        ("https://ingest.monitor.azure.com", ""),
        ("https://notingest.monitor.azure.com", ""),
        ("https://[::1]", ""),
        ("https://10.0.0.4/ingest", ""),
        ("", ""),
    ],
)
def test_records_go_to_azure_only(uri: str, host: str) -> None:
    assert ingestion_host(uri) == host


@pytest.mark.parametrize(
    ("changed", "field", "said"),
    [
        ({"tenant_id": "acme"}, "tenant_id", "acme is no tenant"),
        ({"client_id": "acme"}, "client_id", "acme is no application ID"),
        ({"client_secret": CONFIG["client_id"]}, "client_secret", "This looks like the secret's ID."),
        ({"client_secret": ""}, "client_secret", "Enter the client secret."),
        (
            {"logs_ingestion_uri": "http://10.0.0.4/ingest"},
            "logs_ingestion_uri",
            "http://10.0.0.4/ingest is not allowed: the ingestion URI must be https and public, such as "
            "https://NAME.REGION.ingest.monitor.azure.com.",
        ),
        ({"data_collection_rule_id": "/subscriptions/1/x"}, "data_collection_rule_id", "the rule's resource ID"),
        ({"data_collection_rule_id": "acme-rule"}, "data_collection_rule_id", "is no immutable ID"),
        ({"data_collection_stream_name": "Acme_CL"}, "data_collection_stream_name", "such as Custom-Acme_CL"),
    ],
)
def test_form_names_the_mistake(changed: dict[str, str], field: str, said: str) -> None:
    form = AzureLogsIngestionForm({f"target-{name}": value for name, value in {**CONFIG, **SECRETS, **changed}.items()})

    assert not form.is_valid()
    assert said in " ".join(map(str, form.errors[field]))


def test_form_asks_for_the_secret_when_the_address_changes() -> None:
    moved = CONFIG | {"logs_ingestion_uri": "https://other.westeurope-1.ingest.monitor.azure.com"}
    form = AzureLogsIngestionForm(
        {f"target-{name}": value for name, value in moved.items()}, stored=CONFIG, stored_secrets=SECRETS
    )

    assert form.errors["client_secret"] == [
        "Type the client secret again: it was stored for another logs ingestion URI."
    ]
