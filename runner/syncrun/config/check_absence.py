"""Deletes by absence: what a list must say, and cover, for a missing record to mean something."""

from __future__ import annotations

from collections.abc import Iterator

from syncrun.config.base import YamlPath, suggest
from syncrun.config.inspection import Inspection
from syncrun.config.outline import ComputedText
from syncrun.config.sync import Deletes, Sync
from syncrun.errors import Problem
from syncrun.expressions.references import calls
from syncrun.expressions.template import parse_template


def check_moving_list(inspection: Inspection) -> Iterator[Problem]:
    """Check that no snapshot is taken of a list that moves with time: what is too old for it is not gone."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.delete_rule
        if rule is None or not rule.snapshot or rule.within is not None:
            continue
        moving = next((text for text in _selecting(inspection, name) if _is_moving(inspection, text)), None)
        if moving is None:
            continue
        message = (
            "this depends on the time of the run: records that become too old for the list would be deleted"
        )
        yield inspection.problem(moving.path, message, _hint(sync))


def _selecting(inspection: Inspection, sync: str) -> Iterator[ComputedText]:
    """Yield the templates that choose which records a complete read of *sync* gives."""
    for below in (("request",), ("job", "create"), ("incremental", "start")):
        for text in inspection.texts_below("syncs", sync, *below):
            if text.kind == "template" and "headers" not in text.path:
                yield text


def _is_moving(inspection: Inspection, text: ComputedText) -> bool:
    """Whether *text* is another one at another time."""
    if any(found.root == "now" for found in inspection.references(text)):
        return True
    return any("now" in calls(expression) for expression, _ in parse_template(text.text).expressions)


def _hint(sync: Sync) -> str:
    within = "within: \"created_at >= add_time(now, '-60d')\""
    rule = "…" if isinstance(sync.deletes, Deletes) else "snapshot: true"
    return (
        f"say which records the list covers: deletes: {{{rule}, {within}}},"
        ' or within: "`true`" if it covers all of them; or deletes: none'
    )


def check_within(inspection: Inspection) -> Iterator[Problem]:
    """Check that `deletes.within` reads fields that are stored."""
    for name, sync in inspection.connector.syncs.items():
        specs = sync.field_specs
        if specs is None or ("syncs", name, "fields") in inspection.unsure:
            continue
        path: YamlPath = ("syncs", name, "deletes", "within")
        for text in inspection.texts_below(*path):
            for found in inspection.references(text):
                if found.root not in specs and found.root != "now":
                    message = f"unknown field '{found.root}' in deletes.within"
                    hint = suggest(found.root, [*specs, "now"])
                    yield inspection.problem(path, message, hint, offset=found.offset)
