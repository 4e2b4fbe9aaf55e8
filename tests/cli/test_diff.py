"""`syncrun diff`: what a run changed, as far as it is known."""

from __future__ import annotations

import json

import pytest

from tests.api import Api
from tests.cli.conftest import CONNECTOR
from tests.project_folder import ProjectFolder

ANSWERS = [
    [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}, {"id": 4, "name": "four"}],
    [{"id": 1, "name": "uno"}, {"id": 3, "name": "three"}, {"id": 4, "name": "four"}],
    [{"id": 1, "name": "eins"}, {"id": 3, "name": "three"}, {"id": 4, "name": "four"}],
]


@pytest.fixture(params=[True, False], ids=["history", "no history"])
def history(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def runs(project: ProjectFolder, api: Api, history: bool) -> list[str]:
    """The ids of three runs: the second changed 1, added 3 and deleted 2, the third changed 1 again."""
    if history:
        kept = CONNECTOR.replace("    key: id\n", "    key: id\n    history: true\n", 1)
        project.write("connectors/store.yaml", kept)
    ids = []
    for answer in ANSWERS:
        api.clear()
        api.on("GET /items", json=answer)
        ids.append(project.run("acme/items").reports["items"]["run"])
    return ids


def test_a_run_shows_what_is_known_of_it(project: ProjectFolder, runs: list[str], history: bool) -> None:
    done = project.syncrun("diff", runs[1])
    head = f"acme/items, run {runs[1]}: 1 added, 1 updated, 1 deleted\n"
    rest = '+ 3  {"id": 3, "name": "three"}\n- 2  {"id": 2, "name": "two"}\n'
    assert done.exit_code == 0
    if history:
        assert (done.stdout, done.stderr) == ('~ 1  name: "one" → "uno"\n' + rest, head)
    else:
        assert (done.stdout, done.stderr) == (
            rest,
            head + "no longer known: 1 of 3 changes; later runs changed those records again\n"
            "what was before is not known: `history: true` in the sync keeps every version\n",
        )


def test_json_is_one_object_a_change(project: ProjectFolder, runs: list[str], history: bool) -> None:
    done = project.syncrun("diff", "last", "--json")
    [change] = [json.loads(line) for line in done.stdout.splitlines()]
    assert change == {
        "action": "UPDATED",
        "id": "[1]",
        "fields": ["name"] if history else None,
        "before": {"id": 1, "name": "uno"} if history else None,
        "after": {"id": 1, "name": "eins"},
    }


@pytest.mark.parametrize("history", [True], indirect=True)
def test_a_run_has_several_names(project: ProjectFolder, runs: list[str]) -> None:
    newest = project.syncrun("diff", runs[2])
    for name in ("last", "acme/items", runs[2][:-3]):
        assert project.syncrun("diff", name) == newest


def test_a_history_that_began_later_is_told(project: ProjectFolder, api: Api) -> None:
    runs = []
    for answer, connector in zip(
        ANSWERS,
        [CONNECTOR, CONNECTOR, CONNECTOR.replace("key: id\n", "key: id\n    history: true\n", 1)],
        strict=True,
    ):
        api.clear()
        api.on("GET /items", json=answer)
        project.write("connectors/store.yaml", connector)
        runs.append(project.run("acme/items").reports["items"]["run"])
    done = project.syncrun("diff", runs[0])
    assert done.stdout == '+ 4  {"id": 4, "name": "four"}\n'
    assert done.stderr.splitlines()[1:] == ["no longer known: 2 of 3 changes; the history began later"]
    assert project.syncrun("diff", runs[1]).stdout.splitlines()[0] == '~ 1  {"id": 1, "name": "uno"}'
    assert project.syncrun("diff", runs[2]).stdout == '~ 1  name: "uno" → "eins"\n'


@pytest.mark.parametrize("history", [False], indirect=True)
def test_r26_names_that_mean_nothing_are_told(project: ProjectFolder, runs: list[str]) -> None:
    for name, message in {
        "nope": "no run is called 'nope'\n  hint: the table syncrun.runs lists them; `last` is the newest",
        "acme/item": "acme/item has no runs\n  hint: did you mean 'acme/items'?",
        "2": f"3 runs begin with '2'\n  hint: write more of it, such as {', '.join(reversed(runs))}",
    }.items():
        done = project.syncrun("diff", name)
        assert (done.exit_code, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


def test_without_runs_there_is_nothing_to_show(project: ProjectFolder) -> None:
    done = project.syncrun("diff", "last")
    assert (done.exit_code, done.stderr) == (
        2,
        "error: there are no runs yet\n  hint: `syncrun run` makes the first\n",
    )
