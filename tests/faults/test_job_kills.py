"""A run that is killed (SIGKILL) while an API prepares its export: the next run reads the same export."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

from tests.api import Answer, Api, Received
from tests.faults.driver import Case
from tests.project_folder import clean_environment

pytestmark = pytest.mark.slow

EXPORT = """
    connector: lab
    version: 1.0.0
    verify: false
    config: {url: {type: string}}
    base_url: "${config.url}"
    syncs:
      items:
        job:
          create: {path: /exports, json: {}}
          keep: {id: body.id}
          poll: {request: "/exports/${job.id}", done_when: "body.polls >= `3`", every: 1ms}
          download: "/exports/${job.id}/items"
        pagination: {type: page, size: 2}
        key: id
        fields: {id: {path: id, type: integer}, name: {path: name, type: string}}
"""
RECORDS = [{"id": number, "name": f"n{number}"} for number in range(1, 6)]


class Exports:
    """An API that remembers what each case asked for."""

    def __init__(self) -> None:
        self.created: Counter[str] = Counter()
        self.polls: Counter[str] = Counter()

    def create(self, request: Received) -> Answer:
        case = request.path.split("/")[1]
        self.created[case] += 1
        return Answer(json={"id": self.created[case]})

    def get(self, request: Received) -> Answer:
        if request.path.endswith("/mark"):
            return Answer(json=None, status=204)
        if request.path.endswith("/items"):
            page = int(request.params["page"])
            return Answer(json=RECORDS[(page - 1) * 2 : page * 2])
        self.polls[request.path] += 1
        return Answer(json={"polls": self.polls[request.path]})


@pytest.fixture(scope="module")
def killed(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[dict[str, dict[str, object]], Exports, list[str]]:
    """What became of runs killed on their way, what the API saw, and the steps of a peaceful run."""
    folder, exports = tmp_path_factory.mktemp("jobs"), Exports()
    (folder / "lab.yaml").write_text(dedent(EXPORT))
    plan = {
        "connector": str(folder / "lab.yaml"),
        "sync": "items",
        "base": None,
        "options": {"commit_rows": 2},
    }
    with Api() as api:
        plan["url"] = api.url
        api.on("GET *", exports.get)
        api.on("POST *", exports.create)
        (folder / "peaceful").mkdir()
        steps: list[str] = []
        assert Case(folder / "peaceful", plan).run(steps.append).status == "ok"
        plan["cases"] = {f"kill-{number}": [number] for number in moments(steps)}
        (folder / "plan.json").write_text(json.dumps(plan))
        command = [sys.executable, "-m", "tests.faults.driver", str(folder / "plan.json")]
        root = Path(__file__).parents[2]
        done = subprocess.run(
            command, cwd=root, env=clean_environment(), capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    outcomes = {n: json.loads((folder / n / "outcome.json").read_text()) for n in plan["cases"]}
    return outcomes, exports, steps


def moments(steps: list[str]) -> list[int]:
    """Return when runs are killed: with the creation noted, committed and told, at the first page and the last."""
    pages = [number for number, step in enumerate(steps, start=1) if step == "page"]
    return [steps.index(step) + 1 for step in ("staged", "store.committed", "job")] + [pages[0], pages[-1]]


def test_the_next_run_has_everything(killed: tuple[dict[str, dict[str, object]], Exports, list[str]]) -> None:
    outcomes, _, steps = killed
    assert steps.index("job") < steps.index("page")
    for name, outcome in outcomes.items():
        assert outcome["status"] == "ok", name
        assert outcome["state"]["names"] == [record["name"] for record in RECORDS], name  # type: ignore[index]


def test_r02_an_export_is_created_once_when_its_creation_was_noted(
    killed: tuple[dict[str, dict[str, object]], Exports, list[str]],
) -> None:
    outcomes, exports, steps = killed
    assert exports.created == Counter({"peaceful": 1, **dict.fromkeys(outcomes, 1)})
    assert steps[: steps.index("job")].count("page") == 0
