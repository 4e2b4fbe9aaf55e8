"""From connector files to connectors, with every problem of a file at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ValidationError

from syncrun import resources
from syncrun.config.base import YamlPath, suggest
from syncrun.config.check import check
from syncrun.config.check_hooks import hook_names
from syncrun.config.connector import Connector
from syncrun.config.defaults import merge_defaults
from syncrun.config.inspection import Inspection
from syncrun.config.problems import describe, explain, in_order
from syncrun.config.record_schema import find_record_schema
from syncrun.config.salvage import salvage
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, Problem, UsageError

_SUFFIXES = (".yaml", ".yml")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def load_connector(source: Path | str, *, file: str = "") -> Connector:
    """Return the connector in the file *source*, or in the text *source*, called *file* in messages.

    A record schema that is a file of its own is read, so that `json_schema` is always the schema. Raise
    ConfigurationError with every problem.
    """
    return load_with_files(source, file=file)[0]


def load_with_files(source: Path | str, *, file: str = "") -> tuple[Connector, list[str]]:
    """Return a connector as `load_connector` does, and the files that it names."""
    inspection, problems = inspect(source, file=file)
    if problems or inspection is None:
        raise ConfigurationError(problems)
    connector, project = inspection.connector, inspection.project
    read = {
        name: sync.model_copy(update={"json_schema": find_record_schema(sync.json_schema, project)})
        for name, sync in connector.syncs.items()
        if isinstance(sync.json_schema, str)
    }
    if read:
        connector = connector.model_copy(update={"syncs": {**connector.syncs, **read}})
    return connector, named_files(inspection)


def named_files(inspection: Inspection) -> list[str]:
    """Return the hook files and JSON Schema files that a connector names, each once."""
    schemas = [sync.json_schema for sync in inspection.connector.syncs.values()]
    names = [*hook_names(inspection).values(), *(schema for schema in schemas if isinstance(schema, str))]
    return list(dict.fromkeys(names))


def check_connector(source: Path | str, *, file: str = "") -> list[Problem]:
    """Return every problem of a connector file: its errors or, without any, the warnings of the lints."""
    return _with_lints(*inspect(source, file=file))


def _with_lints(inspection: Inspection | None, problems: list[Problem]) -> list[Problem]:
    from syncrun.config.lints import lint

    return problems if problems or inspection is None else in_order(lint(inspection))


def inspect(source: Path | str, *, file: str = "") -> tuple[Inspection | None, list[Problem]]:
    """Return what is known of a connector file and all its errors.

    With errors the inspection is of what is left without the invalid parts, None when that is too little.
    """
    try:
        if isinstance(source, Path):
            yaml, path = YamlFile.read(source, file or shown(source)), source
        else:
            yaml, path = YamlFile.parse(source, file), None
    except ConfigurationError as error:
        return None, list(error.problems)
    problems = list(yaml.problems)
    if not isinstance(yaml.value, dict):
        return None, [*problems, _not_a_connector(yaml)]
    merged = merge_defaults(yaml)
    connector: Connector | None
    unsure: frozenset[YamlPath] = frozenset()
    try:
        connector = Connector.model_validate(merged.value, strict=True)
    except ValidationError as error:
        problems += explain(error, merged, Connector)
        connector, unsure = salvage(merged.value, error)
    if connector is None:
        return None, in_order(problems)
    inspection = Inspection(connector, merged, path, unsure)
    return inspection, in_order([*problems, *check(inspection)])


def find_connector(name: str, folders: Sequence[Path]) -> Path:
    """Return the file of the connector *name*: in the first of *folders* that has it, else the built-in one.

    Raise UsageError, with the nearest name, when there is none.
    """
    known = dict(list_connectors(folders))
    if _NAME.fullmatch(name) and name in known:
        return known[name]
    raise UsageError(f"unknown connector '{name}'", hint=suggest(name, known))


def list_connectors(folders: Sequence[Path]) -> list[tuple[str, Path]]:
    """Return name and file of every connector in *folders*, and of the built-in ones, by name.

    Of a name that several folders have, the first counts.
    """
    found: dict[str, Path] = {}
    for folder in (*folders, resources.folder("connectors")):
        for path in connector_files(folder):
            found.setdefault(path.stem, path)
    return sorted(found.items())


def connector_files(folder: Path) -> list[Path]:
    """Return the connector files in *folder*, by name; none when there is no such folder."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix in _SUFFIXES and path.is_file())


def check_files(paths: Iterable[Path]) -> tuple[list[Path], list[Problem]]:
    """Return the files checked and all their problems, for files and for folders.

    Of a project folder the project file and its connectors are checked, else the connectors in the folder.
    Raise UsageError for a folder without any.
    """
    from syncrun.config.check_project import check_project
    from syncrun.config.project_file import PROJECT_FILES

    files: dict[Path, None] = {}
    for path in paths:
        files |= dict.fromkeys([*_files_of(path), *_dangling(path)] if path.is_dir() else [path])
    problems: list[Problem] = []
    names: dict[tuple[Path, str], str] = {}
    for path in files:
        if path.name in PROJECT_FILES:
            problems += check_project(path)
            continue
        inspection, found = inspect(path)
        problems += _with_lints(inspection, found)
        if inspection is not None:
            name = inspection.connector.connector
            first = names.setdefault((path.absolute().parent, name), inspection.file.name)
            if first != inspection.file.name:
                message = f"{first} is called '{name}' too: both would fill the same tables"
                problems.append(inspection.problem(("connector",), message, "give one another name"))
    return list(files), problems


def _dangling(folder: Path) -> list[Path]:
    """Return the links among connector files that lead nowhere, or in a circle: to read them says so."""
    below = folder / "connectors"
    files = (path for place in (folder, below) if place.is_dir() for path in place.iterdir())
    return sorted(
        path for path in files if path.suffix in _SUFFIXES and path.is_symlink() and not path.exists()
    )


def _files_of(folder: Path) -> list[Path]:
    from syncrun.config.project_file import PROJECT_FILES

    project = next((folder / name for name in PROJECT_FILES if (folder / name).is_file()), None)
    if project is not None:
        return [project, *connector_files(folder / "connectors")]
    files = connector_files(folder) or connector_files(folder / "connectors")
    if not files:
        hint = "name a file, or a folder with syncrun.yaml or connector files"
        raise UsageError(f"nothing to check in '{folder}'", hint=hint)
    return files


def shown(path: Path) -> str:
    """Return *path* as messages show it: from the current folder where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_absolute() and path.is_relative_to(here) else path)


def _not_a_connector(yaml: YamlFile) -> Problem:
    hint = "a connector starts with connector: NAME, base_url: URL and syncs:"
    if yaml.value is None:
        return Problem("the file is empty", yaml.name, hint=hint)
    message = f"expected a mapping, got {describe(yaml.value)}"
    return Problem(message, yaml.name, yaml.root.line, yaml.root.column, hint)
