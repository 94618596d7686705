"""Jobs of the queue `interactive`: test events."""

from common import wake
from destinations.testing import run_test


def test_run_job(run_id: str) -> None:
    wake.clear("destinations.jobs.test_run_job", run_id)
    run_test(int(run_id))
