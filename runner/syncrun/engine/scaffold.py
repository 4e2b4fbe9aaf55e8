"""What `syncrun init` writes: a project that runs at once, or a built-in connector to make one's own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from syncrun.config.bundle import read_bundle, write_files
from syncrun.config.connector import ConfigEntry, Connector
from syncrun.config.load import find_connector, shown
from syncrun.config.project import DATABASE
from syncrun.config.project_file import PROJECT_FILES
from syncrun.errors import UsageError

EXAMPLE = "example"

_PROJECT = """\
# Where the data goes, and whose data it is.
database: {database}

connections:
{connections}
# What is different elsewhere; `syncrun run --all --env prod` uses it.
# environments:
#   prod: {{database: /var/lib/my-syncs/prod.duckdb}}
"""

_CONNECTION = """\
  {name}:
    connector: {connector}
"""

_CONNECTOR = """\
# One API, and what is read from it.
# `syncrun validate` checks this file, `syncrun dryrun example/releases` tries it.
connector: example
version: 0.1.0
description: The releases of a public GitHub repository.

# What each connection in syncrun.yaml says for itself.
config:
  owner: {description: Whose repository}
  repo: {description: Its name}

base_url: https://api.github.com/repos/${config.owner}/${config.repo}

syncs:
  releases:                            # fills the table example.releases
    request: {path: /releases, params: {per_page: 100}}
    pagination: link_header
    key: id
    fields:                            # column: JMESPath into the record
      id: {path: id, type: integer}
      tag: {path: tag_name, type: string}
      name: {path: name, type: string}
      author: {path: author.login, type: string}
      downloads: {path: "sum(assets[].download_count)", type: integer, hash: false}
      published_at: {path: published_at, type: timestamp}
    every: 1d                            # for `syncrun run --due`
"""

_IGNORED = """\
# the data and its copies, and what runs keep beside them: staging, locks, credentials
*.duckdb
*.duckdb.*
# secrets
.env
.env.*
*.pem
*.key
"""


def new_project(connector: str | None) -> dict[str, str]:
    """Return the files of a new project: around an example, else around the built-in *connector*.

    Raise UsageError for a connector that is unknown.
    """
    if connector is None:
        config: Mapping[str, Any] = {"owner": "duckdb", "repo": "duckdb"}
        files, name = {f"connectors/{EXAMPLE}.yaml": _CONNECTOR}, EXAMPLE
    else:
        files, definition = _built_in(connector)
        name, config = connector, _config_to_fill_in(definition)
    text = _CONNECTION.format(name=name, connector=name) + _block(config)
    project = _PROJECT.format(database=DATABASE, connections=text)
    return {PROJECT_FILES[0]: project, **files, ".gitignore": _IGNORED}


def copied_connector(name: str) -> dict[str, str]:
    """Return the files of the built-in connector *name*; raise UsageError when there is none."""
    return _built_in(name)[0]


def write_new(files: Mapping[str, str], folder: Path) -> None:
    """Write *files* below *folder*; raise UsageError, before anything is written, when one is there."""
    for name in files:
        path = folder / name
        if path.exists() or path.is_symlink():
            raise UsageError(
                f"{shown(path)} exists, and nothing is overwritten",
                hint="move it away first, or name another folder",
            )
    try:
        write_files(files, folder)
    except OSError as error:
        raise UsageError(f"cannot write {error.filename or folder}: {error.strerror or error}") from None


def to_fill_in(connector: str) -> list[str]:
    """Return the names of the config values that a connection of the built-in *connector* has to give."""
    return list(_config_to_fill_in(_built_in(connector)[1]))


def _built_in(name: str) -> tuple[dict[str, str], Connector]:
    bundle = read_bundle(find_connector(name, []))
    # the schema's place for editors is that of the source tree
    lines = bundle.text.splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("# yaml-language-server:"))
    return {**bundle.files, bundle.name: text}, bundle.connector


def _config_to_fill_in(connector: Connector) -> dict[str, Any]:
    """Return a stand-in for each value that neither a default nor a variable of the environment gives."""
    return {
        name: _stand_in(name, entry)
        for name, entry in connector.config.items()
        if entry.default is None and not entry.optional and entry.env is None
    }


def _stand_in(name: str, entry: ConfigEntry) -> Any:
    if entry.secret:
        return f"${{env.{name.upper()}}}"
    for given in (entry.examples, entry.enum):
        if given:
            return given[0]
    empty = {"integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}
    return empty.get(entry.type, f"YOUR-{name.upper().replace('_', '-')}")


def _block(config: Mapping[str, Any]) -> str:
    if not config:
        return ""
    members = (f"      {name}: {json.dumps(value, ensure_ascii=False)}\n" for name, value in config.items())
    return f"    config:\n{''.join(members)}"
