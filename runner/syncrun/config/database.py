"""What must hold of the files that a project names for its data."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from syncrun.config.base import YamlPath
from syncrun.config.named_file import resolved
from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, Problem

_ELSEWHERE = ("ducklake:", "md:", "motherduck:")
_NOWHERE = "leads to no file: it holds a NUL, or links lead in a circle"


def check_places(yaml: YamlFile, folder: Path, database: str, publish: str | None) -> None:
    """Raise ConfigurationError when *database*, or the copy to *publish*, can be no file of DuckDB."""
    problems = list(place_problems(yaml, folder, database, publish))
    if problems:
        raise ConfigurationError(problems[:1])


def place_problems(
    yaml: YamlFile, folder: Path, database: str, publish: str | None, at: YamlPath = ()
) -> Iterator[Problem]:
    """Yield what is wrong with *database* and *publish*, which stand in the mapping *at*."""

    def problem(key: str, message: str, hint: str = "write a file name") -> Problem:
        return Problem(message, yaml.name, *yaml.place((*at, key)), hint)

    if "://" in database or database.startswith(_ELSEWHERE):
        yield problem("database", "only a DuckDB file can be the database in this version of syncrun")
        return
    for key, name in (("database", database), ("publish", publish)):
        if name is not None and resolved(name, folder) is None:
            yield problem(key, f"{name!r} {_NOWHERE}")
            return
    if publish is not None and resolved(publish, folder) == resolved(database, folder):
        yield problem("publish", "the database cannot be published onto itself", "name another file")
