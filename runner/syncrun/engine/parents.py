"""The partitions that records are stored under, and what the store knows of the parents that made them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from syncrun.engine.context import context_of
from syncrun.engine.job import Job, Runtime
from syncrun.engine.leaving import Leaving, leaving


def stored_partitions(job: Job, runtime: Runtime) -> frozenset[str] | None:
    """Return the partitions that live records of *job* belong to; None for a sync without partitions."""
    if not job.sync.sources:
        return None
    return runtime.store.partitions(job.id.connector, job.model_name, job.id.connection)


def live_parents(job: Job, runtime: Runtime, name: str) -> Iterator[dict[str, Any]]:
    """Return the live records of the sync *name*, which partitions are made from."""
    return runtime.store.live(job.id.connector, _model(job, name), job.id.connection)


def left_of(
    job: Job, runtime: Runtime, vanished: frozenset[str], variables: Mapping[str, Any] | None
) -> Leaving:
    """Return what became of the parents of partitions that are no longer enumerated."""

    def parents(name: str) -> Iterator[dict[str, Any]]:
        return live_parents(job, runtime, name)

    def deleted(name: str) -> frozenset[str]:
        return runtime.store.deleted(job.id.connector, _model(job, name), job.id.connection)

    context = {**context_of(job, runtime), "vars": variables or {}}
    return leaving(job.sync.sources, vanished, parents=parents, deleted=deleted, context=context)


def _model(job: Job, name: str) -> str:
    return job.connector.syncs[name].model or name
