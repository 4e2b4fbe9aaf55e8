"""Files of a project that make no sense, or are very large: problems with a place, in linear time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.project_folder import ProjectFolder

HEAD = "connector: lab\nbase_url: https://api.test\nsyncs:\n  items:\n    request: /items\n    key: id\n    fields: [id]\n"


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    folder = ProjectFolder(tmp_path)
    folder.write_project()
    return folder


def told(project: ProjectFolder, yaml: str) -> str:
    project.write("connectors/lab.yaml", yaml)
    done = project.syncrun("validate", "connectors/lab.yaml")
    assert done.exit_code == 2
    assert "internal error" not in done.stderr
    return done.stderr.splitlines()[0]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('    schema: "a\\0b.json"\n', ":8:13: 'a\\x00b.json' leads to no file"),
        ("    schema: loop.json\n", ":8:13: 'loop.json' leads to no file"),
        ("    timeout: 300000000d\n", ":8:14: '300000000d' is too long a duration"),
        ('hooks: "a\\0.py"\n', ":8:8: 'a\\x00.py' is no valid name"),
        ("md:\n", ":8:1: unknown key 'md'"),
    ],
)
def test_r26_what_leads_nowhere_has_its_place(project: ProjectFolder, line: str, problem: str) -> None:
    (project.folder / "loop.json").symlink_to("loop.json")
    assert told(project, HEAD + line) == f"connectors/lab.yaml{problem}"


def test_r26_a_link_in_a_circle_among_connectors_is_a_problem(project: ProjectFolder) -> None:
    project.write("connectors/lab.yaml", HEAD)
    (project.folder / "connectors" / "loop.yaml").symlink_to("loop.yaml")
    done = project.syncrun("validate")
    assert done.exit_code == 2
    assert done.stderr.startswith("connectors/loop.yaml: cannot be read: ")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("md:", "only a DuckDB file can be the database in this version of syncrun"),
        ("md:mine", "only a DuckDB file can be the database in this version of syncrun"),
        ("a\\0b", "'a\\x00b' leads to no file: it holds a NUL, or links lead in a circle"),
        ("loop", "'loop' leads to no file: it holds a NUL, or links lead in a circle"),
    ],
)
def test_r26_a_database_that_can_be_no_file_is_a_problem(
    project: ProjectFolder, name: str, problem: str
) -> None:
    (project.folder / "loop").symlink_to("loop")
    project.write("syncrun.yaml", f'database: "{name}"\n')
    for command in ("status", "validate"):
        done = project.syncrun(command)
        assert (done.exit_code, done.stderr.splitlines()[0]) == (2, f"syncrun.yaml:1:11: {problem}")


def test_r26_many_problems_take_no_longer_each(project: ProjectFolder) -> None:
    """Every unknown key is compared with those that are known, and no key with all the others."""
    yaml = HEAD + "".join(f"key_{number}: 1\n" for number in range(3_000))
    project.write("connectors/lab.yaml", yaml)
    done = project.syncrun("validate", "connectors/lab.yaml")
    assert done.exit_code == 2
    assert "1 file checked: 3,000 errors" in done.stdout + done.stderr


def test_r26_many_syncs_refer_to_each_other_by_wrong_names(project: ProjectFolder) -> None:
    """A hint names some of the thousands that it might be, and compares with none of them."""
    syncs = "".join(
        f"  s{n}: {{request: '/${{parent.id}}/{n}', key: id, fields: [id], for_each: {{sync: x{n}}}}}\n"
        for n in range(1_000)
    )
    project.write("connectors/lab.yaml", f"connector: lab\nbase_url: https://api.test\nsyncs:\n{syncs}")
    done = project.syncrun("validate", "connectors/lab.yaml")
    lines = done.stderr.splitlines()
    assert done.exit_code == 2
    assert len(lines[1]) < 500
    assert lines[1].endswith(", …")
