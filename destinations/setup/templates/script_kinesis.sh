resource_exists() { aws kinesis describe-stream-summary --stream-name "$NAME" >/dev/null 2>&1; }
{% if options.create %}
resource_is_ours() {
  [ "$(aws kinesis list-tags-for-stream --stream-name "$NAME" --query "Tags[?Key=='$TAG_KEY'].Value" --output text)" = "$TAG_VALUE" ]
}

ensure_resource() {
  if resource_exists; then
    say "The stream $NAME is there."
    return
  fi
  say "The stream $NAME is made, on demand; that takes up to a minute."
  run aws kinesis create-stream --stream-name "$NAME" --stream-mode-details StreamMode=ON_DEMAND
  run aws kinesis wait stream-exists --stream-name "$NAME"
  run aws kinesis add-tags-to-stream --stream-name "$NAME" --tags "$TAG_KEY=$TAG_VALUE"
{% if options.kms_key_arn %}  run aws kinesis start-stream-encryption --stream-name "$NAME" --encryption-type KMS --key-id {{ options.kms_key_arn|shell }}
{% endif %}}

remove_resource() {
  if ! resource_exists; then
    say "There is no stream $NAME."
  elif ! resource_is_ours; then
    say "The stream $NAME stays: this script did not make it."
  else
    confirm "The stream $NAME and the records in it will be removed."
    run aws kinesis delete-stream --stream-name "$NAME" --enforce-consumer-deletion
    run aws kinesis wait stream-not-exists --stream-name "$NAME"
  fi
}
{% endif %}
