"""When a run has to end before it has read everything: somebody asks for it, or its time is over."""

from __future__ import annotations

from syncrun.engine.job import Runtime
from syncrun.errors import Interrupted, RunError


class Deadline:
    """The end of a run's time, *timeout* seconds from now (None: there is none)."""

    def __init__(self, runtime: Runtime, timeout: float | None) -> None:
        self._runtime, self._timeout = runtime, timeout
        self._end = None if timeout is None else runtime.clock() + timeout

    def check(self) -> None:
        """Raise Interrupted when a stop is asked for, RunError when the time is over."""
        if self._runtime.stop.is_set():
            raise Interrupted("stopped on request; progress is saved")
        if self._end is not None and self._runtime.clock() >= self._end:
            hint = "the next run goes on where this one ended"
            raise RunError(f"timed out after {self._timeout:g} s", hint=hint)
