"""The Azure script run against a small Azure on the path: from nothing, again, and away."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from accounts.models import Account
from destinations.setup import kit_for
from destinations.setup.azure import COLUMNS
from destinations.targets import all_targets
from tests.destinations.setup import fake_az

STREAM = "Custom-AcmeEvents_CL"
WHERE = ("--resource-group", fake_az.GROUP, "--workspace", fake_az.WORKSPACE)
RULE_NAME = "event-subscriptions-acmeevents"
RULE = f"{fake_az.GROUP_ID}/providers/Microsoft.Insights/dataCollectionRules/{RULE_NAME}"
TABLE = f"{fake_az.WORKSPACE_ID}/tables/AcmeEvents_CL"

CHANGES = {"put", "delete", "create", "reset"}


class Azure:
    """What the small Azure holds, and the set-up script run in it."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "azure.json"
        fake_az.install(directory / "bin")
        self.script = directory / "set-up-azure.sh"
        kit = kit_for("azure_logs_ingestion", {"data_collection_stream_name": STREAM}, Account())
        self.script.write_text(kit.part("script").text)
        self.environment = {"PATH": f"{directory / 'bin'}:/usr/bin:/bin", "FAKE_AZURE": str(self.file)}

    def run(self, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(self.script), *WHERE, *options],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def set_up(self, *options: str) -> dict[str, str]:
        """Run it to its end; the values that it prints, by label."""
        done = self.run(*options)
        assert done.returncode == 0, done.stderr
        return {line[:22].strip(): line[22:] for line in done.stdout.splitlines()}

    @property
    def state(self) -> dict[str, Any]:
        state: dict[str, Any] = json.loads(self.file.read_text()) if self.file.exists() else dict(fake_az.EMPTY)
        return state

    @property
    def held(self) -> dict[str, Any]:
        return {name: value for name, value in self.state.items() if name != "calls"}

    def change(self, **held: Any) -> None:
        self.file.write_text(json.dumps(self.state | held))


@pytest.fixture
def azure(tmp_path: Path) -> Azure:
    return Azure(tmp_path)


def test_everything_is_made_and_the_printed_values_are_what_the_form_takes(azure: Azure) -> None:
    printed = azure.set_up()

    form = all_targets()["azure_logs_ingestion"].form_class(
        {
            "target-tenant_id": printed["Tenant ID"],
            "target-client_id": printed["Client ID"],
            "target-client_secret": printed["Client secret"],
            "target-logs_ingestion_uri": printed["Logs ingestion URI"],
            "target-data_collection_rule_id": printed["Data collection rule"],
            "target-data_collection_stream_name": printed["Stream name"],
        }
    )
    assert form.is_valid(), form.errors
    assert printed["Last day"] == "2027-11-25"
    held = azure.held
    assert set(held["resources"]) == {TABLE, RULE}
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS]
    assert held["resources"][TABLE]["properties"]["schema"]["columns"] == columns
    assert held["resources"][RULE]["properties"]["streamDeclarations"] == {STREAM: {"columns": columns}}
    assert held["roles"] == [["Monitoring Metrics Publisher", *held["principals"].values(), RULE]]


def test_second_run_changes_nothing_and_another_secret_leaves_the_first(azure: Azure) -> None:
    azure.set_up()
    before = azure.held

    again = azure.set_up()
    assert azure.held == before
    assert "--new-secret" in again["Client secret"]

    other = azure.set_up("--new-secret")
    (app,) = azure.held["apps"].values()
    assert len(app["secrets"]) == 2
    assert (other["Client secret"], other["Last day"]) == ("secret~2", "2028-11-25")


def test_dry_run_only_looks(azure: Azure) -> None:
    shown = azure.run("--dry-run")

    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == ""
    assert azure.held == {name: value for name, value in fake_az.EMPTY.items() if name != "calls"}
    assert not [call for call in azure.state["calls"] if CHANGES & set(call)]
    for words in ("would run: az rest --method put", "would run: az ad app create", "would make a client secret"):
        assert words in shown.stderr

    azure.set_up()
    before = azure.held
    shown = azure.run("--dry-run", "--uninstall")
    assert "would run: az ad app delete" in shown.stderr
    assert azure.held == before


def test_uninstall_leaves_the_table_with_its_rows_and_nothing_else(azure: Azure) -> None:
    azure.set_up()

    for words in ("is removed", "There is no rule"):
        removed = azure.run("--uninstall")
        assert removed.returncode == 0, removed.stderr
        assert words in removed.stderr
        assert azure.held == {
            "apps": {},
            "principals": {},
            "roles": [],
            "resources": {TABLE: azure.held["resources"][TABLE]},
        }


def test_what_the_script_did_not_make_is_left_alone(azure: Azure) -> None:
    theirs = {"apps": {"x": {"appId": "x", "displayName": f"{RULE_NAME}-2", "secrets": []}}}
    azure.change(**theirs, resources={RULE: {"id": RULE, "tags": None}})
    before = azure.held

    for option, words in (("--new-secret", "did not make it"), ("--uninstall", "stays")):
        refused = azure.run(option)
        assert refused.returncode == 1
        assert words in refused.stderr
        assert azure.held == before

    azure.change(resources={})
    azure.set_up()
    assert len(azure.held["apps"]) == 2
    azure.run("--uninstall")
    assert azure.held["apps"] == theirs["apps"]


@pytest.mark.parametrize(
    ("options", "environment", "words"),
    [
        (("--workspace", "missing"), {}, "There is no workspace missing"),
        (("--workspace", ""), {}, "Give --resource-group and --workspace"),
        ((), {"FAKE_CLOUD": "AzureUSGovernment"}, "az cloud set --name AzureCloud"),
        ((), {"PATH": "/nowhere"}, "The Azure CLI is missing"),
        (("--force",), {}, "There is no option --force"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_made(
    azure: Azure, options: tuple[str, ...], environment: dict[str, str], words: str
) -> None:
    if environment.get("PATH"):
        # What the script itself is made of, without az.
        environment = {"PATH": "/usr/bin:/bin"}
    stopped = azure.run(*options, **environment)

    assert stopped.returncode == 1
    assert words in stopped.stderr
    assert not azure.held["resources"]
