"""Several runs in one command: side by side, each report told as soon as it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait

from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import RunReport
from syncrun.engine.run import run_sync

_POLL_SECONDS = 0.2


def run_all(
    jobs: Sequence[Job],
    options: Options,
    runtime: Runtime,
    *,
    workers: int = 1,
    on_report: Callable[[RunReport], None] = lambda _report: None,
) -> list[RunReport]:
    """Run *jobs*, at most *workers* at a time, and return their reports in the order of *jobs*.

    Runs happen in threads, so that the caller's thread stays free for signals: `runtime.stop` ends them early.
    Jobs that were not begun by then have no report.
    """

    def run(job: Job) -> RunReport | None:
        if runtime.stop.is_set():
            return None
        report = run_sync(job, options, runtime)
        on_report(report)
        return report

    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="run") as pool:
        futures: list[Future[RunReport | None]] = [pool.submit(run, job) for job in jobs]
        pending = set(futures)
        while pending:
            # a timeout keeps the main thread able to receive signals on every platform
            _, pending = wait(pending, timeout=_POLL_SECONDS)
        results = [future.result() for future in futures]
    return [report for report in results if report is not None]
