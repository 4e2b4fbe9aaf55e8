"""The names that templates use, and the syncs that a sync is read for: each must exist where it is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from syncrun.config.base import YamlPath, suggest
from syncrun.config.error_rules import RULE_ROOTS
from syncrun.config.inspection import Inspection
from syncrun.config.outline import ComputedText
from syncrun.config.partitions import PartitionSource
from syncrun.config.sync import Sync
from syncrun.errors import Problem
from syncrun.expressions.references import Reference

_ALWAYS = frozenset({"config", "connection", "now"})
_REQUEST = _ALWAYS | {"cursor", "cursor_tie", "window", "page"}
_KNOWN = _REQUEST | {"record", "parent", "vars", "job", "poll"}
_CHOICE = frozenset({"config", "connection"})
_STOP_WHEN = frozenset({"body", "headers", "status", "records", "page", "cursor"})
_MEMBERS = {
    "connection": frozenset({"name", "metadata"}),
    "page": frozenset({"number", "offset", "size", "token"}),
    "window": frozenset({"start", "end"}),
}
# Where templates stand below a sync, and what they see there; below anything else only what is always there.
_ROOTS = {
    "request": _REQUEST,
    "deletes": _REQUEST,
    "pagination": _REQUEST,
    "incremental": _REQUEST,
    "detail": _REQUEST | {"record"},
    "fields": _ALWAYS,
}


def check_names(inspection: Inspection) -> Iterator[Problem]:
    """Check that templates use only names that have a value at their place."""
    for text in inspection.texts:
        if text.kind == "template":
            yield from _check_template(inspection, text, roots_at(inspection, text.path))
        elif text.path[-1] == "stop_when":
            yield from _check_expression(inspection, text, _STOP_WHEN)
        elif text.path[-1] == "cut_off":
            yield from _check_expression(inspection, text, RULE_ROOTS)
        elif text.path[-1] == "when" and text.path[0] in ("auth", "setup", "check"):
            yield from _check_template(inspection, text, _CHOICE)
        elif "keep" in text.path and text.path[0] == "auth":
            yield from _check_expression(inspection, text, RULE_ROOTS | {"cookies"})
        elif _sees_answer(text.path):
            yield from _check_expression(inspection, text, RULE_ROOTS)


def _sees_answer(path: YamlPath) -> bool:
    """Whether the expression at *path* is over an answer: that of an error rule, or of a job."""
    if is_error_rule(path):
        return path[-1] == "when"
    return path[0] == "syncs" and path[2] == "job"


def is_error_rule(path: YamlPath) -> bool:
    """Whether *path* is in the error rules of the connector or of a sync."""
    return path[0] == "errors" or (path[0] == "syncs" and path[2] == "errors")


def _check_expression(inspection: Inspection, text: ComputedText, roots: frozenset[str]) -> Iterator[Problem]:
    for reference in inspection.references(text):
        if reference.root not in roots:
            hint = f"{text.path[-1]} sees {', '.join(sorted(roots))}: such as body.{reference.root}"
            message = f"unknown name '{reference.root}'"
            yield inspection.problem(text.path, message, hint, offset=reference.offset)


def roots_at(inspection: Inspection, path: YamlPath) -> frozenset[str]:
    """Return the names that a template at *path* may use."""
    if is_error_rule(path):
        return RULE_ROOTS
    has_vars = bool(inspection.connector.setup) or ("setup",) in inspection.unsure
    # setup's own requests sign in, too: credentials cannot wait for its values, but a login has its own
    if path[0] == "auth":
        return _ALWAYS | ({"vars"} if kept_before(inspection, path) else set())
    always = _ALWAYS | {"vars"} if has_vars else _ALWAYS
    return _sync_roots(inspection, path, always) if path[0] == "syncs" else always


def kept_before(inspection: Inspection, path: YamlPath) -> list[str]:
    """Return the names that the steps of a login keep before the request at *path* below `auth` is sent."""
    entries, index = inspection.connector.auth_entries, path[1] if len(path) > 1 else 0
    below = path[2:] if isinstance(index, int) else path[1:]
    steps: list[Any] = getattr(entries[index if isinstance(index, int) else 0], "steps", [])
    if below[:1] == ("steps",):
        steps = steps[: int(below[1])]
    elif below[:1] != ("request",):
        return []
    return [name for step in steps for name in step.keep]


def _sync_roots(inspection: Inspection, path: YamlPath, always: frozenset[str]) -> frozenset[str]:
    sync = inspection.connector.syncs[str(path[1])]
    roots = always | _ROOTS.get(str(path[2]), _ALWAYS)
    if path[2] == "job":
        roots = always | _job_roots(path)
    if path[2:4] == ("incremental", "start"):
        roots = always
    elif path[2:4] == ("deletes", "confirm"):
        roots = (always | {"record"}) | {source.root for source in sync.sources}
    elif path[2] in _ROOTS or path[2] == "job":
        roots = roots | {source.root for source in sync.sources}
    windowed = sync.incremental is not None and sync.incremental.window is not None
    tied = sync.incremental is not None and sync.incremental.tie_break is not None
    if (*path[:2], "incremental") in inspection.unsure:
        return roots
    return roots - {name for name, has in (("window", windowed), ("cursor_tie", tied)) if not has}


def _job_roots(path: YamlPath) -> frozenset[str]:
    """Return what only the parts of a job see: what is kept of it, and then the body of the last poll."""
    if path[3:] == ("poll", "message"):
        return RULE_ROOTS
    known = {"create": _REQUEST - {"page"}, "poll": (_REQUEST - {"page"}) | {"job"}}
    return known.get(str(path[3]), _REQUEST | {"job", "poll"})


def _check_template(inspection: Inspection, text: ComputedText, roots: frozenset[str]) -> Iterator[Problem]:
    for reference in inspection.references(text):
        if reference.root not in roots:
            if reference.root not in _KNOWN and (*text.path[:2], "for_each") in inspection.unsure:
                continue  # the name may be one that the invalid part gives
            message, hint = _unknown_root(reference, roots)
            yield inspection.problem(text.path, message, hint, offset=reference.offset)
        elif reference.member is not None:
            at = reference.offset if reference.member_offset is None else reference.member_offset
            for message, hint in _check_member(inspection, text, reference.root, reference.member):
                yield inspection.problem(text.path, message, hint, offset=at)


def _unknown_root(reference: Reference, roots: frozenset[str]) -> tuple[str, str]:
    root = reference.root
    if root == "env":
        return (
            "a connector cannot read environment variables",
            "declare the value under config: with env: NAME, and write ${config.…} here",
        )
    if root == "window":
        return "'window' has a value only in requests of a sync with incremental.window", ""
    if root == "cursor_tie":
        return "'cursor_tie' has a value only in requests of a sync with incremental.tie_break", ""
    if root == "vars" and "cursor" in roots:
        return "'vars' has no value: the connector has no setup", "declare the value under setup:"
    if root in _KNOWN:
        return f"'{root}' has no value here", f"one of: {', '.join(sorted(roots))}"
    return f"unknown name '{root}' in a template", suggest(root, roots)


def _check_member(
    inspection: Inspection, text: ComputedText, root: str, member: str
) -> Iterator[tuple[str, str]]:
    if root == "config":
        entries = inspection.connector.config
        if member not in entries and ("config",) not in inspection.unsure:
            hint = suggest(member, entries) if entries else "declare it under config:"
            yield f"unknown config value '{member}'", hint
    elif root == "vars" and text.path[0] == "auth":
        kept = kept_before(inspection, text.path)
        if member not in kept:
            yield f"no step before keeps '{member}'", suggest(member, kept)
    elif root == "vars":
        values = inspection.connector.setup
        if member not in values and ("setup",) not in inspection.unsure:
            yield f"unknown value '{member}' in vars", suggest(member, values)
    elif root == "job" and text.path[2] == "job":
        job = inspection.connector.syncs[str(text.path[1])].job
        if job is not None and job.keep is not None and member not in job.keep:
            yield f"'{member}' is not kept of the job", suggest(member, job.keep)
    elif root in _MEMBERS:
        if member not in _MEMBERS[root]:
            yield f"'{root}' has no '{member}'", suggest(member, _MEMBERS[root])
    elif text.path[0] == "syncs":
        yield from _check_parent(inspection, str(text.path[1]), root, member)


def _check_parent(inspection: Inspection, name: str, root: str, member: str) -> Iterator[tuple[str, str]]:
    """Yield the problem of a *member* that the parents called *root* in the sync *name* do not have."""
    syncs = inspection.connector.syncs
    source = next((source for source in syncs[name].sources if source.root == root), None)
    if source is None or source.sync not in syncs or source.batch is not None:
        return
    fields = syncs[source.sync].field_specs
    if (
        fields is not None
        and member not in fields
        and ("syncs", source.sync, "fields") not in inspection.unsure
    ):
        yield f"the sync '{source.sync}' has no field '{member}'", suggest(member, fields)


def check_partitions(inspection: Inspection) -> Iterator[Problem]:
    """Check that `for_each` names syncs that exist, in no circle, under names of their own."""
    for name, sync in inspection.connector.syncs.items():
        at: YamlPath = ("syncs", name, "for_each")
        taken: set[str] = set(_REQUEST | {"record", "vars"} | ({"job", "poll"} if sync.job else set()))
        for index, source in enumerate(sync.sources):
            path = (*at, index) if isinstance(sync.for_each, list) else at
            if source.root in taken:
                place = (*path, "as") if source.name else path
                hint = "give the parents or values another name with as:"
                yield inspection.problem(place, f"the name '{source.root}' is taken", hint)
            taken.add(source.root)
            yield from _check_parents(inspection, path, source)
        if _waits_for(name, sync, inspection):
            message = f"the sync '{name}' would have to run before itself"
            yield inspection.problem(at, message, "break the circle of for_each", key=True)


def _check_parents(inspection: Inspection, path: YamlPath, source: PartitionSource) -> Iterator[Problem]:
    syncs = inspection.connector.syncs
    left_out = {unsure[1] for unsure in inspection.unsure if unsure[0] == "syncs" and len(unsure) > 1}
    if source.sync is not None and source.sync not in syncs and source.sync not in left_out:
        message = f"unknown sync '{source.sync}'"
        yield inspection.problem((*path, "sync"), message, suggest(source.sync, syncs))
    for index, member in enumerate(source.union or ()):
        yield from _check_parents(inspection, (*path, "union", index), member)
    if source.otherwise is not None:
        yield from _check_parents(inspection, (*path, "else"), source.otherwise)


def _waits_for(name: str, sync: Sync, inspection: Inspection) -> bool:
    """Whether *sync* is among the parents of its parents, at any distance."""
    pending, seen = [sync], set[str]()
    while pending:
        for parent in {name for source in pending.pop().sources for name in source.parents} - seen:
            seen.add(parent)
            if parent in inspection.connector.syncs:
                pending.append(inspection.connector.syncs[parent])
    return name in seen
