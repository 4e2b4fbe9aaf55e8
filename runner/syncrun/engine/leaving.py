"""What became of the partitions that hold records and are no longer enumerated (R9)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from syncrun.config.partitions import PartitionSource
from syncrun.config.sync import Sync
from syncrun.engine.plan import Parents, candidates_of
from syncrun.expressions.compile import compile_expression, is_true

Fate = Literal["read", "left", "unlisted", "unknown", "gone"]
_FIRST: Sequence[Fate] = ("read", "left", "gone")  # of what several sources say of a parent
_WHOLE_VALUE = "${%s}"


class Leaving(Struct, frozen=True):
    """Partitions that are no longer enumerated, by what became of what they were made from.

    The parents of those in *gone* are deleted. Those in *unlisted* were made from a value that is not listed
    any more. Of those in *regrouped* all that is left is read in other partitions. All others stay: their
    parents are there and no longer pass `where`, or nobody knows of them.
    """

    gone: frozenset[str] = frozenset()
    unlisted: frozenset[str] = frozenset()
    regrouped: frozenset[str] = frozenset()


def leaving(
    sources: Sequence[PartitionSource],
    vanished: frozenset[str],
    *,
    parents: Parents,
    deleted: Callable[[str], frozenset[str]],
    context: Mapping[str, Any],
) -> Leaving:
    """Return what became of *vanished* partitions of *sources*, whose ids tell what they were made from.

    *parents* gives the live records of a sync, *deleted* the ids of those that are deleted.
    """
    if not vanished:
        return Leaving()
    fates = [_fates(source, parents, deleted, context) for source in sources]
    found: dict[str, set[str]] = {"gone": set(), "unlisted": set(), "regrouped": set()}
    for partition in vanished:
        kind = _kind(_parts(partition), sources, fates)
        if kind in found:
            found[kind].add(partition)
    return Leaving(**{kind: frozenset(members) for kind, members in found.items()})


def _kind(
    parts: Sequence[str], sources: Sequence[PartitionSource], fates: Sequence[Callable[[str], Fate]]
) -> str:
    """Return which kind of partition the one of *parts* is; those of no kind stay."""
    if len(parts) != len(sources):
        return "regrouped"  # for_each is another one now: all partitions that there are now are read
    of_parts = [
        {fate(member) for member in _members(part, source)}
        for part, source, fate in zip(parts, sources, fates, strict=True)
    ]
    if {"gone"} in of_parts:
        return "gone"
    together = set[str]().union(*of_parts)
    if "unlisted" in together:
        return "unlisted"
    return "" if together & {"left", "unknown"} else "regrouped"


def _fates(
    source: PartitionSource,
    parents: Parents,
    deleted: Callable[[str], frozenset[str]],
    context: Mapping[str, Any],
) -> Callable[[str], Fate]:
    """Return the function that tells what became of a parent or value of *source*, by its id."""
    present = {name: fate for name, (_, fate) in _present(source, parents, context).items()}
    listed = source.is_listed
    buried = (
        frozenset[str]().union(*(deleted(name) for name in source.parents)) if not listed else frozenset()
    )

    def fate(member: str) -> Fate:
        if member in present:
            return present[member]
        if listed:
            return "unlisted"
        return "gone" if member in buried else "unknown"

    return fate


def _present(
    source: PartitionSource, parents: Parents, context: Mapping[str, Any]
) -> dict[str, tuple[Any, Fate]]:
    """Return what there is of *source*, whether it passes `where` or not: value and fate by id."""
    found: dict[str, tuple[Any, Fate]] = {}
    inner = candidates_of(source, parents, context)
    below = source.union or ([source.otherwise] if source.otherwise is not None and not inner else [])
    for member in below:
        for name, (value, fate) in _present(member, parents, context).items():
            if name not in found or _FIRST.index(fate) < _FIRST.index(found[name][1]):
                found[name] = (value, fate)
    found |= {name: (value, "read") for name, value in inner}
    if source.where is None:
        return found
    keep, left = compile_expression(source.where), _left(source)
    return {
        name: (value, left if fate == "read" and not is_true(keep(value)) else fate)
        for name, (value, fate) in found.items()
    }


def _left(source: PartitionSource) -> Fate:
    return "gone" if source.on_leave == "delete" else "left"


def _parts(partition: str) -> list[str]:
    """Return the ids that the id of a *partition* is made of: JSON arrays, one after the other."""
    decoder, parts, at = json.JSONDecoder(), [], 0
    while at < len(partition):
        try:
            _, end = decoder.raw_decode(partition, at)
        except ValueError:
            return []
        parts.append(partition[at:end])
        at = end
    return parts


def _members(part: str, source: PartitionSource) -> Iterable[str]:
    """Return the ids of the parents or values that *part* was made from: of a batch there are several."""
    if not _is_grouped(source):
        return (part,)
    group = json.loads(part)
    return group if source.batch is not None or all(map(_is_id, group)) else (part,)


def _is_grouped(source: PartitionSource) -> bool:
    below = [*(source.union or ()), *([source.otherwise] if source.otherwise else ())]
    return source.batch is not None or any(map(_is_grouped, below))


def _is_id(member: Any) -> bool:
    return isinstance(member, str) and bool(_parts(member))


def tells_partition(sync: Sync, syncs: Mapping[str, Sync]) -> bool:
    """Whether a record's key names its partition, so that it can never be found in another one."""
    specs = sync.field_specs or {}
    constants = {specs[name].path for name in sync.key_fields if name in specs}
    return bool(sync.sources) and all(
        bool(wanted) and wanted <= constants for wanted in (set(_names(s, syncs)) for s in sync.sources)
    )


def _names(source: PartitionSource, syncs: Mapping[str, Sync]) -> Iterator[str]:
    """Yield the templates that together name what *source* makes a partition from; none when nothing does."""
    if source.batch is not None or source.otherwise is not None or source.union is not None:
        return
    if source.sync is None:
        yield _WHOLE_VALUE % source.root
        return
    for name in syncs[source.sync].key_fields:
        yield _WHOLE_VALUE % f"{source.root}.{name}"
