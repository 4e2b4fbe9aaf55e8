"""A run that is killed (SIGKILL) at any step, and the run after it: nothing lost, nothing twice, nothing extra."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tests.api import Answer, Api, Received
from tests.faults.driver import DATABASE, Case
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.project_folder import clean_environment

pytestmark = pytest.mark.slow

WALKS = 1  # cases in which one run after the other is killed, at steps drawn by lot
RECOVERY = 7  # the steps of the store in a commit; the next step is that it has recovered
MARK = "/mark"


@dataclass(frozen=True)
class Killed:
    """How one case went."""

    name: str
    kills: list[int]
    outcome: dict[str, Any]
    requests: list[Received]

    @property
    def state(self) -> dict[str, Any]:
        """What the database holds in the end."""
        return dict(self.outcome["state"])

    @cached_property
    def runs(self) -> list[list[str]]:
        """The steps of each killed run."""
        runs: list[list[str]] = [[]]
        for step in self.outcome["trace"]:
            if step == "killed":
                runs.append([])
            else:
                runs[-1].append(step)
        return runs[:-1]

    @cached_property
    def asked(self) -> list[list[str]]:
        """What each run asked the API for, without the case's own part of the path."""
        runs: list[list[str]] = [[]]
        for request in self.requests:
            target = request.target.removeprefix(f"/{self.name}")
            if target == MARK:
                runs.append([])
            else:
                runs[-1].append(target)
        return runs


class Suite:
    """All cases of one scenario, killed and run to the end."""

    def __init__(self, folder: Path, scenario: Scenario) -> None:
        self.folder, self.scenario = folder, scenario
        self.known = 0
        self.plan: dict[str, Any] = {
            "connector": str(folder / "lab.yaml"),
            "sync": "items",
            "base": None,
            "options": {"commit_rows": scenario.commit_rows},
        }
        (folder / "lab.yaml").write_text(scenario.connector)
        with Api() as api:
            self.plan["url"] = api.url
            api.on("GET *", self._answer)
            self._run_in_peace()
            self._run_killed()
            self.requests = list(api.requests)

    def _answer(self, request: Received) -> Answer:
        if request.path.endswith(MARK):
            return Answer(json=None, status=204)
        before = self.scenario.before
        known = before is not None and request.path.startswith("/base/")
        return before(request) if before is not None and known else self.scenario.after(request)

    def _run_in_peace(self) -> None:
        """Make the database to begin with, and find out which steps there are."""
        if self.scenario.before is not None:
            base = self._case("base")
            base.run(lambda _step: None)
            self.known = base.state()["last_seq"]
            self.plan["base"] = str(self.folder / "base" / DATABASE)
        peaceful = self._case("peaceful")
        if self.plan["base"]:
            peaceful.database.write_bytes(Path(self.plan["base"]).read_bytes())
        self.steps: list[str] = []
        assert peaceful.run_to_the_end(self.steps).status == "ok"
        self.peaceful = peaceful.state()

    def records_of(self, targets: list[str]) -> list[dict[str, Any]]:
        """Return the records that the API gave for *targets*."""
        bodies = [self.scenario.after(Received("GET", target, {}, b"")).json for target in targets]
        return [record for body in bodies for record in (body["data"] if isinstance(body, dict) else body)]

    def _case(self, name: str) -> Case:
        (self.folder / name).mkdir()
        return Case(self.folder / name, self.plan)

    def _run_killed(self) -> None:
        kills = [[n] for n, step in enumerate(self.steps, start=1) if step in self.scenario.steps]
        lots = random.Random(self.scenario.name)
        kills += [[lots.randint(2, len(self.steps)) for _ in range(3)] for _ in range(WALKS)]
        if "sealed" in self.scenario.steps:  # and the run that commits what was staged dies too
            staged = self.steps.index("staged") + 1
            kills += [[staged, RECOVERY], [staged, RECOVERY + 1]]
        cases = {f"kill-{'-'.join(map(str, at))}": at for at in kills}
        self.plan["cases"] = cases
        (self.folder / "plan.json").write_text(json.dumps(self.plan))
        command = [sys.executable, "-m", "tests.faults.driver", str(self.folder / "plan.json")]
        root = Path(__file__).parents[2]
        done = subprocess.run(
            command, cwd=root, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")

    @cached_property
    def cases(self) -> list[Killed]:
        """What became of them."""
        asked: dict[str, list[Received]] = {}
        for request in self.requests:
            asked.setdefault(request.path.split("/")[1], []).append(request)
        return [
            Killed(name, at, json.loads((self.folder / name / "outcome.json").read_text()), asked[name])
            for name, at in self.plan["cases"].items()
        ]

    @cached_property
    def halfway(self) -> list[Killed]:
        """The cases in which one run was killed, before all that it read was in its manifests."""
        pages = self.steps.count("page")
        return [c for c in self.cases if len(c.kills) == 1 and covered_pages(c.runs[0], "staged") < pages]


@pytest.fixture(scope="module", params=SCENARIOS, ids=lambda scenario: scenario.name)
def suite(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Suite:
    return Suite(tmp_path_factory.mktemp("kills"), request.param)


def test_the_run_after_a_kill_ends_well(suite: Suite) -> None:
    assert {
        case.name: case.outcome["message"] for case in suite.cases if case.outcome["status"] != "ok"
    } == {}
    assert [case.name for case in suite.cases if len(case.kills) == 1 and not case.outcome["reached"]] == []


def test_r02_no_record_is_lost_and_none_is_deleted_wrongly(suite: Suite) -> None:
    assert suite.peaceful["names"] == sorted(record["name"] for record in suite.scenario.live)
    wrong = {case.name: case.state["records"] for case in suite.cases}
    assert {name: found for name, found in wrong.items() if found != suite.peaceful["records"]} == {}


def test_no_change_is_told_twice(suite: Suite) -> None:
    told = {case.name: case.state["last_seq"] - suite.known for case in suite.cases}
    assert {name: count for name, count in told.items() if count != suite.scenario.events} == {}
    for case in suite.cases:
        positions = case.state["positions"]
        assert len(set(positions)) == len(positions) <= case.state["last_seq"]


def test_r02_at_most_the_uncommitted_part_is_fetched_again(suite: Suite) -> None:
    again = {}
    for case in suite.halfway:
        first, second = case.asked[:2]
        covered = first[: covered_pages(case.runs[0], "staged")]
        if suite.scenario.goes_on == "first page":
            assert second[0] == first[0]
        elif suite.scenario.goes_on == "cursor" and covered:
            newest = max(record["at"] for record in suite.records_of(covered))
            assert all(f"since={newest}" in target for target in second), case.name
        else:
            again[case.name] = [target for target in second if target in covered]
    assert {name: targets for name, targets in again.items() if targets} == {}


def test_r12_a_checkpoint_never_runs_ahead_of_its_rows(suite: Suite) -> None:
    for case in suite.halfway:
        found = case.outcome["after_kill"]
        committed = covered_pages(case.runs[0], "staged", before="store.committed")
        records = suite.records_of(case.asked[0][:committed])
        assert {record["name"] for record in records} <= set(found["names"]), case.name
        if suite.scenario.goes_on == "page":
            assert sum(map(pages_done, found["checkpoints"].values())) == committed, case.name


def test_r13_an_interrupted_unordered_read_keeps_the_old_cursor(suite: Suite) -> None:
    if suite.scenario.cursor is None:
        return
    cursors = {case.outcome["after_kill"]["checkpoints"][""]["cursor"] for case in suite.halfway}
    if suite.scenario.goes_on == "page":
        assert cursors == {"2024-05-08T00:00:00.000000Z"}
    ends = {case.name: case.state["checkpoints"][""]["cursor"] for case in suite.cases}
    assert max(ends.values()) == suite.scenario.cursor


def test_a_killed_run_is_not_said_to_be_running(suite: Suite) -> None:
    told = {status for case in suite.cases for (status,) in case.state["runs"]}
    assert told <= {"ok", "incomplete", "interrupted"}


def test_nothing_is_left_behind(suite: Suite) -> None:
    left = {case.name: case.outcome["files"] for case in suite.cases}
    assert {n: files for n, files in left.items() if files != [DATABASE, f"{DATABASE}.locks", "trace"]} == {}
    assert {case.name for case in suite.cases if case.state["windows"] != [[0], [0]]} == set()
    ends = {
        case.name: [c for c in case.state["checkpoints"].values() if c.get("resume")] for case in suite.cases
    }
    assert {name: resumes for name, resumes in ends.items() if resumes} == {}


def covered_pages(steps: list[str], durable: str, *, before: str = "") -> int:
    """Return how many pages had been taken at the last step *durable* (that a step *before* came after)."""
    if before:
        ends = [n for n, step in enumerate(steps) if step == before]
        steps = steps[: ends[-1]] if ends else []
    marks = [n for n, step in enumerate(steps) if step == durable]
    return steps[: marks[-1]].count("page") if marks else 0


def pages_done(checkpoint: dict[str, Any]) -> int:
    """Return how many pages a checkpoint says are read; a partition that is read to its end has two."""
    resume = checkpoint.get("resume")
    if resume:
        return int(resume["page"]["number"])
    return 2 if checkpoint.get("window") else 0
