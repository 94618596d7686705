"""The doctor's checks: a target's own test steps, with name and TLS before them, and what follows the record after."""

from destinations.doctor.network import check_addresses
from destinations.records import Record
from destinations.targets import Step, StepResult, Target

# An event has at most this many bytes when it is accepted.
LARGEST_EVENT = 256 * 1024


def checks_of(target: Target, record: Record, *, writes: bool = True) -> list[Step]:
    """All checks in order; without those that leave something at the target unless `writes`."""
    configuration, *others = target.test_steps(record)
    steps = [configuration, Step("Name and TLS", lambda: check_addresses(target.addresses())), *others]
    if type(target).read_back is not Target.read_back:
        steps.append(Step("Read it back", lambda: _read_back(target, record), writes=True))
    steps.append(Step("Limits", lambda: limits_of(target)))
    return [step for step in steps if writes or not step.writes]


def _read_back(target: Target, record: Record) -> StepResult:
    found = target.read_back(record)
    return found or StepResult(f"{target.label} leads on to a place that we don't know.")


def limits_of(target: Target) -> StepResult:
    """What applies to every request, and what happens to records beyond it."""
    limits = target.limits
    words = f"up to {limits.max_records:,} records and {limits.max_bytes:,} B a request"
    if target.oldest is not None:
        age = _age(target.oldest.total_seconds())
        words += f"; records older than {age} get the time of sending, or are refused if you chose that"
    if limits.max_record_bytes < LARGEST_EVENT:
        words += f"; records over {limits.max_record_bytes:,} B become dead letters"
    return StepResult(words)


def _age(seconds: float) -> str:
    hours = round(seconds / 3600)
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"  # noqa: PLR2004
