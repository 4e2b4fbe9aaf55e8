"""What must hold of the files that a project names for its data."""

from __future__ import annotations

from pathlib import Path

from syncrun.config.yaml_file import YamlFile
from syncrun.errors import ConfigurationError, Problem


def check_places(yaml: YamlFile, folder: Path, database: str, publish: str | None) -> None:
    """Raise ConfigurationError when *database*, or the copy to *publish*, can be no file of DuckDB."""
    if "://" in database or database.startswith(("ducklake:", "md:", "motherduck:")):
        place = yaml.place(("database",))
        message = "only a DuckDB file can be the database in this version of syncrun"
        raise ConfigurationError([Problem(message, yaml.name, *place, "write a file name")])
    if publish is not None and (folder / publish).resolve() == (folder / database).resolve():
        place = yaml.place(("publish",))
        message = "the database cannot be published onto itself"
        raise ConfigurationError([Problem(message, yaml.name, *place, "name another file")])
