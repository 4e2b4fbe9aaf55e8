"""How the command starts: fast, by any name, and with no module that it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from syncrun import __version__
from tests.api import Api
from tests.project_folder import ProjectFolder, clean_environment

HEAVY = {"duckdb", "httpx", "jsonschema", "jsonschema_rs", "orjson", "pydantic", "rich", "yaml"}
RARE = {  # what no run needs that asks for pages of JSON, one after the other
    "asyncio",
    "cryptography",
    "h2",
    "multiprocessing",
    "syncrun.auth.oauth2",
    "syncrun.decoders.csv_table",
    "syncrun.decoders.xml_document",
    "syncrun.extract.detect",
    "syncrun.paginators.link_header",
    "syncrun.paginators.hook",
    "syncrun.stores.change_feed",
    "syncrun.stores.compaction",
    "syncrun.stores.preview",
    "syncrun.stores.publication",
    "syncrun.stores.retention",
    "syncrun.stores.values.feed",
    "syncrun.stores.values.preview",
}
RUNNING = {"syncrun.engine.batch", "syncrun.engine.run", "syncrun.stores.merge", "syncrun.transform.mapping"}
REPORT = f"""
import sys
import syncrun.__main__
from syncrun.cli import execute
code = execute(sys.argv[1:])
print(*sorted({HEAVY | RARE | RUNNING!r} & sys.modules.keys()), file=sys.stderr)
sys.exit(int(code))
"""


def imported(folder: Path, *args: str) -> set[str]:
    """Which of these modules a command imports in a new process."""
    done = subprocess.run(
        [sys.executable, "-c", REPORT, *args],
        cwd=folder,
        env={**clean_environment(), "XDG_CACHE_HOME": str(folder / ".cache")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_imports_nothing_heavy(tmp_path: Path, option: str) -> None:
    assert imported(tmp_path, option) == set()


@pytest.mark.parametrize("command", ["list", "validate"])
def test_looking_at_files_needs_neither_database_nor_network(project: ProjectFolder, command: str) -> None:
    assert not imported(project.folder, command) & {"duckdb", "httpx", "rich"}


def test_a_minute_with_nothing_due_imports_nothing_heavy(project: ProjectFolder) -> None:
    project.write_project()
    assert project.syncrun("run", "--due", "--quiet").exit_code == 0
    assert imported(project.folder, "run", "--due", "--quiet") == set()


def test_a_look_at_what_is_due_needs_no_network_and_no_engine_of_runs(
    project: ProjectFolder, api: Api
) -> None:
    """It opens the database with DuckDB's compiled module alone: the package around it costs as much again."""
    assert project.syncrun("run", "acme/items", "--quiet").exit_code == 0
    found = imported(project.folder, "run", "acme/items", "--if-stale", "1h", "--quiet")
    assert found == {"orjson", "pydantic", "yaml"}


def test_a_run_imports_what_it_works_with_and_no_more(project: ProjectFolder, api: Api) -> None:
    found = imported(project.folder, "run", "acme/items", "--quiet")
    assert found == {"httpx", "orjson", "pydantic", "yaml", *RUNNING}


def test_the_module_is_the_command(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "syncrun", "--version"],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"syncrun {__version__}\n", "")


def test_without_a_command_there_is_the_help(tmp_path: Path) -> None:
    done = ProjectFolder(tmp_path).syncrun()
    assert (done.exit_code, done.stderr) == (2, ProjectFolder(tmp_path).syncrun("--help").stdout)


def test_help_names_every_command_and_ends_with_an_example(tmp_path: Path) -> None:
    from syncrun import cli

    project = ProjectFolder(tmp_path)
    told = project.syncrun("--help").stdout
    for name in cli._COMMANDS:
        assert f"\n  {name}" in told
        done = project.syncrun(name, "--help")
        assert done.exit_code == 0
        assert "\n\n  Example" in done.stdout


def test_help_of_a_command_within_a_group_has_an_example(tmp_path: Path) -> None:
    import click

    from syncrun import cli

    context, project = click.Context(cli.group), ProjectFolder(tmp_path)
    commands = {name: cli.group.get_command(context, name) for name in cli._COMMANDS}
    groups = {name: command for name, command in commands.items() if isinstance(command, click.Group)}
    assert groups.keys() == {"auth", "checkpoint", "quarantine"}
    for name, group in groups.items():
        for below in group.commands:
            assert "\n  Example: " in project.syncrun(name, below, "--help").stdout, (name, below)


@pytest.mark.parametrize("kind", ["connector", "project"])
def test_schema_prints_what_editors_check_with(tmp_path: Path, kind: str) -> None:
    import json

    done = ProjectFolder(tmp_path).syncrun("schema", kind)
    assert done.exit_code == 0
    file = Path(__file__).parents[2] / "schemas" / f"{kind}.schema.json"
    assert json.loads(done.stdout) == json.loads(file.read_text(encoding="utf-8"))


def test_output_is_utf_8_safe_wherever_it_goes(project: ProjectFolder, api: Api) -> None:
    """A terminal that knows only ASCII gets escapes in place of a traceback."""
    for args, code in ((["run", "acme/items"], 0), (["query", "SELECT 'é' AS a"], 0)):
        done = subprocess.run(
            [sys.executable, "-m", "syncrun", *args],
            cwd=project.folder,
            env={**clean_environment(), "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stderr
        assert b"internal error" not in done.stderr


def test_the_command_looks_for_cycles_rarely(tmp_path: Path) -> None:
    """What imports make is no garbage, and looking through it for some would be a tenth of a short command."""
    code = "import gc, syncrun.__main__; print(gc.get_threshold()[0])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "200000\n"
