"""What a run reads: its mode, and the partitions that it enumerates."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice, product
from typing import Any, Literal

from msgspec import Struct, field

from syncrun.config.partitions import PartitionSource
from syncrun.config.sync import Deletes, SnapshotInterval, Sync
from syncrun.engine.checkpoints import Progress
from syncrun.errors import RunError
from syncrun.excerpts import excerpt
from syncrun.expressions.compile import compile_expression, is_true
from syncrun.expressions.durations import parse_duration
from syncrun.expressions.template import render

_PRESENT = re.compile(r"\$\{[^}]*\bnow\b")

Mode = Literal["full", "incremental"]
Parents = Callable[[str], Iterator[dict[str, Any]]]
"""From a sync's name to its live records: fields by name, plus `_id` and `_seq`."""


class Partition(Struct, frozen=True):
    """One slice of a sync with a checkpoint of its own; *roots* join the template context.

    *seq* is the change-feed position of the parents it was made from, *listed* tells that a configured value
    made it.
    """

    id: str = ""
    roots: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    listed: bool = False


def why_full(
    sync: Sync,
    saved: Mapping[str, Progress],
    *,
    full: bool,
    window: str | None,
    now: datetime,
    accept: bool = False,
    cursor: Any = None,
) -> str:
    """Return why everything has to be read; empty when what changed since the *saved* cursors is enough."""
    if sync.incremental is None:
        return "the sync is not incremental"  # the API or the connector knows no changes
    if cursor is not None:
        return ""  # asked for what changed since it
    reasons = (
        (full, "everything is asked for"),
        (accept and finds_missing(sync), "the deletes to accept are those of a complete read"),
        (window is not None, "a complete read was begun and has to be finished"),
        (all(progress.cursor is None for progress in saved.values()), "no cursor is saved yet"),
        (bool(saved.get("", Progress()).again), "the last complete read may have missed records"),
        (snapshot_due(sync, saved.get("", Progress()), now), "it is time to find what vanished"),
    )
    return next((why for holds, why in reasons if holds), "")


def finds_missing(sync: Sync) -> bool:
    """Return whether complete reads delete what they do not see (R16).

    A flag or a list of deletions tells what went since the cursor. A read of everything, which takes the
    place of a lost one, compares instead.
    """
    rule = sync.delete_rule
    if rule is None or rule.snapshot:
        return rule is not None
    return (rule.flag is not None or rule.request is not None) and _reads_everything(sync)


def complete_rule(sync: Sync) -> Deletes | None:
    """Return the delete rule that holds for a read of everything."""
    rule = sync.delete_rule
    if rule is None or rule.snapshot or not finds_missing(sync):
        return rule
    return rule.model_copy(update={"snapshot": True})


def _reads_everything(sync: Sync) -> bool:
    """Return whether a complete read without a cursor has all that is there, as far as its request tells.

    One that asks for "the last 60 days", or ends at a condition that is not about the cursor, has not.
    """
    ends = sync.pagination.stop_when if sync.pagination is not None else None
    asked = sync.request_spec.model_dump_json(exclude_defaults=True)
    return not _PRESENT.search(asked) and (ends is None or "cursor" in ends)


def told_only(sync: Sync) -> bool:
    """Return whether deletions are known from marks in what changed, apart from a read of everything."""
    rule = sync.delete_rule
    return rule is not None and rule.flag is not None and not rule.snapshot


def snapshot_due(sync: Sync, progress: Progress, now: datetime) -> bool:
    """Return whether the last complete read of an incremental sync is longer ago than `snapshot: {every}`.

    An API that cannot filter gives everything each time, so that `deletes: snapshot` holds for each run.
    """
    rule = sync.delete_rule
    if rule is None or not isinstance(rule.snapshot, SnapshotInterval):
        client = sync.incremental is not None and sync.incremental.filter == "client"
        return client and rule is not None and bool(rule.snapshot)
    if progress.snapshot_at is None:
        return True
    return now - datetime.fromisoformat(progress.snapshot_at) >= parse_duration(rule.snapshot.every)


def plan_partitions(
    sources: Sequence[PartitionSource], parents: Parents, context: Mapping[str, Any]
) -> list[Partition]:
    """Return the partitions that *sources* make, their product in order; a nameless one without sources."""
    if not sources:
        return [Partition()]
    lists = [list(_partitions_of(source, parents, context)) for source in sources]
    return [_joined(combination) for combination in product(*lists)]


def _joined(parts: Sequence[Partition]) -> Partition:
    roots = {name: value for part in parts for name, value in part.roots.items()}
    # ids are JSON arrays, so they can stand side by side without ambiguity
    return Partition(
        "".join(part.id for part in parts), roots, max(p.seq for p in parts), any(p.listed for p in parts)
    )


def _partitions_of(
    source: PartitionSource, parents: Parents, context: Mapping[str, Any]
) -> Iterator[Partition]:
    found = _filtered(source, _candidates(source, parents, context))
    if source.batch is None:
        return found
    return _batches(source, found)


def _candidates(source: PartitionSource, parents: Parents, context: Mapping[str, Any]) -> Iterator[Partition]:
    if source.union is not None:
        seen: set[str] = set()
        for member in source.union:
            for part in _partitions_of(member, parents, context):
                if part.id not in seen:
                    seen.add(part.id)
                    yield Partition(part.id, {source.root: part.roots[member.root]}, part.seq, part.listed)
        return
    if source.sync is not None:
        for record in parents(source.sync):
            yield Partition(record["_id"], {source.root: _fields(record)}, record["_seq"])
        return
    values = _values(source, context)
    if not values and source.otherwise is not None:
        for part in _partitions_of(source.otherwise, parents, context):
            yield Partition(part.id, {source.root: part.roots[source.otherwise.root]}, part.seq, part.listed)
    for value in values:
        yield Partition(_identity(value), {source.root: value}, listed=True)


def candidates_of(
    source: PartitionSource, parents: Parents, context: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Return id and value of what *source* itself has, apart from those below it, whatever `where` says."""
    if source.union is not None:
        return []
    if source.sync is not None:
        return [(record["_id"], _fields(record)) for record in parents(source.sync)]
    return [(_identity(value), value) for value in _values(source, context)]


def _fields(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in ("_id", "_seq")}


def _identity(value: Any) -> str:
    return json.dumps([value], ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _values(source: PartitionSource, context: Mapping[str, Any]) -> list[Any]:
    values = render(source.values, context)
    if values is None:
        return []
    if not isinstance(values, list):
        raise RunError(
            f"for_each: values is no list: {excerpt(json.dumps(values), 80)}",
            hint="give a list, or a template that gives one",
        )
    return values


def _filtered(source: PartitionSource, found: Iterator[Partition]) -> Iterator[Partition]:
    if source.where is None:
        return found
    keep = compile_expression(source.where)
    return (part for part in found if is_true(keep(part.roots[source.root])))


def _batches(source: PartitionSource, found: Iterator[Partition]) -> Iterator[Partition]:
    assert source.batch is not None  # noqa: S101 - the caller looked
    while group := list(islice(found, source.batch)):
        ids = [part.id for part in group]
        roots = {source.root: [part.roots[source.root] for part in group]}
        yield Partition(json.dumps(ids), roots, max(p.seq for p in group), any(p.listed for p in group))
