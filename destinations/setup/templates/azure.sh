#!/usr/bin/env bash
# Lets Event Subscriptions write to the table {{ table }} of a Log Analytics workspace.
#
#   --resource-group GROUP   where the workspace is, and the rule will be
#   --workspace WORKSPACE    the workspace's name
#   --dry-run                show what would be done, and change nothing
#   --new-secret             make another client secret, though the app has one; the old ones stay valid
#   --uninstall              remove the rule, the app and its role; the table and its rows stay
#
# It may be run again at any time: what is there already is brought up to date. It needs the Azure CLI, signed in
# (az login) to the cloud {{ cloud }}. It ends with the values for the form.
set -euo pipefail

TABLE={{ table|shell }}
STREAM={{ stream|shell }}
RULE_NAME={{ rule_name|shell }}
APP_NAME=$RULE_NAME
ROLE={{ role|shell }}
CLOUD={{ cloud|shell }}
# What this script made bears this tag, or the rule's name; it never changes or removes anything else.
TAG_KEY=made-by
TAG_VALUE=event-subscriptions

DRY_RUN=no
NEW_SECRET=no
UNINSTALL=no
GROUP=""
WORKSPACE=""

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Runs what changes something and prints its answer; with --dry-run it is only shown.
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf 'would run:' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
  else
    "$@"
  fi
}

table_body() {
  cat <<'JSON'
{{ table_body|as_json }}
JSON
}

# Prints the body of the rule; $1 is the workspace's ID, $2 its Region.
rule_body() {
  cat <<JSON
{
  "location": "$2",
  "kind": "Direct",
  "tags": {"$TAG_KEY": "$TAG_VALUE"},
  "properties": {
    "streamDeclarations": {"$STREAM": {"columns": {{ columns|as_json:6 }}}},
    "destinations": {"logAnalytics": [{"workspaceResourceId": "$1", "name": "workspace"}]},
    "dataFlows": [{
      "streams": ["$STREAM"],
      "destinations": ["workspace"],
      "transformKql": {{ transform|as_json }},
      "outputStream": "Custom-$TABLE"
    }]
  }
}
JSON
}

check_prerequisites() {
  command -v az >/dev/null || die "The Azure CLI is missing. Install it, or run this in Cloud Shell."
  [ -n "$GROUP" ] && [ -n "$WORKSPACE" ] || die "Give --resource-group and --workspace."
  TENANT_ID=$(az account show --query tenantId --output tsv) || die "The Azure CLI is not signed in: az login."
  SUBSCRIPTION=$(az account show --query id --output tsv)
  found=$(az cloud show --query name --output tsv)
  [ "$found" = "$CLOUD" ] || die "The Azure CLI is set to $found; this set-up is for $CLOUD: az cloud set --name $CLOUD."
  MANAGER=$(az cloud show --query endpoints.resourceManager --output tsv)
  MANAGER=${MANAGER%/}
}

# Prints a value of the rule; $1 is where it stands. Fails when there is no rule.
rule_value() { az rest --method get --url "$RULE_URL" --query "$1" --output tsv 2>/dev/null; }

rule_exists() { rule_value id >/dev/null; }

rule_is_ours() { [ "$(rule_value "tags.\"$TAG_KEY\"")" = "$TAG_VALUE" ]; }

# --display-name also finds names that only begin with it.
client_id() { az ad app list --display-name "$APP_NAME" --query "[?displayName=='$APP_NAME'].appId | [0]" --output tsv; }

# Prints a value of the workspace; $1 is where it stands.
workspace_value() {
  az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE" --query "$1" --output tsv
}

ensure_rule() {
  workspace_id=$(workspace_value id) || die "There is no workspace $WORKSPACE in $GROUP."
  region=$(workspace_value location)
  if rule_exists && ! rule_is_ours; then
    die "The rule $RULE_NAME is there already, and this script did not make it. Choose another stream name in the form."
  fi
  say "The table $TABLE."
  run az rest --method put --url "$MANAGER$workspace_id/tables/$TABLE?api-version={{ table_api_version }}" --body "$(table_body)" >/dev/null
  say "The data collection rule $RULE_NAME."
  run az rest --method put --url "$RULE_URL" --body "$(rule_body "$workspace_id" "$region")" >/dev/null
}

# The app, its principal in this tenant, and the role.
ensure_app() {
  app=$(client_id)
  if [ -z "$app" ]; then
    say "The app $APP_NAME is made."
    run az ad app create --display-name "$APP_NAME" >/dev/null
    app=$(client_id)
  fi
  say "The role $ROLE on the rule; it takes up to 30 minutes to count."
  if [ "$DRY_RUN" = yes ]; then return; fi
  principal=$(az ad sp show --id "$app" --query id --output tsv 2>/dev/null) ||
    principal=$(az ad sp create --id "$app" --query id --output tsv)
  az role assignment create --role "$ROLE" --assignee-object-id "$principal" \
    --assignee-principal-type ServicePrincipal --scope "$RULE_ID" >/dev/null
}

# Prints the app's new secret, or what to do when it has one, which nobody can see again.
secret_value() {
  count=$(az ad app credential list --id "$app" --query "length(@)" --output tsv)
  if [ "$count" = 0 ] || [ "$NEW_SECRET" = yes ]; then
    az ad app credential reset --id "$app" --append --display-name "$APP_NAME" --query password --output tsv
  else
    printf 'as it was made before; --new-secret makes another\n'
  fi
}

secret_ends() {
  az ad app credential list --id "$app" --query "max_by(@, &endDateTime).endDateTime" --output tsv | cut -c 1-10
}

install() {
  ensure_rule
  ensure_app
  if [ "$DRY_RUN" = yes ]; then
    say "would make a client secret for the app, unless it has one"
    return
  fi
  printf 'Tenant ID             %s\n' "$TENANT_ID"
  printf 'Client ID             %s\n' "$app"
  printf 'Client secret         %s\n' "$(secret_value)"
  printf 'Last day              %s\n' "$(secret_ends)"
  printf 'Logs ingestion URI    %s\n' "$(rule_value properties.endpoints.logsIngestion)"
  printf 'Data collection rule  %s\n' "$(rule_value properties.immutableId)"
  printf 'Stream name           %s\n' "$STREAM"
}

uninstall() {
  app=$(client_id)
  if ! rule_exists; then
    say "There is no rule $RULE_NAME."
  elif ! rule_is_ours; then
    die "The rule $RULE_NAME stays, and the app too: this script did not make it."
  else
    if [ -n "$app" ]; then
      run az role assignment delete --assignee "$app" --role "$ROLE" --scope "$RULE_ID"
    fi
    say "The data collection rule $RULE_NAME is removed."
    run az rest --method delete --url "$RULE_URL"
  fi
  if [ -n "$app" ]; then
    say "The app $APP_NAME is removed, and its secrets with it."
    run az ad app delete --id "$app"
  fi
  say "The table $TABLE and its rows stay."
}

while [ $# -gt 0 ]; do
  case $1 in
    --resource-group)
      GROUP=${2:-}
      shift
      ;;
    --workspace)
      WORKSPACE=${2:-}
      shift
      ;;
    --dry-run) DRY_RUN=yes ;;
    --new-secret) NEW_SECRET=yes ;;
    --uninstall) UNINSTALL=yes ;;
    --help | -h)
      sed -n '2,11s/^# \{0,1\}//p' "$0"
      exit
      ;;
    *) die "There is no option $1; --help lists them." ;;
  esac
  shift
done

check_prerequisites
RULE_ID="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP/providers/Microsoft.Insights/dataCollectionRules/$RULE_NAME"
RULE_URL="$MANAGER$RULE_ID?api-version={{ api_version }}"
if [ "$UNINSTALL" = yes ]; then uninstall; else install; fi
