"""Lists as aligned columns of plain text."""

from __future__ import annotations

from collections.abc import Sequence

from syncrun.cli.terminal import echo
from syncrun.engine.selection import Workspace
from syncrun.stores.values.ids import SyncId


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print *rows*, which are of one length, with their cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        echo(f"  {'  '.join(cells)}".rstrip())


def deployed_version(workspace: Workspace, sync: SyncId) -> dict[str, str]:
    """Return the deployed version that runs of *sync* use, as a member of its JSON object; {} without."""
    connection = workspace.project.connections.get(sync.connection)
    found = workspace.deployed.get(connection.connector if connection else sync.connector)
    return {"deployed": found.version} if found else {}
