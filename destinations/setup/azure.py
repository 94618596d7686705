"""The kit of Azure Monitor: from a workspace to a table, a data collection rule, and an app that may write through it.

Tutorial that the steps follow: learn.microsoft.com/azure/azure-monitor/logs/tutorial-logs-ingestion-api (read 2026-11).
"""

from typing import Any

from destinations.setup.kit import Instruction, Kit, KitError, Part
from destinations.setup.rendering import as_json, render
from destinations.targets import Config
from destinations.targets._azure_form import STREAM, ingestion_host

DEFAULT_STREAM = "Custom-Events_CL"
ROLE = "Monitoring Metrics Publisher"
API_VERSION = "2023-03-11"
TABLE_API_VERSION = "2022-10-01"
# The columns of a row as our target sends it.
COLUMNS = (
    ("TimeGenerated", "datetime"),
    ("EventId", "string"),
    ("EventType", "string"),
    ("AccountId", "string"),
    ("Event", "dynamic"),
)
PORTALS = {"com": "https://portal.azure.com", "us": "https://portal.azure.us", "cn": "https://portal.azure.cn"}
CLOUDS = {"com": "AzureCloud", "us": "AzureUSGovernment", "cn": "AzureChinaCloud"}
TRANSFORM = "source | project TimeGenerated, EventId, EventType, AccountId, Event"


def azure_kit(config: Config) -> Kit:
    """Raises KitError."""
    stream = config.get("data_collection_stream_name", "").strip() or DEFAULT_STREAM
    if not STREAM.fullmatch(stream):
        raise KitError(f"{stream} is no stream name: it begins with Custom-, such as {DEFAULT_STREAM}.")
    table = stream.removeprefix("Custom-").removeprefix("Microsoft-")
    if not table.endswith("_CL"):
        raise KitError(f"The kit makes a table of its own, whose name ends with _CL, such as Custom-{table[:40]}_CL.")
    host = ingestion_host(config.get("logs_ingestion_uri", ""))
    cloud = host.rpartition(".")[2] or "com"
    values = {
        "stream": stream,
        "table": table,
        "cloud": CLOUDS[cloud],
        "role": ROLE,
        "rule_name": f"event-subscriptions-{table.removesuffix('_CL').lower().replace('_', '-')}"[:60],
        "table_body": {"properties": {"schema": table_schema(table), "retentionInDays": 30}},
        "columns": stream_columns(),
        "transform": TRANSFORM,
        "api_version": API_VERSION,
        "table_api_version": TABLE_API_VERSION,
    }
    return Kit(
        "azure_logs_ingestion",
        "Set up Azure Monitor",
        f"Makes the table {table}, a data collection rule with the stream {stream}, and an app that may write "
        "through that rule and do nothing else.",
        (_script(values), _portal(values, PORTALS[cloud])),
        (
            "A new role takes up to 30 minutes to count, a new rule up to 5: until then Azure answers 403 or "
            "InvalidStream, and we test again by ourselves.",
            "The client secret always has an end date. Enter it in the form, and we warn you before.",
        ),
    )


def table_schema(table: str) -> dict[str, Any]:
    return {"name": table, "columns": [{"name": name, "type": kind} for name, kind in COLUMNS]}


def stream_columns() -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in COLUMNS]


def _script(values: dict[str, Any]) -> Part:
    filename = "set-up-azure.sh"
    instructions = (
        Instruction(
            "Open Cloud Shell (Bash), or a terminal where az is signed in.",
            link="https://shell.azure.com",
            link_words="Cloud Shell",
        ),
        Instruction(
            f"Save the script as {filename} and run it with your workspace. With --dry-run it only shows what it would "
            "do; with --uninstall it removes what it made.",
            code=f"bash {filename} --resource-group GROUP --workspace WORKSPACE",
        ),
        Instruction(
            "Copy the values that it prints into the form, with the secret's last day. The secret is shown only once."
        ),
    )
    return Part("script", "CLI script", instructions, filename, render("azure.sh", values))


def _portal(values: dict[str, Any], portal: str) -> Part:
    sample = {"TimeGenerated": "2026-11-25T08:00:00Z", "EventId": "ev_1", "EventType": "tcp_connection_closed.v0"}
    sample |= {"AccountId": "ac_1", "Event": {"object": {}}}  # type: ignore[dict-item]
    steps = (
        Instruction(
            f"In Microsoft Entra ID, App registrations, choose New registration. Name it {values['rule_name']}; it "
            "needs no redirect URI. Copy Application (client) ID and Directory (tenant) ID into the form.",
            link=f"{portal}/#view/Microsoft_AAD_RegisteredApps/ApplicationsListBlade",
            link_words="App registrations",
        ),
        Instruction(
            "Under Certificates & secrets choose New client secret. Copy its Value, not its Secret ID, and note the "
            "day it expires."
        ),
        Instruction(
            f"In your Log Analytics workspace, under Tables, choose Create, New custom log (Direct Ingest). Name it "
            f"{values['table'].removesuffix('_CL')}, make a new data collection rule named {values['rule_name']}, and "
            "upload this sample.",
            code=as_json([sample]),
            copy_words="Copy sample",
        ),
        Instruction("In the transformation editor paste this.", code=TRANSFORM, copy_words="Copy transformation"),
        Instruction(
            f"Open the rule. From its JSON view copy immutableId, the logsIngestion endpoint, and the name below "
            f"streamDeclarations ({values['stream']})."
        ),
        Instruction(
            f"In the rule's own Access control (IAM), choose Add role assignment: the role {ROLE}, the member "
            f"{values['rule_name']}. On the workspace or the endpoint it has no effect."
        ),
        Instruction("Send a test event. The first rows of a new table may take 15 minutes to show."),
    )
    return Part("console", "Portal", steps)
