"""What an API says never makes a terminal do anything (R23)."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from syncrun.cli.tables import write
from syncrun.cli.terminal import visible
from syncrun.stores.values.feed import QueryResult
from tests.api import Api
from tests.project_folder import Outcome, ProjectFolder

EVIL = "a\x1b]0;owned\x07\x1b[2Jb\x9b31mc\u202egpj.exe\u2066d\x00\x7f"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ROOT = Path(__file__).parents[2] / "runner" / "syncrun" / "cli"

CONNECTOR = """
connector: lab
base_url: {url}
auth: {{type: none}}
retry: {{attempts: 1}}
syncs:
  items: {{request: /items, pagination: none, key: id, fields: {{id: id, name: name}}, history: true}}
  wrong: {{request: /items, pagination: none, key: id, fields: {{id: id, n: {{path: name, type: integer}}}}}}
  refused: {{request: /refused, pagination: none, key: id, fields: [id]}}
  page: {{request: /page, pagination: none, key: id, fields: [id]}}
  unclear: {{request: /unclear, key: id, fields: [id]}}
"""


class Terminal(StringIO):
    """Standard output that a person looks at."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectFolder]:
    project = ProjectFolder(tmp_path_factory.mktemp("terminal"))
    with Api() as api:
        api.on("GET /items", json=[{"id": EVIL, "name": EVIL}])
        api.on("GET /refused", status=403, text=EVIL)
        api.on("GET /page", text=f"<html>{EVIL}", content_type="text/html")
        api.on("GET /unclear", json={EVIL: [1], f"b{EVIL}": [2]})
        project.write("connectors/lab.yaml", CONNECTOR.format(url=api.url))
        project.write_project(acme={"connector": "lab"})
        project.syncrun("run", "--all")
        yield project


@pytest.mark.parametrize(
    "command",
    [
        ("run", "--all"),
        ("run", "--all", "--json"),
        ("run", "--all", "--quiet"),
        ("dryrun", "acme/items", "--full"),
        ("dryrun", "acme/wrong"),
        ("dryrun", "acme/items", "--json"),
        ("records", "acme/items"),
        ("records", "acme/items", "-f", "json"),
        ("records", "acme/items", "-f", "jsonl"),
        ("query", "SELECT * FROM lab.items"),
        ("query", "SELECT reason FROM syncrun.quarantine"),
        ("query", "SELECT message FROM syncrun.runs", "-f", "json"),
        ("diff", "acme/items"),
        ("diff", "acme/items", "--json"),
        ("logs", "acme/refused"),
        ("logs", "acme/refused", "--json"),
        ("runs",),
        ("runs", "--json"),
        ("status",),
        ("status", "--json"),
        ("list",),
        ("explain", "acme/items"),
        ("checkpoint", "show", "acme/items"),
    ],
    ids=" ".join,
)
def test_no_command_writes_what_a_terminal_obeys(project: ProjectFolder, command: tuple[str, ...]) -> None:
    outcome = project.syncrun(*command)
    assert OBEYED.findall(outcome.stdout + outcome.stderr) == []


def test_what_is_written_out_can_still_be_read(project: ProjectFolder) -> None:
    shown = project.syncrun("query", "SELECT name FROM lab.items").stdout
    assert r"a\u001b]0;owned\u0007\u001b[2Jb\u009b31mc\u202egpj.exe\u2066d" in shown


def test_formats_for_programs_keep_data_as_it_is(project: ProjectFolder) -> None:
    def read(form: str) -> Outcome:
        return project.syncrun("query", "SELECT name FROM lab.items", "-f", form)

    [row] = json.loads(read("json").stdout)
    assert row == json.loads(read("jsonl").stdout)
    assert row["name"].startswith("a\x1b]0;owned\x07")
    assert "a\x1b]0;owned\x07" in read("csv").stdout


def test_a_terminal_obeys_no_csv() -> None:
    terminal = Terminal()
    write(QueryResult((EVIL,), ("VARCHAR",), iter([(EVIL,), (None,)])), "csv", terminal)
    assert terminal.getvalue().startswith(r"a\u001b]0;owned\u0007")
    assert OBEYED.search(terminal.getvalue()) is None


def test_line_breaks_and_tabs_stay_and_other_scripts_too() -> None:
    assert visible("one\n\ttwo שלום 🔑") == "one\n\ttwo שלום 🔑"
    assert visible("a\r\x1b\u2028") == r"a\u000d\u001b\u2028"


def test_commands_write_to_the_terminal_at_one_place() -> None:
    free = ("terminal.py", "completing.py", "completion.py")  # these two speak to shells
    direct = [
        path.name
        for path in sorted(ROOT.glob("*.py"))
        if path.name not in free
        and re.search(r"click\.s?echo\(|(?<![._\w])print\(", path.read_text(encoding="utf-8"))
    ]
    assert direct == []
