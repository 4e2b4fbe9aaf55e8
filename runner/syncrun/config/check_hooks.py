"""Hooks that a connector names: each file can be read, its functions fit their stages, none is missing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from syncrun.config.base import YamlPath
from syncrun.config.hook_file import STAGES, Outline, outline_of, read_hook_file
from syncrun.config.inspection import Inspection
from syncrun.config.named_file import NamedFileError
from syncrun.errors import Problem


def check_hooks(inspection: Inspection) -> Iterator[Problem]:
    """Check the hook files, and that there is a function wherever `type: hook` asks for one."""
    files, problems = read_hooks(inspection)
    yield from problems
    for path, outline in files.items():
        yield from outline.problems
        if not outline.stages and not outline.problems:
            message = f"{_named(inspection, path)} has no hook"
            hint = f"write one or more of these functions: {', '.join(STAGES)}"
            yield inspection.problem(path, message, hint)
    yield from _check_owner(inspection, files)
    if not problems and not any(outline.problems for outline in files.values()):
        yield from _check_kinds(inspection, files)


def read_hooks(inspection: Inspection) -> tuple[dict[YamlPath, Outline], list[Problem]]:
    """Return what each hook file holds, by the place that names it, and what is wrong with naming it."""
    files: dict[YamlPath, Outline] = {}
    problems: list[Problem] = []
    for path, name in hook_names(inspection).items():
        try:
            file = read_hook_file(name, inspection.project)
        except NamedFileError as error:
            problems.append(inspection.problem(path, error.message, error.hint))
        else:
            files[path] = outline_of(file, _shown(file.path))
    return files, problems


def hook_names(inspection: Inspection) -> dict[YamlPath, str]:
    """Return the hook files that the connector and its syncs name."""
    connector = inspection.connector
    named = {("hooks",): connector.hooks} | {
        ("syncs", name, "hooks"): sync.hooks for name, sync in connector.syncs.items()
    }
    return {path: name for path, name in named.items() if name is not None}


def stages_of(files: Mapping[YamlPath, Outline], sync: str) -> frozenset[str]:
    """Return the stages that the runs of *sync* have a function for."""
    nothing = Outline()
    return files.get(("hooks",), nothing).stages | files.get(("syncs", sync, "hooks"), nothing).stages


def _check_owner(inspection: Inspection, files: Mapping[YamlPath, Outline]) -> Iterator[Problem]:
    """Check that only the connector's own file signs requests: its syncs share one way to authenticate."""
    for path, outline in files.items():
        if path == ("hooks",) or _named(inspection, path) == inspection.connector.hooks:
            continue
        if "authenticate" in outline.stages:
            message = "authenticate belongs into the hooks of the connector, as auth does"
            yield inspection.problem(
                path, message, "move it there, and name its file as hooks: of the connector"
            )


def _check_kinds(inspection: Inspection, files: Mapping[YamlPath, Outline]) -> Iterator[Problem]:
    connector = inspection.connector
    for index, auth in enumerate(connector.auth_entries):
        if getattr(auth, "type", "") == "hook" and "authenticate" not in stages_of(files, ""):
            path: YamlPath = ("auth", index, "type") if isinstance(connector.auth, list) else ("auth", "type")
            yield _missing(inspection, path, "auth", "authenticate", connector.hooks)
    for name, sync in connector.syncs.items():
        at: YamlPath = ("syncs", name)
        if ("hooks",) in inspection.unsure or (*at, "hooks") in inspection.unsure:
            continue
        feed: Any = sync.delete_rule.pagination if sync.delete_rule is not None else None
        for path, pagination in (
            ((*at, "pagination"), sync.pagination),
            ((*at, "deletes", "pagination"), feed),
        ):
            if getattr(pagination, "type", "") == "hook" and "next_page" not in stages_of(files, name):
                yield _missing(inspection, path, "pagination", "next_page", sync.hooks or connector.hooks)


def _missing(inspection: Inspection, path: YamlPath, what: str, stage: str, file: str | None) -> Problem:
    where = (
        f"in {file}"
        if file
        else f"in a file that hooks: names, such as hooks: hooks/{_connector(inspection)}.py"
    )
    path = (*path, "type") if inspection.file.node((*path, "type")) is not None else path
    message = f"{what} type 'hook' needs the function {stage}"
    return inspection.problem(path, message, f"write def {stage}{STAGES[stage]}: {where}")


def _connector(inspection: Inspection) -> str:
    return inspection.connector.connector


def _named(inspection: Inspection, path: YamlPath) -> str:
    return hook_names(inspection)[path]


def _shown(path: Path) -> str:
    """Return *path* as messages show it: from the current folder where it lies below."""
    here = Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
