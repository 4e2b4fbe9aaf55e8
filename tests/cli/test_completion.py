"""Shell completion: commands, connections, syncs, environments, in an instant and in silence."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class

from syncrun import cli
from syncrun.cli import completing
from tests.project_folder import ProjectFolder, clean_environment

PROJECT = """
connections:
  acme: {connector: store}
  apex: {connector: store}
  other: {connector: pokeapi}
environments: {prod: {database: prod.duckdb}, staging: {database: staging.duckdb}}
"""
CONNECTOR = (
    "{connector: store, base_url: 'https://api.test', syncs: {items: {request: /}, issues: {request: /}}}"
)


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(tmp_path)
    folder.write("syncrun.yaml", PROJECT)
    folder.write("connectors/store.yaml", CONNECTOR)
    return folder


def complete(project: ProjectFolder, line: str) -> list[str] | None:
    """What <TAB> at the end of *line* offers; None where the command itself is asked."""
    *args, incomplete = line.split(" ")
    with chdir(project.folder):
        return completing.words(args, incomplete, sorted(cli._COMMANDS))


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ru", ["run", "runs"]),
        ("run a", ["acme", "apex"]),
        ("run ac", ["acme", "acme/items", "acme/issues"]),
        ("run acme/iss", ["acme/issues"]),
        ("run acme/items apex/it", ["apex/items"]),
        ("run --full acme/iss", ["acme/issues"]),
        ("dryrun stor", ["store", "store/items", "store/issues"]),
        ("diff la", ["last"]),
        ("checkpoint ", ["clear", "set", "show"]),
        ("checkpoint show acme/i", ["acme/items", "acme/issues"]),
        ("auth login o", ["other"]),
        ("run --env ", ["prod", "staging"]),
        ("run -e s", ["staging"]),
        ("init --connector pok", ["pokeapi"]),
        ("schema ", ["connector", "events", "project"]),
        ("completion z", ["zsh"]),
        ("nothing ", None),
        ("run --li", None),
    ],
)
def test_words_are_completed(project: ProjectFolder, line: str, offered: list[str] | None) -> None:
    assert complete(project, line) == offered


def test_the_project_is_the_one_that_the_line_names(
    project: ProjectFolder, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = ProjectFolder(tmp_path_factory.mktemp("elsewhere"))
    assert complete(elsewhere, f"run --project {project.folder} acme/it") == ["acme/items"]
    assert complete(elsewhere, "run -p nowhere acme/it") == []


def test_broken_files_complete_nothing(project: ProjectFolder) -> None:
    project.write("connectors/store.yaml", "syncs: [")
    assert complete(project, "run acme/") == []
    project.write("syncrun.yaml", "connections: {a: [")
    assert complete(project, "run acme/") == []


def test_the_tables_name_commands_and_options_that_there_are(project: ProjectFolder) -> None:
    context = click.Context(cli.group)
    for name in completing.ARGUMENTS:
        first, *below = name.split()
        if first not in cli._COMMANDS:
            continue
        command = cli.group.get_command(context, first)
        for word in below:
            assert isinstance(command, click.Group)
            command = command.get_command(context, word)
        assert command is not None, name
        assert any(isinstance(parameter, click.Argument) for parameter in command.params), name
        if isinstance(command, click.Group):
            assert set(command.commands) == {
                n.split()[1] for n in completing.ARGUMENTS if n.startswith(first)
            }


def ask(project: ProjectFolder, shell: str, line: str) -> str:
    words = line.split(" ")
    last = str(len(words) - 1) if shell != "fish" else words[-1]
    done = subprocess.run(
        [sys.executable, "-c", "import sys; from syncrun.cli import main; main()"],
        cwd=project.folder,
        env={
            **clean_environment(),
            completing.VARIABLE: f"{shell}_complete",
            "COMP_WORDS": line,
            "COMP_CWORD": last,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("shell", "told"),
    [("bash", "plain,acme/issues\n"), ("zsh", "plain\nacme/issues\n_\n"), ("fish", "plain,acme/issues\n")],
)
def test_every_shell_is_answered_as_it_asks(project: ProjectFolder, shell: str, told: str) -> None:
    assert ask(project, shell, "syncrun run acme/iss") == told


def test_options_come_from_the_command_itself(project: ProjectFolder) -> None:
    assert ask(project, "bash", "syncrun run --lo") == "plain,--lock-timeout\n"


def test_names_are_found_without_loading_what_runs_need(project: ProjectFolder) -> None:
    code = (
        "import os, sys; from syncrun.cli import execute; execute();"
        "print(*sorted({'pydantic', 'duckdb', 'httpx', 'rich'} & sys.modules.keys()), file=sys.stderr)"
    )
    environment = {completing.VARIABLE: "bash_complete", "COMP_WORDS": "syncrun run acme/", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project.folder,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("plain,acme/items\nplain,acme/issues\n", "\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_the_one_of_the_shell(project: ProjectFolder, shell: str) -> None:
    kind = get_completion_class(shell)
    assert kind is not None
    done = project.syncrun("completion", shell)
    assert done.exit_code == 0
    assert f"{completing.VARIABLE}={shell}_complete" in done.stdout


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="needs bash")
def test_bash_completes_with_the_script(project: ProjectFolder, tmp_path: Path) -> None:
    command = tmp_path / "syncrun"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m syncrun "$@"\n')
    command.chmod(0o755)
    script = 'eval "$(syncrun completion bash)"; COMP_WORDS=(syncrun run acme/iss); COMP_CWORD=2; _syncrun_completion syncrun; echo "${COMPREPLY[@]}"'
    environment = clean_environment()
    done = subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=project.folder,
        env={**environment, "PATH": f"{tmp_path}{os.pathsep}{environment['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("acme/issues\n", "")
