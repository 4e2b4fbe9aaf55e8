"""A connector with the files that it names: what a copy of it in another place needs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from syncrun.config.connector import Connector
from syncrun.config.load import inspect, named_files, shown
from syncrun.errors import ConfigurationError, Problem


@dataclass(frozen=True)
class Bundle:
    """A connector's *files*, texts by their names in the project folder; *name* is that of its own one."""

    connector: Connector
    name: str
    files: Mapping[str, str]

    @property
    def text(self) -> str:
        """The connector file itself."""
        return self.files[self.name]

    @property
    def digest(self) -> str:
        """What tells one content from another."""
        text = json.dumps(dict(sorted(self.files.items())), ensure_ascii=False)
        return sha256(text.encode()).hexdigest()


def read_bundle(path: Path) -> Bundle:
    """Return the connector in the file *path* with all that it names; ConfigurationError with every problem.

    Files keep their names relative to the project folder; the connector's own is below `connectors/` there.
    """
    inspection, problems = inspect(path)
    if problems or inspection is None:
        raise ConfigurationError(problems)
    name = f"connectors/{path.name}"
    files = {name: _text(path)}
    for named in named_files(inspection):
        if Path(named).is_absolute() or ".." in Path(named).parts:
            hint = "name it from the project folder on, without '..'"
            problem = Problem(f"'{named}' cannot be copied with the connector", shown(path), hint=hint)
            raise ConfigurationError([problem])
        assert inspection.project is not None  # noqa: S101 - the connector is a file
        files[named] = _text(inspection.project / named)
    return Bundle(inspection.connector, name, files)


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write *files* below *folder*, as they were read."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError:
        raise ConfigurationError([Problem("not UTF-8 text", shown(path))]) from None
