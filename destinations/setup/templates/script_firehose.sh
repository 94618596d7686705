resource_exists() { aws firehose describe-delivery-stream --delivery-stream-name "$NAME" >/dev/null 2>&1; }
{% if options.create %}
BUCKET={{ facts.bucket|shell }}
DELIVERY_ROLE_NAME={{ facts.delivery_role_name|shell }}

delivery_trust_policy() {
  cat <<'JSON'
{{ delivery_trust|as_json }}
JSON
}

delivery_permissions() {
  cat <<'JSON'
{{ delivery_permissions|as_json }}
JSON
}

s3_destination() {
  cat <<'JSON'
{{ s3|as_json }}
JSON
}

resource_is_ours() {
  [ "$(aws firehose list-tags-for-delivery-stream --delivery-stream-name "$NAME" --query "Tags[?Key=='$TAG_KEY'].Value" --output text)" = "$TAG_VALUE" ]
}

bucket_exists() { aws s3api head-bucket --bucket "$BUCKET" >/dev/null 2>&1; }

bucket_is_ours() {
  [ "$(aws s3api get-bucket-tagging --bucket "$BUCKET" --query "TagSet[?Key=='$TAG_KEY'].Value" --output text 2>/dev/null)" = "$TAG_VALUE" ]
}

ensure_bucket() {
  if bucket_exists; then
    say "The bucket $BUCKET is there."
    return
  fi
  say "The bucket $BUCKET is made, closed to the public."
  run aws s3api create-bucket --bucket "$BUCKET"{% if facts.arn.region != "us-east-1" %} --create-bucket-configuration "LocationConstraint=$REGION"{% endif %}
  run aws s3api put-public-access-block --bucket "$BUCKET" --public-access-block-configuration \
    BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true
  run aws s3api put-bucket-tagging --bucket "$BUCKET" --tagging "TagSet=[{Key=$TAG_KEY,Value=$TAG_VALUE}]"
}

wait_until_active() {
  [ "$DRY_RUN" = no ] || return 0
  for _ in $(seq 60); do
    state=$(aws firehose describe-delivery-stream --delivery-stream-name "$NAME" --query DeliveryStreamDescription.DeliveryStreamStatus --output text)
    case $state in
      ACTIVE) return ;;
      CREATING) sleep 3 ;;
      *) die "The delivery stream $NAME is $state." ;;
    esac
  done
  die "The delivery stream $NAME is still being made. Run this again in some minutes."
}

ensure_resource() {
  ensure_bucket
  ensure_role "$DELIVERY_ROLE_NAME" / "$(delivery_trust_policy)" "$(delivery_permissions)"
  if resource_exists; then
    say "The delivery stream $NAME is there."
  else
    say "The delivery stream $NAME is made."
    retry aws firehose create-delivery-stream --delivery-stream-name "$NAME" --delivery-stream-type DirectPut \
      --extended-s3-destination-configuration "$(s3_destination)" --tags "Key=$TAG_KEY,Value=$TAG_VALUE"
  fi
  wait_until_active
}

remove_bucket() {
  if ! bucket_exists; then
    say "There is no bucket $BUCKET."
  elif ! bucket_is_ours; then
    say "The bucket $BUCKET stays: this script did not make it."
  else
    confirm "The bucket $BUCKET and all objects in it will be removed."
    run aws s3 rm "s3://$BUCKET" --recursive
    run aws s3api delete-bucket --bucket "$BUCKET"
  fi
}

remove_resource() {
  if ! resource_exists; then
    say "There is no delivery stream $NAME."
  elif ! resource_is_ours; then
    say "The delivery stream $NAME stays: this script did not make it."
  else
    say "The delivery stream $NAME is removed."
    run aws firehose delete-delivery-stream --delivery-stream-name "$NAME" --allow-force-delete
  fi
  remove_role "$DELIVERY_ROLE_NAME"
  remove_bucket
}
{% endif %}
