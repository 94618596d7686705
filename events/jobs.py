"""Jobs of the queue `route`: publishing what the audit trail recorded."""

from common import wake
from events.audit import publish_audit_entries


def publish_audit_job(key: str) -> None:
    wake.clear("events.jobs.publish_audit_job", key)
    publish_audit_entries()
