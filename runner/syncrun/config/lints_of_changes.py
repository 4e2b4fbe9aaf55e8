"""Warnings about how a sync asks for changes: what would end incomplete, or delete what is there again."""

from __future__ import annotations

from collections.abc import Iterator

from syncrun.config.base import YamlPath
from syncrun.config.inspection import Inspection
from syncrun.errors import Problem


def lint_undated_deletions(inspection: Inspection) -> Iterator[Problem]:
    """Warn of a whole list of deletions without times: it has records that were made again since (R33)."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.delete_rule
        if sync.incremental is None or rule is None or rule.request is None or rule.at is not None:
            continue
        path: YamlPath = ("syncs", name, "deletes", "request")
        if _reads_cursor(inspection, path):
            continue
        message = (
            "every run reads this whole list of deletions, which does not say when they happened:"
            " a record that was made again would be deleted"
        )
        hint = 'add at: FIELD to deletes, the time of the deletion, or send params: {since: "${cursor}"}'
        yield inspection.problem(path, message, hint, key=True, severity="warning")


def lint_unordered_cap(inspection: Inspection) -> Iterator[Problem]:
    """Warn of searches that give only so many records, in an order that nobody knows."""
    for name, sync in inspection.connector.syncs.items():
        rule = sync.incremental
        if rule is None or rule.cap is None or rule.window is not None or rule.order == "ascending":
            continue
        path: YamlPath = ("syncs", name, "incremental", "cap")
        message = (
            f"a search that gives {rule.cap} records ends the run incomplete:"
            " without an order the next search cannot go on from its last record"
        )
        hint = f"sort the request by {rule.cursor}, and add order: ascending to incremental"
        yield inspection.problem(path, message, hint, key=True, severity="warning")


def _reads_cursor(inspection: Inspection, path: YamlPath) -> bool:
    return any(
        reference.root in ("cursor", "window")
        for text in inspection.texts_below(*path)
        if text.kind == "template"
        for reference in inspection.references(text)
    )
