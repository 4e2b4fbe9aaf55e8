"""Several runs in one command: side by side, parents before children, each report told when it is there."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import FrameType

from syncrun.engine.ahead import Ahead
from syncrun.engine.job import Job, Options, Runtime
from syncrun.engine.report import RunReport
from syncrun.engine.run import run_sync
from syncrun.engine.together import MOST, Together
from syncrun.stores.values.ids import SyncId

_POLL_SECONDS = 0.2
_MANY = 8  # runs that commit together though they run one after the other
_COLLECT_AFTER = 200_000  # more objects than a page of records has


def run_all(
    jobs: Sequence[Job],
    options: Options,
    runtime: Runtime,
    *,
    workers: int = 1,
    on_report: Callable[[RunReport], None] = lambda _report: None,
) -> list[RunReport]:
    """Run *jobs*, at most *workers* at a time, and return their reports.

    Runs happen in threads, so that the caller's thread stays free for signals: `runtime.stop` ends them
    early, and so does ^C, however often: KeyboardInterrupt is raised when they are over and nothing of them
    holds the database any more. Jobs that were not begun by then have no report. Should a run raise, which is
    a defect, the others go on, and the first such exception is raised when all are over.

    While runs wait for their commits others have their places, unless a few run one after the other.
    """
    together, waits = Together(workers), workers > 1 or len(jobs) >= _MANY
    shared = runtime.shared(together if waits else None, Ahead(jobs, runtime.locks_folder))

    def run(turn: int, job: Job) -> RunReport | None:
        with together.place(turn):
            if runtime.stop.is_set():
                return None
            report = run_sync(job, options, shared)
            on_report(report)
            return report

    done: list[Future[RunReport | None]] = []
    threads = workers + MOST if waits else workers
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="run")
    with _interruptible(runtime.stop), _rare_collections(), _shared_connections(jobs), pool:
        for generation in generations(jobs):
            futures = [pool.submit(run, len(done) + n, job) for n, job in enumerate(generation)]
            done += futures
            _await(futures, runtime.stop)
    return [report for report in (future.result() for future in done) if report is not None]


@contextmanager
def _interruptible(stop: threading.Event) -> Iterator[None]:
    """Let ^C *stop* runs while the block goes on, and raise KeyboardInterrupt after it.

    From Python: commands turn signals into events of their own.
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    asked = threading.Event()

    def note(_number: int, _frame: FrameType | None) -> None:
        asked.set()
        stop.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if asked.is_set():
        raise KeyboardInterrupt


def _await(futures: Sequence[Future[RunReport | None]], stop: threading.Event) -> None:
    """Wait until all *futures* are done, also when somebody's handler of signals raises meanwhile."""
    pending, interrupt = set(futures), None
    while pending:
        try:
            # a timeout keeps the main thread able to receive signals on every platform
            _, pending = wait(pending, timeout=_POLL_SECONDS)
        except KeyboardInterrupt as raised:
            interrupt = raised
            stop.set()
    if interrupt is not None:
        raise interrupt


def _shared_connections(jobs: Sequence[Job]) -> AbstractContextManager[None]:
    """Let several *jobs* share connections to servers; a single one imports what it takes when it sends."""
    if len(jobs) == 1:
        return nullcontext()
    from syncrun.http.connections import kept_open

    return kept_open()


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Let Python look for cycles rarely: records hold none, and there are millions of them."""
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def generations(jobs: Sequence[Job]) -> list[list[Job]]:
    """Return *jobs* in groups that may run side by side: those without parents, then their children."""
    by_id = {job.id: job for job in jobs}
    depths: dict[SyncId, int] = {}

    def depth(identity: SyncId) -> int:
        if identity not in depths:
            parents = [parent for parent in by_id[identity].parents if parent in by_id]
            depths[identity] = 1 + max(map(depth, parents), default=-1)
        return depths[identity]

    groups: list[list[Job]] = [[] for _ in range(1 + max((depth(job.id) for job in jobs), default=-1))]
    for job in jobs:
        groups[depths[job.id]].append(job)
    return groups
