"""What a run costs: memory and processor time, sampled while it goes on, and the time of its stages."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from syncrun.http.client import Exchange

_EVERY = 0.05  # seconds between two samples


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Memory in bytes, processor use in percent of one core, *stages* in seconds.

    Stages overlap when requests are sent side by side: `requests` is the sum over all of them, `waiting` what
    retries and rate limits took, `mapping` records to staged rows, `comparing` those with the stored ones.
    """

    seconds: float
    memory_average: int
    memory_peak: int
    cpu_average: float
    cpu_peak: float
    requests: int
    bytes: int
    stages: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {**asdict(self), "stages": {name: round(value, 3) for name, value in self.stages.items()}}


class Meter:
    """Measures while its block lasts; *on* also samples the process, in a thread of its own."""

    def __init__(self, clock: Callable[[], float], *, on: bool) -> None:
        self._clock, self._on = clock, on
        self._over = threading.Event()
        self._guard = threading.Lock()
        self._thread = threading.Thread(target=self._sample, name="diagnostics", daemon=True)
        self._memory: list[int] = []
        self._cpu: list[float] = []
        self._started = self._ended = 0.0
        self.requests = self.bytes = 0
        self.stages = dict.fromkeys(("requests", "waiting", "mapping", "comparing"), 0.0)

    def __enter__(self) -> Self:
        self._started = self._clock()
        if self._on:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = self._clock()
        if self._on:
            self._over.set()
            self._thread.join()

    def exchange(self, exchange: Exchange) -> None:
        """Take note of one attempt to send."""
        with self._guard:
            self.requests += 1
            self.bytes += exchange.received
            self.stages["requests"] += exchange.elapsed
            self.stages["waiting"] += exchange.wait + exchange.queued

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the time that the block takes to the stage *name*."""
        began = self._clock()
        try:
            yield
        finally:
            self.stages[name] += self._clock() - began

    def diagnostics(self) -> Diagnostics:
        """Return what was measured, when it is over."""
        memory, cpu = self._memory, self._cpu or [0.0]
        return Diagnostics(
            seconds=round(self._ended - self._started, 3),
            memory_average=sum(memory) // len(memory),
            memory_peak=max(memory),
            cpu_average=round(sum(cpu) / len(cpu), 1),
            cpu_peak=max(cpu),
            requests=self.requests,
            bytes=self.bytes,
            stages=self.stages,
        )

    def _sample(self) -> None:
        import psutil

        process = psutil.Process()
        process.cpu_percent()  # the first look has nothing to compare with
        self._memory.append(process.memory_info().rss)
        while not self._over.wait(_EVERY):
            self._memory.append(process.memory_info().rss)
            self._cpu.append(process.cpu_percent())
