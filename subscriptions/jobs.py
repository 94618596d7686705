"""Jobs of the queue `interactive`: backtests."""

from common import wake
from subscriptions.backtest import run_backtest


def backtest_job(backtest_id: str) -> None:
    wake.clear("subscriptions.jobs.backtest_job", backtest_id)
    run_backtest(backtest_id)
