# Lets Event Subscriptions write to {{ facts.thing }} in {{ facts.arn.region }}, account {{ facts.arn.account }}.
# It needs version 5 of the AWS provider, or a later one.
{% if options.create %}{% include terraform_template %}
{% endif %}resource "aws_iam_role" "event_subscriptions" {
  name        = {{ facts.role_name|hcl }}
  path        = {{ facts.role_path|hcl }}
  description = "Made by the set-up of Event Subscriptions"

  assume_role_policy = <<-JSON
    {{ trust|as_json:4 }}
  JSON

  tags = {
    event-subscriptions = {{ facts.external_id|hcl }}
  }
}

resource "aws_iam_role_policy" "event_subscriptions" {
  name = {{ policy_name|hcl }}
  role = aws_iam_role.event_subscriptions.id

  policy = <<-JSON
    {{ permissions|as_json:4 }}
  JSON
}

output "event_subscriptions_role_arn" {
  description = "Copy this into the destination's form"
  value       = aws_iam_role.event_subscriptions.arn
}
