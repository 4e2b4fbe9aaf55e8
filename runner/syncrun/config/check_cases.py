"""What must hold between `tests` and the rest of a connector file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from syncrun.config.base import YamlPath, suggest
from syncrun.config.inspection import Inspection
from syncrun.config.named_file import resolved
from syncrun.errors import Problem


def check_cases(inspection: Inspection) -> Iterator[Problem]:
    """Check that tests name syncs and config of their connector, and files of the project (R25)."""
    connector = inspection.connector
    for index, case in enumerate(connector.tests):
        at: YamlPath = ("tests", index)
        if case.sync not in connector.syncs:
            hint = suggest(case.sync, connector.syncs)
            yield inspection.problem((*at, "sync"), f"unknown sync '{case.sync}'", hint)
            continue
        for name in case.config:
            if name not in connector.config:
                hint = suggest(name, connector.config) or "the connector takes none"
                path = (*at, "config", name)
                yield inspection.problem(path, f"unknown config value '{name}'", hint, key=True)
        if case.cursor is not None and connector.syncs[case.sync].incremental is None:
            message = f"the sync '{case.sync}' has no cursor: it is not incremental"
            yield inspection.problem((*at, "cursor"), message, key=True)
        if case.now is not None and not _is_time(case.now):
            yield inspection.problem((*at, "now"), f"'{case.now}' is no time", "such as 2024-05-01T12:00:00Z")
        for number, name in enumerate(case.files):
            if inspection.project is not None and not _is_inside(name, inspection.project):
                one = [] if isinstance(case.responses, str) else [number]
                path = (*at, "responses", *one)
                yield inspection.problem(path, f"'{name}' is outside the project folder")


def _is_time(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _is_inside(name: str, project: Path) -> bool:
    root = project.resolve()
    path = resolved(name, root)
    return path is not None and path.is_relative_to(root)
