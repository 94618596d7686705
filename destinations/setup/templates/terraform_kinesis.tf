resource "aws_kinesis_stream" "events" {
  name = {{ facts.name|hcl }}
{% if options.kms_key_arn %}
  encryption_type = "KMS"
  kms_key_id      = {{ options.kms_key_arn|hcl }}
{% endif %}
  stream_mode_details {
    stream_mode = "ON_DEMAND"
  }
}
