resource "aws_s3_bucket" "events" {
  bucket = {{ facts.bucket|hcl }}
}

resource "aws_s3_bucket_public_access_block" "events" {
  bucket                  = aws_s3_bucket.events.id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_iam_role" "event_delivery" {
  name = {{ facts.delivery_role_name|hcl }}

  assume_role_policy = <<-JSON
    {{ delivery_trust|as_json:4 }}
  JSON
}

resource "aws_iam_role_policy" "event_delivery" {
  name = {{ policy_name|hcl }}
  role = aws_iam_role.event_delivery.id

  policy = <<-JSON
    {{ delivery_permissions|as_json:4 }}
  JSON
}

resource "aws_kinesis_firehose_delivery_stream" "events" {
  name        = {{ facts.name|hcl }}
  destination = "extended_s3"

  extended_s3_configuration {
    role_arn            = aws_iam_role.event_delivery.arn
    bucket_arn          = aws_s3_bucket.events.arn
    prefix              = {{ s3.Prefix|hcl }}
    error_output_prefix = {{ s3.ErrorOutputPrefix|hcl }}
    buffering_interval  = {{ s3.BufferingHints.IntervalInSeconds }}
    buffering_size      = {{ s3.BufferingHints.SizeInMBs }}
    compression_format  = {{ s3.CompressionFormat|hcl }}
{% if options.kms_key_arn %}    kms_key_arn         = {{ options.kms_key_arn|hcl }}
{% endif %}{% if options.partition_by_type %}
    dynamic_partitioning_configuration {
      enabled = true
    }

    processing_configuration {
      enabled = true

      processors {
        type = "MetadataExtraction"

        parameters {
          parameter_name  = "MetadataExtractionQuery"
          parameter_value = "{event_type: .event_type}"
        }
        parameters {
          parameter_name  = "JsonParsingEngine"
          parameter_value = "JQ-1.6"
        }
      }
    }
{% endif %}  }

  depends_on = [aws_iam_role_policy.event_delivery]
}
