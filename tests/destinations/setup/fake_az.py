"""A small Azure for the set-up script: run as `az`, it does what the Azure CLI does for the commands that it knows.

What it holds and the calls that it got lie in the JSON file that FAKE_AZURE names. Anything that the Azure CLI would
not take ends with code 2, as there.
"""

import json
import os
import re
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jmespath  # type: ignore[import-untyped]

SUBSCRIPTION = "aaaaaaaa-0000-4000-8000-000000000001"
TENANT = "bbbbbbbb-0000-4000-8000-000000000002"
GROUP, WORKSPACE = "acme-logs", "acme-workspace"
GROUP_ID = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
WORKSPACE_ID = f"{GROUP_ID}/providers/Microsoft.OperationalInsights/workspaces/{WORKSPACE}"
MANAGER = "https://management.azure.com"
VERSIONS = {"tables": "2022-10-01", "dataCollectionRules": "2023-03-11"}
NOT_FOUND = 3
EMPTY: dict[str, Any] = {"apps": {}, "principals": {}, "roles": [], "resources": {}, "calls": []}

State = dict[str, Any]


class NotFoundError(Exception):
    """ResourceNotFoundError of the Azure CLI."""


def install(directory: Path) -> None:
    """Puts `az` into `directory`."""
    directory.mkdir()
    az = directory / "az"
    az.write_text(f'#!/bin/sh\nexec {sys.executable} {__file__} "$@"\n')
    az.chmod(0o700)


def account_show(state: State, given: Namespace) -> Any:
    return {"id": SUBSCRIPTION, "tenantId": TENANT}


def cloud_show(state: State, given: Namespace) -> Any:
    return {"name": os.environ.get("FAKE_CLOUD", "AzureCloud"), "endpoints": {"resourceManager": f"{MANAGER}/"}}


def workspace_show(state: State, given: Namespace) -> Any:
    if (given.resource_group, given.workspace_name) != (GROUP, WORKSPACE):
        raise NotFoundError
    return {"id": WORKSPACE_ID, "location": "westeurope"}


def rest(state: State, given: Namespace) -> Any:
    address = urlsplit(given.url)
    assert f"{address.scheme}://{address.netloc}" == MANAGER
    kind = address.path.split("/")[-2]
    assert parse_qs(address.query) == {"api-version": [VERSIONS[kind]]}
    resources = state["resources"]
    if given.method == "put":
        resources[address.path] = stored(resources, address.path, json.loads(given.body))
    elif given.method == "delete":
        return resources.pop(address.path, None)
    if address.path not in resources:
        raise NotFoundError
    return resources[address.path]


def stored(resources: dict[str, Any], path: str, body: dict[str, Any]) -> dict[str, Any]:
    """What the resource manager makes of a body, with the checks that it does."""
    *_, kind, name = path.split("/")
    if kind == "tables":
        assert path.startswith(f"{WORKSPACE_ID}/tables/")
        assert body["properties"]["schema"]["name"] == name
        assert name.endswith("_CL")
        return {**body, "id": path}
    rule = body["properties"]
    assert body["kind"] == "Direct"
    (flow,) = rule["dataFlows"]
    assert set(flow["streams"]) == set(rule["streamDeclarations"])
    assert f"{WORKSPACE_ID}/tables/{flow['outputStream'].removeprefix('Custom-')}" in resources
    (workspace,) = rule["destinations"]["logAnalytics"]
    assert (workspace["workspaceResourceId"], workspace["name"]) == (WORKSPACE_ID, *flow["destinations"])
    rule["endpoints"] = {"logsIngestion": f"https://{name}.westeurope-1.ingest.monitor.azure.com"}
    rule["immutableId"] = "dcr-" + "0" * 32
    return {**body, "id": path}


def app_list(state: State, given: Namespace) -> Any:
    return [app for app in state["apps"].values() if app["displayName"].startswith(given.display_name)]


def app_create(state: State, given: Namespace) -> Any:
    client = f"cccccccc-0000-4000-8000-{len(state['apps']):012}"
    state["apps"][client] = {"appId": client, "displayName": given.display_name, "secrets": []}
    return state["apps"][client]


def app_delete(state: State, given: Namespace) -> Any:
    """Its principal goes with it; the role assignments of that principal stay, with an unknown principal."""
    state["apps"].pop(given.id)
    state["principals"].pop(given.id, None)


def secret_list(state: State, given: Namespace) -> Any:
    return state["apps"][given.id]["secrets"]


def secret_reset(state: State, given: Namespace) -> Any:
    assert given.append, "The secrets that are in use would go."
    secrets = state["apps"][given.id]["secrets"]
    secrets.append({"displayName": given.display_name, "endDateTime": f"{2027 + len(secrets)}-11-25T08:00:00Z"})
    return {"appId": given.id, "password": f"secret~{len(secrets)}", "tenant": TENANT}


def principal_show(state: State, given: Namespace) -> Any:
    if given.id not in state["principals"]:
        raise NotFoundError
    return {"id": state["principals"][given.id]}


def principal_create(state: State, given: Namespace) -> Any:
    assert given.id in state["apps"]
    state["principals"][given.id] = given.id.replace("cccccccc", "dddddddd")
    return {"id": state["principals"][given.id]}


def role_create(state: State, given: Namespace) -> Any:
    assert given.assignee_principal_type == "ServicePrincipal"
    assert given.assignee_object_id in state["principals"].values()
    assert given.scope in state["resources"]
    role = [given.role, given.assignee_object_id, given.scope]
    if role not in state["roles"]:
        state["roles"].append(role)
    return {}


def role_delete(state: State, given: Namespace) -> Any:
    state["roles"].remove([given.role, state["principals"][given.assignee], given.scope])


COMMANDS: dict[str, tuple[Callable[[State, Namespace], Any], tuple[str, ...]]] = {
    "account show": (account_show, ()),
    "cloud show": (cloud_show, ()),
    "monitor log-analytics workspace show": (workspace_show, ("--resource-group", "--workspace-name")),
    "rest": (rest, ("--method", "--url", "--body?")),
    "ad app list": (app_list, ("--display-name",)),
    "ad app create": (app_create, ("--display-name",)),
    "ad app delete": (app_delete, ("--id",)),
    "ad app credential list": (secret_list, ("--id",)),
    "ad app credential reset": (secret_reset, ("--id", "--display-name", "--append!")),
    "ad sp show": (principal_show, ("--id",)),
    "ad sp create": (principal_create, ("--id",)),
    "role assignment create": (
        role_create,
        ("--role", "--assignee-object-id", "--assignee-principal-type", "--scope"),
    ),
    "role assignment delete": (role_delete, ("--assignee", "--role", "--scope")),
}


def parsed(words: list[str], options: tuple[str, ...]) -> Namespace:
    parser = ArgumentParser(allow_abbrev=False)
    for option in options:
        name = option.rstrip("?!")
        if option.endswith("!"):
            parser.add_argument(name, action="store_true")
        else:
            parser.add_argument(name, required=not option.endswith("?"))
    parser.add_argument("--query")
    parser.add_argument("--output", choices=["tsv", "json"], default="json")
    return parser.parse_args(words)


def printed(value: Any, given: Namespace) -> str:
    found = jmespath.search(given.query, value) if given.query else value
    if given.output == "json":
        return json.dumps(found)
    assert not isinstance(found, dict | list), "One value a line is all that the script reads."
    return "" if found is None else str(found)


def main(words: list[str]) -> int:
    path = Path(os.environ["FAKE_AZURE"])
    state: State = json.loads(path.read_text()) if path.exists() else EMPTY
    command = re.split(r" -", " ".join(words), maxsplit=1)[0]
    run, options = COMMANDS[command]
    given = parsed(words[len(command.split()) :], options)
    state["calls"].append(words)
    try:
        answer = run(state, given)
    except NotFoundError:
        print("ERROR: (ResourceNotFound) It was not found.", file=sys.stderr)  # noqa: T201
        return NOT_FOUND
    finally:
        path.write_text(json.dumps(state))
    print(printed(answer, given))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
