#!/usr/bin/env bash
# Lets Event Subscriptions write to the table {{ table }} of a Log Analytics workspace.
#
#   --resource-group GROUP   where the workspace is, and the rule will be
#   --workspace WORKSPACE    the workspace's name
#   --dry-run                show what would be done, and change nothing
#   --uninstall              remove the rule, the app and its role; the table and its rows stay
#
# It may be run again at any time; each run makes a new client secret, and the old ones stay valid until you delete
# them. It needs the Azure CLI, signed in (az login) to the cloud {{ cloud }}. It ends with the values for the form.
set -euo pipefail

TABLE={{ table|shell }}
STREAM={{ stream|shell }}
RULE_NAME={{ rule_name|shell }}
APP_NAME={{ app_name|shell }}
ROLE={{ role|shell }}
CLOUD={{ cloud|shell }}

DRY_RUN=no
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

client_id() { az ad app list --display-name "$APP_NAME" --query "[0].appId" --output tsv; }

install() {
  az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE" >/dev/null ||
    die "There is no workspace $WORKSPACE in $GROUP."
  workspace_id=$(az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE" --query id --output tsv)
  region=$(az monitor log-analytics workspace show --resource-group "$GROUP" --workspace-name "$WORKSPACE" --query location --output tsv)

  say "The table $TABLE."
  run az rest --method put --url "$MANAGER$workspace_id/tables/$TABLE?api-version={{ table_api_version }}" --body "$(table_body)" >/dev/null
  say "The data collection rule $RULE_NAME."
  run az rest --method put --url "$MANAGER$RULE_ID?api-version={{ api_version }}" --body "$(rule_body "$workspace_id" "$region")" >/dev/null

  app=$(client_id)
  if [ -z "$app" ]; then
    say "The app $APP_NAME is made."
    run az ad app create --display-name "$APP_NAME" >/dev/null
    app=$(client_id)
  fi
  if [ "$DRY_RUN" = yes ]; then
    say "would give the app the role $ROLE on the rule, and make a client secret for it"
    return
  fi
  az ad sp show --id "$app" >/dev/null 2>&1 || az ad sp create --id "$app" >/dev/null
  principal=$(az ad sp show --id "$app" --query id --output tsv)
  say "The role $ROLE on the rule; it takes up to 30 minutes to count."
  az role assignment create --role "$ROLE" --assignee-object-id "$principal" \
    --assignee-principal-type ServicePrincipal --scope "$RULE_ID" >/dev/null
  secret=$(az ad app credential reset --id "$app" --append --display-name "$APP_NAME" --query password --output tsv)
  rule_value() { az rest --method get --url "$MANAGER$RULE_ID?api-version={{ api_version }}" --query "$1" --output tsv; }
  printf 'Tenant ID             %s\n' "$TENANT_ID"
  printf 'Client ID             %s\n' "$app"
  printf 'Client secret         %s\n' "$secret"
  printf 'Logs ingestion URI    %s\n' "$(rule_value properties.endpoints.logsIngestion)"
  printf 'Data collection rule  %s\n' "$(rule_value properties.immutableId)"
  printf 'Stream name           %s\n' "$STREAM"
}

uninstall() {
  app=$(client_id)
  if [ -n "$app" ]; then
    say "The app $APP_NAME is removed, and its role and secrets with it."
    run az ad app delete --id "$app"
  fi
  say "The data collection rule $RULE_NAME is removed."
  run az rest --method delete --url "$MANAGER$RULE_ID?api-version={{ api_version }}"
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
    --uninstall) UNINSTALL=yes ;;
    --help | -h)
      sed -n '2,10s/^# \{0,1\}//p' "$0"
      exit
      ;;
    *) die "There is no option $1; --help lists them." ;;
  esac
  shift
done

check_prerequisites
RULE_ID="/subscriptions/$SUBSCRIPTION/resourceGroups/$GROUP/providers/Microsoft.Insights/dataCollectionRules/$RULE_NAME"
if [ "$UNINSTALL" = yes ]; then uninstall; else install; fi
