resource_exists() {
  [ "$(aws logs describe-log-groups --log-group-name-prefix "$NAME" --query "length(logGroups[?logGroupName=='$NAME'])" --output text)" = 1 ]
}
{% if options.create %}
resource_is_ours() {
  [ "$(aws logs list-tags-log-group --log-group-name "$NAME" --query "tags.\"$TAG_KEY\"" --output text)" = "$TAG_VALUE" ]
}

ensure_resource() {
  if resource_exists; then
    say "The log group $NAME is there."
    return
  fi
  say "The log group $NAME is made; it keeps events for {{ retention_days }} days."
  run aws logs create-log-group --log-group-name "$NAME" --tags "$TAG_KEY=$TAG_VALUE"{% if options.kms_key_arn %} --kms-key-id {{ options.kms_key_arn|shell }}{% endif %}
  run aws logs put-retention-policy --log-group-name "$NAME" --retention-in-days {{ retention_days }}
}

remove_resource() {
  if ! resource_exists; then
    say "There is no log group $NAME."
  elif ! resource_is_ours; then
    say "The log group $NAME stays: this script did not make it."
  else
    confirm "The log group $NAME and the events in it will be removed."
    run aws logs delete-log-group --log-group-name "$NAME"
  fi
}
{% endif %}
