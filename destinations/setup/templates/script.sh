#!/usr/bin/env bash
# Lets Event Subscriptions write to {{ facts.thing }} in {{ facts.arn.region }}, account {{ facts.arn.account }}.
#
#   --dry-run     show what would be done, and change nothing
#   --uninstall   remove what this script made, and nothing else
#   --yes         do not ask before data is removed
#
# It may be run again at any time: what is there already is brought up to date. Progress goes to standard error;
# the last line of standard output is the role ARN. It needs the AWS CLI, signed in to the account.
set -euo pipefail

ACCOUNT={{ facts.role.account|shell }}
REGION={{ facts.arn.region|shell }}
NAME={{ facts.name|shell }}
ARN={{ facts.arn|shell }}
ROLE_NAME={{ facts.role_name|shell }}
ROLE_PATH={{ facts.role_path|shell }}
ROLE_ARN={{ facts.role|shell }}
POLICY_NAME={{ policy_name|shell }}
# What this script made bears this tag; it never removes anything else.
TAG_KEY=event-subscriptions
TAG_VALUE={{ facts.external_id|shell }}

trust_policy() {
  cat <<'JSON'
{{ trust|as_json }}
JSON
}

permissions() {
  cat <<'JSON'
{{ permissions|as_json }}
JSON
}

DRY_RUN=no
UNINSTALL=no
YES=no

say() { printf '%s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Runs what changes something; with --dry-run it is only shown.
run() {
  if [ "$DRY_RUN" = yes ]; then
    printf 'would run:' >&2
    printf ' %q' "$@" >&2
    printf '\n' >&2
  else
    "$@" >/dev/null
  fi
}

# A new role takes some seconds until other services may use it.
retry() {
  attempt=1
  until run "$@"; do
    [ "$attempt" -lt 12 ] || die "It did not succeed within a minute; the last answer stands above."
    attempt=$((attempt + 1))
    sleep 5
  done
}

{% include resource_template %}
role_exists() { aws iam get-role --role-name "$1" >/dev/null 2>&1; }

role_is_ours() {
  [ "$(aws iam list-role-tags --role-name "$1" --query "Tags[?Key=='$TAG_KEY'].Value" --output text)" = "$TAG_VALUE" ]
}

# ensure_role NAME PATH TRUST_POLICY PERMISSIONS
ensure_role() {
  if role_exists "$1"; then
    role_is_ours "$1" || die "The role $1 is there already, and this script did not make it. Put the policies on it by hand, or choose another name for the role."
    say "The role $1 is there: its policies are brought up to date."
    run aws iam update-assume-role-policy --role-name "$1" --policy-document "$3"
  else
    say "The role $1 is made."
    run aws iam create-role --role-name "$1" --path "$2" --assume-role-policy-document "$3" \
      --description "Made by the set-up of Event Subscriptions" --tags "Key=$TAG_KEY,Value=$TAG_VALUE"
  fi
  run aws iam put-role-policy --role-name "$1" --policy-name "$POLICY_NAME" --policy-document "$4"
}

remove_role() {
  if ! role_exists "$1"; then
    say "There is no role $1."
  elif ! role_is_ours "$1"; then
    say "The role $1 stays: this script did not make it."
  else
    say "The role $1 is removed."
    if aws iam get-role-policy --role-name "$1" --policy-name "$POLICY_NAME" >/dev/null 2>&1; then
      run aws iam delete-role-policy --role-name "$1" --policy-name "$POLICY_NAME"
    fi
    run aws iam delete-role --role-name "$1"
  fi
}

check_prerequisites() {
  command -v aws >/dev/null || die "The AWS CLI is missing. Install it, or run this in AWS CloudShell."
  export AWS_DEFAULT_REGION="$REGION" AWS_REGION="$REGION" AWS_PAGER=""
  found=$(aws sts get-caller-identity --query Account --output text) || die "The AWS CLI is not signed in."
  [ "$found" = "$ACCOUNT" ] || die "The AWS CLI is signed in to account $found; this set-up is for $ACCOUNT."
}

confirm() {
  if [ "$YES" = yes ] || [ "$DRY_RUN" = yes ]; then return; fi
  [ -t 0 ] || die "$1 Run this again with --yes to agree."
  printf '%s Type yes to go on: ' "$1" >&2
  read -r answer
  [ "$answer" = yes ] || die "Nothing was removed."
}

for option in "$@"; do
  case $option in
    --dry-run) DRY_RUN=yes ;;
    --uninstall) UNINSTALL=yes ;;
    --yes) YES=yes ;;
    --help | -h)
      sed -n '2,9s/^# \{0,1\}//p' "$0"
      exit
      ;;
    *) die "There is no option $option; --help lists them." ;;
  esac
done

check_prerequisites
if [ "$UNINSTALL" = yes ]; then
{% if options.create %}  remove_resource
{% endif %}  remove_role "$ROLE_NAME"
  exit
fi
{% if options.create %}ensure_resource{% elif facts.role.account == facts.arn.account %}resource_exists || die "There is no $NAME in $REGION. Make it first, or take the kit that makes it too."{% endif %}
ensure_role "$ROLE_NAME" "$ROLE_PATH" "$(trust_policy)" "$(permissions)"
say "Done. $ARN can be written to by this role:"
printf '%s\n' "$ROLE_ARN"
