resource "aws_cloudwatch_log_group" "events" {
  name              = {{ facts.name|hcl }}
  retention_in_days = {{ retention_days }}
{% if options.kms_key_arn %}  kms_key_id        = {{ options.kms_key_arn|hcl }}
{% endif %}}
