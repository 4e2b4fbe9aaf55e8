"""`syncrun test`: recorded answers through a connector, compared with what its `tests` expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from syncrun.cli.events import EventCommand, JsonEvents
from syncrun.cli.expectations import rewrite
from syncrun.cli.options import connector_set, environment, limit_option, project_folder
from syncrun.cli.terminal import echo
from syncrun.config.cases import Case
from syncrun.config.connector import Connector
from syncrun.config.load import connector_files, load_connector, shown
from syncrun.engine.casework import Tested, record_case, run_case
from syncrun.engine.outside import utc_now
from syncrun.engine.selection import Workspace, open_workspace
from syncrun.errors import ExitCode, UsageError
from syncrun.stores.memory_folder import own_memory
from syncrun.wording import counted


@dataclass(frozen=True, slots=True)
class _Found:
    """One test: number *index* of the `tests` in the connector's *file*."""

    connector: Connector
    file: Path
    index: int

    @property
    def case(self) -> Case:
        return self.connector.tests[self.index]

    @property
    def project(self) -> Path:
        folder = self.file.absolute().parent
        return folder.parent if folder.name == "connectors" else folder

    @property
    def name(self) -> str:
        return f"{self.connector.connector}/{self.case.sync} ({self.case.files[-1]})"


@click.command(
    "test",
    cls=EventCommand,
    epilog="Examples: syncrun test; syncrun test acme --record --connection acme; syncrun test acme --update",
)
@click.argument("connectors", nargs=-1, metavar="[CONNECTOR]...")
@click.option("--record", is_flag=True, help="Ask the API, and keep its answers with the secrets redacted.")
@click.option("--connection", metavar="NAME", help="Whose config and credentials --record uses.")
@limit_option("With --record: stop after about N records.")
@click.option("--update", is_flag=True, help="Write what came out into `expect`, where it differs.")
@connector_set
@environment
@project_folder
@click.pass_obj
def command(
    events: JsonEvents | None,
    *,
    connectors: tuple[str, ...],
    record: bool,
    connection: str | None,
    limit: int | None,
    update: bool,
    settings: tuple[str, ...],
    env: str | None,
    project: Path | None,
) -> int:
    """Replay recorded answers through connectors, those of the project by default, and compare."""
    workspace = open_workspace(project, env=env)
    found = list(_find(workspace, connectors, record=record))
    if (connection or limit or settings) and not record:
        raise UsageError("--connection, --limit and --set are for --record", hint="add --record")
    failed = 0
    for test in found:
        if record:
            _record(workspace, test, connection, settings, limit)
        tested = run_case(test.connector, test.project, test.case, now=utc_now)
        updated = update and bool(tested.differences) and rewrite(test.file, test.index, tested)
        failed += bool(tested.differences) and not updated
        _tell(events, test, tested, updated=updated)
    code = ExitCode.FAILED if failed else ExitCode.OK
    if events is not None:
        events.finish(code, tests=len(found), failed=failed)
    elif not found:
        echo("no tests: a connector lists them under tests:", err=True)
    else:
        echo(f"{counted(len(found), 'test')}, {failed:,} failed", err=True)
    return code


def _find(workspace: Workspace, names: Sequence[str], *, record: bool) -> Iterator[_Found]:
    """Yield the tests of the connectors; raise UsageError where there are none of them to *record*."""
    files = [workspace.connector(name)[1] for name in names]
    if not names:
        files = connector_files(workspace.folder / "connectors")
    connectors = [(file, load_connector(file)) for file in files]
    for file, connector in connectors:
        if record and not connector.tests and (names or len(files) == 1):
            raise UsageError(f"{connector.connector} has no tests to record", hint=_to_write(file, connector))
        yield from (_Found(connector, file, index) for index in range(len(connector.tests)))
    if record and not any(connector.tests for _, connector in connectors):
        raise UsageError(
            "there are no tests to record", hint="syncrun test CONNECTOR --record says how to begin"
        )


def _to_write(file: Path, connector: Connector) -> str:
    """Return how a connector gets tests, as text to paste."""
    name = connector.connector
    asked = [n for n, entry in connector.config.items() if entry.default is None and not entry.optional]
    values = ", ".join(f"{n}: …" for n in asked if not connector.config[n].secret)
    config = f"config: {{{values}}}, " if values else ""
    tests = [
        f"    - {{sync: {sync}, responses: tests/{name}/{sync}.json, {config}expect: {{records: 0}}}}"
        for sync in connector.syncs
    ]
    first = f"write into {shown(file)}, then run `syncrun test {name} --record --update`:"
    return "\n".join([first, "  tests:", *tests])


def _record(
    workspace: Workspace,
    test: _Found,
    connection: str | None,
    settings: Sequence[str],
    limit: int | None,
) -> None:
    """Write the recording of *test* anew."""
    if len(test.case.files) > 1:
        message = f"{test.name}: what an API answered to several runs cannot be recorded at once"
        raise UsageError(message, hint="record each with `dryrun --save`")
    name = test.connector.connector
    given = [f"{key}={_as_setting(value)}" for key, value in test.case.config.items()]
    target = f"{connection or name}/{test.case.sync}"
    asked = () if connection else (*given, *settings)
    if connection and settings:
        raise UsageError("--set is for connectors that are run by name", hint="leave --connection out")
    [job] = workspace.jobs([target], settings=asked, parents=False)
    if job.connector.connector != name:
        raise UsageError(f"the connection {connection} is of {job.connector.connector}, not of {name}")
    scratch = own_memory() if workspace.project.encryption_key is not None else None
    recording = record_case(test.connector, test.project, test.case, job.config, limit=limit, scratch=scratch)
    path = test.project / test.case.files[0]
    recording.write(path)
    echo(f"{test.name}: {counted(len(recording.exchanges), 'answer')} recorded", err=True)


def _as_setting(value: Any) -> str:
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _tell(events: JsonEvents | None, test: _Found, tested: Tested, *, updated: bool) -> None:
    if events is not None:
        events.write("test", **_details(test, tested, updated=updated))
        return
    mark = "✗" if tested.differences and not updated else "✓"
    records, requests = len(tested.actual["records"]), tested.actual["requests"]
    counts = f"{counted(records, 'record')}, {counted(requests, 'request')}"
    echo(f"{mark} {test.name}  {'updated' if updated else counts}")
    for difference in tested.differences:
        echo("  " + difference.replace("\n", "\n  "))


def _details(test: _Found, tested: Tested, *, updated: bool) -> Mapping[str, Any]:
    return {
        "connector": test.connector.connector,
        "sync": test.case.sync,
        "file": shown(test.file),
        "responses": test.case.files,
        "passed": updated or not tested.differences,
        "updated": updated,
        "differences": list(tested.differences),
        "records": len(tested.actual["records"]),
        "requests": tested.actual["requests"],
    }
