"""The workloads: what the API has, what was read before, what is measured, and how many records come of it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks import records


@dataclass(frozen=True)
class Workload:
    """One job. *prepared* is the mode that is run, unmeasured, on the base state before; empty: nothing.

    *scale* multiplies the number of records; *fixed* is that number where the workload has its own.
    """

    name: str
    title: str
    mode: str = "full"
    prepared: str = ""
    state: records.State = "base"
    scale: int = 1
    fixed: int | None = None
    latency: float = 0.0
    connections: int = 0

    def available(self, count: int) -> int:
        """Return how many records the API has when *count* are asked for."""
        return self.fixed if self.fixed is not None else count * self.scale

    def live(self, count: int) -> int:
        """Return how many records are live afterwards."""
        if self.mode == "members":
            return records.GROUPS * records.SMALL
        if self.mode == "small":
            return self.connections * records.SMALL
        return self.available(count)

    def read(self, count: int) -> int:
        """Return how many records the API answers with."""
        if self.mode == "changes" and self.prepared:
            return self.available(count) // 100
        return self.live(count) * (5 if self.mode == "small" else 1)


WORKLOADS = (
    Workload("W1", "first full read"),
    Workload("W2", "second full read: 1 % changed, 0.5 % deleted, 0.5 % added", prepared="full", state="changed"),
    Workload("W3", "incremental: 1 % of ten times as many changed", mode="changes", prepared="changes", state="changed", scale=10),
    Workload("W4", "100,000 records at 50 ms a page, by offset with a total", latency=0.05, fixed=100_000),
    Workload("W4c", "100,000 records at 50 ms a page, by cursor", mode="cursor", latency=0.05, fixed=100_000),
    Workload("W5", "500 parents, a page each at 20 ms", mode="members", latency=0.02),
    Workload("W6", "second full read: nothing changed", prepared="full"),
    Workload("W7", "first full read of ten times as many", scale=10),
    Workload("W8", "200 connections of 5 small syncs", mode="small", connections=200),
    Workload("W9", "--help", mode="help"),
    Workload("W10", "incremental: nothing changed", mode="changes", prepared="changes"),
)  # fmt: skip
