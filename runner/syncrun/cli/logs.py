"""`syncrun logs`: every request and message of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

import click

from syncrun.cli import counts
from syncrun.cli.options import environment, json_lines, project_folder, tell
from syncrun.cli.terminal import echo
from syncrun.engine.run_names import find_run
from syncrun.engine.selection import open_workspace
from syncrun.stores.values.run import LogLine, Run
from syncrun.wording import iso, size

_LEVELS = ("info", "warning", "error")
_WIDTH = max(map(len, _LEVELS))


@click.command("logs", epilog="Examples: syncrun logs last; syncrun logs acme/issues --level warning")
@click.argument("run", metavar="RUN")
@click.option(
    "--level", type=click.Choice(_LEVELS), default="info", show_default=True, help="Only so grave, or graver."
)
@json_lines("line")
@environment
@project_folder
def command(*, run: str, level: str, as_json: bool, env: str | None, project: Path | None) -> int:
    """Show all of RUN: an id or the beginning of it, `last`, or CONNECTION/SYNC for its newest run."""
    store = open_workspace(project, env=env).store(on_wait=tell)
    found = find_run(store, run)
    echo(_head(found), err=True)
    shown = _LEVELS[_LEVELS.index(level) :]
    for line in store.run_log(found.id):
        if line.level in shown:
            echo(json.dumps(_document(line), ensure_ascii=False) if as_json else _text(line))
    return 0


def _head(run: Run) -> str:
    end = f": {run.message}" if run.message else ""
    return f"{run.sync}, run {run.id}, {run.mode}: {run.status}{end}"


def _document(line: LogLine) -> dict[str, Any]:
    head = {"seq": line.seq, "at": iso(line.at), "level": line.level}
    if line.request is None:
        return {**head, "kind": "message", "message": line.message}
    return {**head, "kind": "request", **line.request}


def _text(line: LogLine) -> str:
    at = f"{line.at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{line.at.microsecond // 1000:03}Z"
    told = line.message if line.request is None else _request(line.request)
    return f"{at}  {line.level.ljust(_WIDTH)}  {told}"


def _request(request: Mapping[str, Any]) -> str:
    """Return a request in words: `GET https://…: 200, 81 ms, 1,024 bytes`."""
    answer = "no answer" if request["status"] is None else f"{request['status']}"
    parts = [answer, f"{request['ms']:.0f} ms", size(request["bytes"])]
    if request["attempt"] > 1:
        parts.append(f"attempt {request['attempt']}")
    if request["queued_ms"]:
        parts.append(f"held back for {counts.duration(request['queued_ms'] / 1000)}")
    if request["wait_ms"]:
        parts.append(f"again in {counts.duration(request['wait_ms'] / 1000)}")
    reason = f" ({request['reason']})" if request["reason"] else ""
    return f"{request['method']} {request['url']}: {', '.join(parts)}{reason}"
